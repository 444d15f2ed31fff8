//! The settings of the tools.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SyntaxCheck;

/// The settings of [`StrReplaceEditor`](crate::StrReplaceEditor).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EditorConfig {
    /// What to do about an edit that breaks the syntax of a Python file: `off`, `report` (default) or `refuse`.
    pub syntax_check: SyntaxCheck,
    /// Characters of a file, folder or snippet shown at once (default 16000).
    pub max_view: usize,
    /// Lines shown on either side of an edit (default 4).
    pub context: usize,
    /// Edits that can be undone for each file (default 20).
    pub undo_depth: usize,
}

impl Default for EditorConfig {
    fn default() -> Self {
        Self { syntax_check: SyntaxCheck::default(), max_view: 16_000, context: 4, undo_depth: 20 }
    }
}

/// The settings of [`ApplyPatch`](crate::ApplyPatch).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PatchConfig {
    /// What to do about a patch that breaks the syntax of a Python file: `off`, `report` (default) or `refuse`.
    pub syntax_check: SyntaxCheck,
    /// Unchanged lines at either end of a hunk that need not fit (default 2).
    pub fuzz: usize,
}

impl Default for PatchConfig {
    fn default() -> Self {
        Self { syntax_check: SyntaxCheck::default(), fuzz: 2 }
    }
}
