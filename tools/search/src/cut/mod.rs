//! Files cut into parts and spans: languages, notebooks, templates and Cython.

pub(crate) mod cython;
pub(crate) mod cython_lines;
pub(crate) mod json;
pub(crate) mod key;
pub(crate) mod language;
pub(crate) mod lines;
pub(crate) mod notebook;
pub(crate) mod parse;
pub(crate) mod part;
pub(crate) mod place;
pub(crate) mod row;
pub(crate) mod span;
pub(crate) mod template;
