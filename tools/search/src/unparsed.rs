//! Files whose definitions are not all known.

use serde::Serialize;

use crate::index::CodeIndex;

/// A file that is searched by its text, while names that it defines may be missing from the symbol table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unparsed {
    /// Path relative to the root.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

impl CodeIndex {
    /// Returns the files that could not be parsed, or for the most part not, in the order of paths.
    pub fn unparsed(&self) -> Vec<Unparsed> {
        let files = self.view.files().iter().filter_map(|file| {
            let why = self.view.unparsed(*file)?.to_owned();
            Some(Unparsed { path: self.view.path(*file).to_owned(), why })
        });
        files.collect()
    }
}
