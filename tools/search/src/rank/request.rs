//! What is asked for, and what is found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cut::span::Span;

/// What is asked for. All that is given must fit; at least one thing must be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRequest {
    /// Words in any order: names, paths, phrases from an error message, a whole issue.
    pub query: String,
    /// A file pattern, such as `*.py` or `src/**/forms/*.py`.
    pub file_pattern: String,
    /// Names of classes.
    pub class_names: Vec<String>,
    /// Names of functions, `name` or `Class.name`.
    pub function_names: Vec<String>,
    /// Code as it is in the file; white space does not matter.
    pub code_snippet: String,
    /// Whether tests are searched as well; they are left out by default.
    pub include_tests: bool,
}

/// What is found: files in the order of their rank.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// The files.
    pub files: Vec<FoundFile>,
    /// Names that are much like those asked for, where there are none of those.
    pub did_you_mean: Vec<String>,
}

/// A file with what was found in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundFile {
    /// Path relative to the root.
    pub path: String,
    /// Rank score by words; higher is better.
    pub score: f32,
    /// The spans, best first.
    pub spans: Vec<FoundSpan>,
}

/// A span that was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FoundSpan {
    /// The span.
    #[serde(flatten)]
    pub span: Span,
    /// Rank score by words; higher is better.
    pub score: f32,
}

impl SearchRequest {
    /// Returns a request of words.
    pub fn text(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }

    /// Returns the request without names that are blank.
    pub(crate) fn without_blanks(&self) -> Self {
        let mut request = self.clone();
        for names in [&mut request.class_names, &mut request.function_names] {
            names.retain(|name| !name.trim().is_empty());
        }
        request
    }

    /// Returns whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        let blank = |text: &String| text.trim().is_empty();
        blank(&self.query)
            && blank(&self.file_pattern)
            && blank(&self.code_snippet)
            && self.class_names.iter().all(blank)
            && self.function_names.iter().all(blank)
    }
}
