//! What is made of runs: data for trainers, scores, picks; and what is taken into runs.

pub(crate) mod best_of;
mod curves;
pub(crate) mod import;
pub(crate) mod improve;
mod scorer;
pub(crate) mod verify;
