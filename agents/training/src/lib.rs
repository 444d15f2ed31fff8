//! Training data: episodes of runs, and others' trajectories, to the data sets that trainers and verifiers take.

mod beside;
mod export;
mod import;
pub mod sft;
pub mod tokens;

pub use export::{Format, Written, write_runs};
pub use import::{FileCounts, Target, import};
