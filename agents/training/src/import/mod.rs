//! Trajectories and candidate patches of other programs, taken into a run.

mod batches;
pub(crate) mod content;
mod conversation;
mod foreign;
mod formats;
mod into_run;
mod named_instance;
mod recognise;
mod response;

pub(crate) use formats::atif::NO_CONTENT;
pub use into_run::{FileCounts, Target, import};
