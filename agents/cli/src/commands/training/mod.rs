//! What is made of runs: data for trainers, scores, picks; and what is taken into runs.

mod asked;
pub(crate) mod best_of;
mod curves;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod improve;
pub(crate) mod scorer;
mod stored;
mod trials;
pub(crate) mod verify;

pub(crate) use best_of::BestOf;
pub(crate) use export::ExportCommand;
pub(crate) use import::Import;
pub(crate) use improve::Improve;
pub(crate) use verify::Verify;
