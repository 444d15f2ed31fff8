//! Text edits, and the str_replace_editor and apply_patch tools.
