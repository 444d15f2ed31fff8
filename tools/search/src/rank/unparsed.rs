//! Files whose definitions are not all known.

use serde::Serialize;
use serde_json::json;
use tool_core::Texts;

use crate::cut::place::is_test;
use crate::error::SearchError;
use crate::index::code_index::CodeIndex;
use crate::rank::request::{Found, SearchRequest};
use crate::rank::search::Pattern;

/// Files below which an answer to a question for names has little.
const FEW: usize = 2;
/// Files that an answer names.
const NAMED: usize = 3;
/// Characters of a reason that an answer gives.
const REASON: usize = 120;

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

    /// Returns a line on the files in which more may be defined of what a request asks for, to be put below what was
    /// found; empty where there are none, or enough was found.
    ///
    /// # Errors
    /// [`SearchError::Pattern`] for a file pattern that is none.
    pub fn remark(&self, request: &SearchRequest, found: &Found, texts: &dyn Texts) -> Result<String, SearchError> {
        // The text of every file is searched, so that it is names alone that may be missing.
        let by_name = !(request.class_names.is_empty() && request.function_names.is_empty());
        let enough = if by_name { FEW } else { 1 };
        if found.files.len() >= enough {
            return Ok(String::new());
        }
        let pattern = Pattern::new(&request.file_pattern, &self.root)?;
        Ok(self.remark_on(|path| pattern.fits(path) && (request.include_tests || !is_test(path)), texts))
    }

    /// Returns a line on those of these files that matter; empty where there are none.
    pub(crate) fn remark_on(&self, matters: impl Fn(&str) -> bool, texts: &dyn Texts) -> String {
        let mut files = self.unparsed();
        files.retain(|file| matters(&file.path));
        if files.is_empty() {
            return String::new();
        }
        let named = files.iter().take(NAMED).map(|file| {
            let why: String = file.why.chars().take(REASON).collect();
            texts.render("search/unparsed_file", json!({ "path": file.path, "why": why }))
        });
        let named: Vec<String> = named.collect();
        let values = json!({ "files": named, "more": files.len().saturating_sub(NAMED) });
        texts.render("search/unparsed", values) + "\n"
    }
}
