//! What is made of runs: data for trainers, scores, picks.

pub(crate) mod best_of;
mod curves;
pub(crate) mod import;
mod scorer;
pub(crate) mod verify;

pub(crate) use best_of::BestOf;
pub(crate) use import::Import;
pub(crate) use verify::Verify;
