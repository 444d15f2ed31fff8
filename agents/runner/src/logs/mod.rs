//! Saved logs: where they are, what is known of each, what they are judged by, and how verdicts on them compare.

mod grader;
mod manifest;
mod parity;
mod recorded;
mod saved;
mod suit;

pub use grader::Grader;
pub use manifest::{Record, instance_of, read_manifest, records_below};
pub use parity::{Agreement, Difference, Parity, What};
pub use recorded::Recorded;
pub use saved::{Log, Saved, Source};
pub use suit::{Suit, Suits};
