//! Saved logs: where they are, what is known of each, what they are judged by, and how verdicts on them compare.

mod grader;
mod manifest;
mod parity;
mod recorded;
mod saved;
mod suit;

pub(crate) use grader::Grader;
pub(crate) use manifest::{Record, instance_of, read_manifest, records_below};
pub(crate) use parity::{Agreement, Difference, Parity, What};
pub(crate) use recorded::Recorded;
pub(crate) use saved::{Log, Saved, Source};
pub(crate) use suit::{Suit, Suits};
