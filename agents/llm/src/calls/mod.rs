//! Tool calls in text and in JSON, written and read back. Pure functions.

pub(crate) mod json_call;
pub(crate) mod json_pieces;
pub(crate) mod json_reader;
pub(crate) mod json_tools;
pub(crate) mod parameter;
pub(crate) mod text_parse;
pub(crate) mod text_tools;
pub(crate) mod thoughts;
