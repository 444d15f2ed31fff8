//! Training data: episodes of runs, and others' trajectories, to the data sets that trainers and verifiers take.

mod import;
pub mod sft;
pub mod tokens;
pub mod verifier;

pub use import::{FileCounts, Target, import};
