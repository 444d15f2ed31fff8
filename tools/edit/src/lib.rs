//! Text edits, and the `str_replace_editor` and `apply_patch` tools.
//!
//! The pure part works on texts: [`Text`] is a file's text with the way back to its bytes, [`str_replace`] and
//! [`insert`] change it, [`miss`] says why a text was not found, [`new_problems`] finds broken Python;
//! [`parse_patch`] reads a unified diff and [`apply_hunks`] applies it. The tools
//! [`StrReplaceEditor`] and [`ApplyPatch`] put it to work in a sandbox. This crate runs no code of the repository and
//! reads no file but through the sandbox.

mod change;
mod closest;
mod diff;
mod error;
mod miss;
mod syntax;
mod text;
mod view;

mod hunks;
mod parse;
mod patch;
mod place;
mod quoted;

mod config;
mod editor;
mod history;
mod listing;
mod path;

mod apply_patch;
mod staging;

pub use apply_patch::{ApplyPatch, ApplyPatchArgs};
pub use change::{Change, insert, str_replace};
pub use config::{EditorConfig, PatchConfig};
pub use editor::{EditorArgs, StrReplaceEditor};
pub use error::EditError;
pub use hunks::{Patched, apply_hunks};
pub use miss::miss;
pub use parse::{ParseError, parse_patch};
pub use patch::{FilePatch, Hunk, HunkLine, Origin, Sign};
pub use syntax::{SyntaxCheck, SyntaxProblem, is_python, new_problems, problems};
pub use text::Text;
pub use view::{lines, numbered, parse_range};
