//! What an export wrote.

use crate::counts::Counts;

/// What an export wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Episodes that were written.
    pub episodes: usize,
    /// Episodes that were left out, by reason.
    pub left_out: Counts,
    /// What did not fit the format, by kind.
    pub losses: Counts,
}
