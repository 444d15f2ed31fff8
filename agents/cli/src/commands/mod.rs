//! The commands.

pub(crate) mod clean;
pub(crate) mod config;
mod engine;
pub(crate) mod evaluate;
pub(crate) mod grade;
#[cfg(feature = "gym")]
pub(crate) mod gym;
pub(crate) mod images;
pub(crate) mod index;
pub(crate) mod instances;
pub(crate) mod parity;
mod recall;
pub(crate) mod replay;
mod run_folder;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod solve;
pub(crate) mod sweep;
#[cfg(feature = "training")]
pub(crate) mod training;
pub(crate) mod validate;

pub(crate) use clean::Clean;
pub(crate) use config::Config;
pub(crate) use evaluate::Evaluate;
pub(crate) use grade::Grade;
#[cfg(feature = "gym")]
pub(crate) use gym::GymCommand;
pub(crate) use images::ImagesCommand;
pub(crate) use index::Index;
pub(crate) use instances::Instances;
pub(crate) use parity::ParityCommand;
pub(crate) use replay::Replay;
pub(crate) use runs::report::ReportCommand;
pub(crate) use runs::status::StatusCommand;
#[cfg(feature = "viewer")]
pub(crate) use runs::view::View;
pub(crate) use search::Search;
pub(crate) use solve::Solve;
pub(crate) use sweep::SweepCommand;
pub(crate) use sweep::work::WorkCommand;
#[cfg(feature = "training")]
pub(crate) use training::{BestOf, ExportCommand, Import, Improve, Verify};
pub(crate) use validate::Validate;
