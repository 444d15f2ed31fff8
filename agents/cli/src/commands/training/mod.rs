//! What is made of runs: data for trainers, scores, picks.

pub(crate) mod export;
