//! Training data: episodes of runs, and others' trajectories, to the data sets that trainers and verifiers take.

mod beside;
mod counts;
mod export;
mod hex;
mod import;
mod out;
mod parent;
mod reasoning;
pub mod sft;
mod side_by_side;
pub mod tokens;
pub mod verifier;

pub use counts::Counts;
pub use export::{Format, Written, atif, write_runs};
pub use import::{FileCounts, Target, import};
pub use out::Out;
