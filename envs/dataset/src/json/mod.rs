//! Rows from JSONL and JSON.

pub(crate) mod bare_words;
pub(crate) mod text;
