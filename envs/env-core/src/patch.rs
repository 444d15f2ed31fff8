//! What an agent hands in.

use serde::{Deserialize, Serialize};

/// What an agent hands in: a git diff against the tree of the base commit; empty when nothing was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patch(pub String);

impl Patch {
    /// Returns whether the patch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// What patch capture compares with: a tree kept outside the repository, out of the way of what the agent does to git.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Absolute path of the repository in the sandbox.
    pub root: String,
    /// Absolute path of the git directory that holds the tree.
    pub git_dir: String,
    /// Object id of the tree: base_commit's, plus what lay untracked in the image.
    pub tree: String,
}
