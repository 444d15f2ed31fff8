//! What an audit looked for and found.

use serde::{Deserialize, Serialize};

use crate::kind::Kind;

/// Version of the audit. It is raised when an audit may find more than before, so that earlier certificates count no
/// longer.
pub const VERSION: u32 = 3;

/// What an audit of one image for one instance looked for and found.
///
/// Nothing of the gold patch itself is in it: lines are named by their numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// [`VERSION`].
    pub version: u32,
    /// Version of Spotter.
    pub spotter: String,
    /// The instance.
    pub instance_id: String,
    /// Its base commit.
    pub base_commit: String,
    /// Path of the tree in the image.
    pub root: String,
    /// Name of the image.
    pub image: String,
    /// Digest of the image.
    pub digest: String,
    /// Digest of the gold patch; absent where the dataset has none, and then no gold lines were looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gold: Option<String>,
    /// When the audit was made, in seconds since 1970 (UTC).
    pub made: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The kinds that it looked for.
    pub looked_for: Vec<Kind>,
    /// Lines of the gold patch.
    pub lines: Lines,
    /// What was read.
    pub seen: Seen,
    /// What was found, alarms first.
    pub findings: Vec<Finding>,
}

/// How many lines of the gold patch an audit could look for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Lines that it adds.
    pub added: usize,
    /// Lines of these that are distinctive and not in the base commit.
    pub distinctive: usize,
}

/// What an audit has read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Files of the image.
    pub files: u64,
    /// Their bytes, as they are stored.
    pub bytes: u64,
    /// Bytes that were searched, unpacked.
    pub searched: u64,
    /// Members of archives.
    pub members: u64,
    /// Objects of git.
    pub objects: u64,
    /// What could not be read, or in part only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Absolute path in the image.
    pub path: String,
    /// What shows it, in words.
    pub evidence: Vec<String>,
    /// Whether a solver would see it.
    pub alarm: bool,
    /// Why it is no alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excused: Option<String>,
    /// Whether it can be removed from a sandbox without breaking what runs in it.
    pub removable: bool,
}

impl Certificate {
    /// Returns what a solver would see.
    pub fn alarms(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.alarm)
    }
}
