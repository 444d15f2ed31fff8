//! Configurations of trainers.

use super::{Card, Settings};

/// Returns the files beside the rows, name and text.
pub(super) fn recipe(_settings: &Settings, _card: &Card) -> Vec<(String, String)> {
    Vec::new()
}
