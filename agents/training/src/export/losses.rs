//! What an export could not say in its format.

use std::collections::BTreeMap;

/// What did not fit a format, counted by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Losses(pub(super) BTreeMap<String, usize>);

impl Losses {
    /// Counts some of a kind; none is not mentioned.
    pub(super) fn count(&mut self, kind: &str, number: usize) {
        if number > 0 {
            *self.0.entry(kind.to_owned()).or_default() += number;
        }
    }
}
