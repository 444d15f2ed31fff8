//! Sweeps: many cells, instances and samples from one YAML file, and reports on them.
//!
//! A sweep is planned from its file, worked on by the runner's engine, and recorded in the journal of its run; a report
//! reads the journal and nothing else.

pub mod report;
pub mod status;
