//! What a finding is.

use serde::{Deserialize, Serialize};

/// What a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A branch, tag, note or other name in the tree's own repository that leads elsewhere than to the base commit.
    Refs,
    /// What the tree's own repository notes of earlier positions: reflogs, `ORIG_HEAD`, `FETCH_HEAD`.
    Reflog,
    /// Work that was put aside in the tree's own repository.
    Stash,
    /// A further working tree of the tree's own repository.
    Worktree,
    /// An object store that the tree's own repository borrows from.
    Alternates,
    /// Objects of the tree's own repository that hold gold lines.
    Objects,
    /// A tracked file that is not as the base commit has it.
    ModifiedFile,
    /// Another repository that holds the project's files.
    Repository,
    /// Another repository without a working tree that holds the project's files.
    BareRepository,
    /// A git bundle with the project's files.
    Bundle,
    /// A pack outside of any repository with the project's files.
    Pack,
    /// An archive with the project's files.
    Archive,
    /// A wheel of the project.
    Wheel,
    /// A source package of the project.
    SourcePackage,
    /// An egg of the project.
    Egg,
    /// The project in a cache of pip, uv, conda, apt or another installer.
    PackageCache,
    /// Copies of the project's files in a folder that a build has left.
    BuildFolder,
    /// The project as installed elsewhere than in the tree.
    InstalledCopy,
    /// Any other copy of the project's files.
    SourceCopy,
    /// Byte code of the project whose source is missing or another one.
    ByteCode,
    /// What an editor or a merge has kept of a file of the project.
    Backup,
    /// A patch to the project's files.
    PatchFile,
    /// Rows of a dataset with the instance.
    DatasetRows,
    /// Any other file with distinctive lines of the gold patch.
    GoldLines,
}

impl Kind {
    /// All kinds, which every audit looks for; those that go by gold lines alone only where there is a gold patch.
    pub const ALL: [Self; 24] = [
        Self::Refs,
        Self::Reflog,
        Self::Stash,
        Self::Worktree,
        Self::Alternates,
        Self::Objects,
        Self::ModifiedFile,
        Self::Repository,
        Self::BareRepository,
        Self::Bundle,
        Self::Pack,
        Self::Archive,
        Self::Wheel,
        Self::SourcePackage,
        Self::Egg,
        Self::PackageCache,
        Self::BuildFolder,
        Self::InstalledCopy,
        Self::SourceCopy,
        Self::ByteCode,
        Self::Backup,
        Self::PatchFile,
        Self::DatasetRows,
        Self::GoldLines,
    ];

    /// Returns whether a finding of this kind can be removed from a sandbox without breaking what runs in it.
    pub fn is_removable(self) -> bool {
        // What is installed may be what the tests import.
        !matches!(self, Self::InstalledCopy)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = serde_json::to_value(self).unwrap_or_default();
        formatter.write_str(&name.as_str().unwrap_or_default().replace('_', " "))
    }
}
