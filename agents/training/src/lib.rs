//! Training data: episodes of runs, and others' trajectories, to the data sets that trainers and verifiers take.

pub mod sft;
pub mod tokens;
