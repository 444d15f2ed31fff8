//! Saved logs: where they are, what is known of each, what they are judged by, and how verdicts on them compare.

mod grader;
mod lines;
mod log_dialect;
mod manifest;
mod parity;
mod recorded;
mod saved;

pub use grader::Grader;
pub use log_dialect::{DialectCounts, LogDialect};
pub use manifest::{Record, instance_of, read_manifest, records_below};
pub use parity::{Agreement, Compared, ComparisonKind, Difference, Parity};
pub use recorded::Recorded;
pub use saved::{Log, SavedLogs, Source};
