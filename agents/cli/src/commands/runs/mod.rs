//! What is told of runs that are there.

mod named_run;
pub(crate) mod report;
pub(crate) mod status;
