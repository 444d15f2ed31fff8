//! The patch that an agent submits.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tool_core::Stamp;

/// The patch that an agent submits: a git diff against the tree of the base commit; empty when nothing was changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Patch(pub String);

impl Patch {
    /// Returns 64 hex digits that tell this patch from any other.
    pub fn digest(&self) -> String {
        sha256(&self.0)
    }

    /// Returns whether the patch changes nothing.
    pub fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }
}

/// Returns the SHA-256 of bytes as 64 hex digits.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What patches are captured against: a tree outside the repository, so that what the agent does to git cannot change
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Absolute path of the repository in the sandbox.
    pub root: String,
    /// Absolute path of the git directory that holds the tree.
    pub git_dir: String,
    /// Object id of the tree: base_commit's, plus what lay untracked in the image.
    pub tree: String,
    /// The state of the repository's files when this was taken, where the sandbox can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
}
