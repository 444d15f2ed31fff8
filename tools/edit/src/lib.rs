//! Text edits, and the `str_replace_editor` and `apply_patch` tools.
//!
//! The pure part works on texts: [`Text`] is a file's text with the way back to its bytes, [`str_replace`] and
//! [`insert`] change it, [`miss`] says why a text was not found, [`new_problems`] finds broken Python;
//! [`parse_patch`] reads a unified diff and [`apply_hunks`] applies it. The tools
//! [`StrReplaceEditor`] and [`ApplyPatch`] put it to work in a sandbox. This crate runs no code of the repository and
//! reads no file but through the sandbox.

mod edits;
mod patch;
mod tools;

mod error;

pub use edits::change::{Change, insert, str_replace};
pub use edits::miss::miss;
pub use edits::syntax::{SyntaxCheck, SyntaxProblem, SyntaxReason, is_python, new_problems, problems};
pub use edits::text::Text;
pub use edits::view::{lines, numbered, parse_range};
pub use error::EditError;
pub use patch::file_patch::{FilePatch, Hunk, HunkLine, Origin, Sign};
pub use patch::hunks::{Patched, apply_hunks};
pub use patch::parse::{ParseError, parse_patch};
pub use tools::apply_patch::{ApplyPatch, ApplyPatchArgs};
pub use tools::config::{EditorConfig, PatchConfig};
pub use tools::editor::{EditorArgs, StrReplaceEditor};
