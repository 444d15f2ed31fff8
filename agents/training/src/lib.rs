//! Training data: episodes of runs, and others' trajectories, to the data sets that trainers and verifiers take.

mod import;

pub use import::{FileCounts, Target, import};
