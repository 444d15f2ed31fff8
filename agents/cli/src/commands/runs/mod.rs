//! What is told of runs that are there.

pub(crate) mod named_run;
pub(crate) mod report;
pub(crate) mod status;
