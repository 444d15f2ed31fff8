//! What a part of a file is known by.

use serde::{Deserialize, Serialize};

/// A hash of a part of a file and of where it is: the same part in two trees is one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key([u8; 16]);

impl Key {
    pub(crate) fn of(texts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            hasher.update(&text.len().to_le_bytes()).update(text.as_bytes());
        }
        Self::from(&hasher)
    }

    /// Returns the key of the next one that is just the same.
    pub(crate) fn next(self) -> Self {
        Self::from(blake3::Hasher::new().update(&self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn from(hasher: &blake3::Hasher) -> Self {
        let mut key = [0; 16];
        hasher.finalize_xof().fill(&mut key);
        Self(key)
    }
}
