//! What `undo_edit` can bring back.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The earlier contents of files, by sandbox and path.
#[derive(Debug, Default)]
pub(crate) struct History {
    files: HashMap<(String, String), VecDeque<Revision>>,
}

/// One step back.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    /// The bytes before the edit; nothing when the edit made the file.
    pub(crate) before: Option<Vec<u8>>,
    /// Fingerprint of the bytes that the edit left.
    after: u64,
}

impl Revision {
    /// Returns whether `current` is what the edit left.
    pub(crate) fn left(&self, current: &[u8]) -> bool {
        self.after == fingerprint(current)
    }
}

impl History {
    /// Notes an edit, and forgets the oldest one of this file when there are more than `depth`.
    pub(crate) fn push(&mut self, sandbox: &str, path: &str, before: Option<Vec<u8>>, after: &[u8], depth: usize) {
        let revisions = self.files.entry((sandbox.to_owned(), path.to_owned())).or_default();
        revisions.push_back(Revision { before, after: fingerprint(after) });
        while revisions.len() > depth {
            revisions.pop_front();
        }
    }

    /// Returns the last edit of a file.
    pub(crate) fn last(&self, sandbox: &str, path: &str) -> Option<Revision> {
        self.files.get(&(sandbox.to_owned(), path.to_owned()))?.back().cloned()
    }

    /// Forgets the last edit of a file and returns how many are left.
    pub(crate) fn pop(&mut self, sandbox: &str, path: &str) -> usize {
        let Some(revisions) = self.files.get_mut(&(sandbox.to_owned(), path.to_owned())) else { return 0 };
        revisions.pop_back();
        revisions.len()
    }
}

fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
