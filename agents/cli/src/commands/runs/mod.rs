//! Commands that report on existing runs.

pub(crate) mod named_run;
pub(crate) mod report;
pub(crate) mod status;
#[cfg(feature = "viewer")]
pub(crate) mod view;
