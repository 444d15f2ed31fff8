//! What an export wrote.

use std::collections::BTreeMap;

/// What an export wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Episodes that were written.
    pub episodes: usize,
    /// Episodes that were left out, by reason.
    pub left_out: BTreeMap<String, usize>,
    /// What did not fit the format, by kind.
    pub losses: BTreeMap<String, usize>,
}
