//! Recorded episodes that are run again: compared with their record, or continued from one of their steps.

mod compare;
mod diff;
mod prefix;
mod record;
mod settings;

pub use compare::{Comparison, Divergence, DivergenceKind, LiveComparison, compare};
pub use prefix::Prefix;
pub use record::{RecordedEpisode, find};
pub use settings::{check_agent, other_settings};
