//! Code search in the process: no service is needed.
//!
//! [`CodeIndex`] is the index of one checkout. Files are cut into parts, and these into [`Span`]s by tree-sitter; tantivy
//! holds them in packs, which never change and which trees of one repository share. [`Cache`] keeps packs on disk, and
//! open for the episodes of a process. An edit adds a small pack in memory on top, with the parts that it changed.
//! [`CodeIndex::search`] answers a [`SearchRequest`] by BM25 over spans and files, by the symbol table, by exact code and
//! by file pattern. The tools [`SearchCode`], [`FindSymbol`], [`ViewCode`] and [`ListFiles`] do so for the repository of
//! a sandbox, over one [`Checkout`], which re-ranks by the vectors of a [`tool_core::Embed`] where it is given one.
//! Of notebooks the code of the cells is indexed, and templates of Cython and Python by what they are made into; what
//! could not be parsed is in [`CodeIndex::unparsed`]. [`measure`] tells how good the ranking is. Not here: a watch on files, a model for vectors, and what to do with what
//! was found.

mod span;

mod language;
mod place;
mod template;
mod tokens;

mod cut;
mod cython;
mod cython_lines;
mod json;
mod notebook;
mod parse;
mod part;
mod row;

mod key;
mod pack;
mod schema;
mod tree;

mod build;
mod cache;
mod entry;
mod manifest;
mod view;

mod query;
mod rank;
mod weights;

mod request;
mod search;
mod snippet;
mod symbols;

mod error;
mod index;
mod show;
mod unparsed;

mod rerank;
mod vectors;

mod checkout;
mod config;
mod find_symbol;
mod list_files;
mod near;
mod offer;
mod search_code;
mod view_code;

mod recall;

pub use cache::Cache;
pub use checkout::{Checkout, Synced};
pub use config::{SearchConfig, SharedCache};
pub use error::SearchError;
pub use find_symbol::{FindSymbol, FindSymbolArgs};
pub use index::{CodeIndex, Options};
pub use list_files::{ListFiles, ListFilesArgs};
pub use near::did_you_mean;
pub use notebook::{code, is_notebook};
pub use offer::{SearchTool, offer};
pub use parse::outline;
pub use place::{Skip, is_test};
pub use recall::{CUTS, Case, Measured, measure};
pub use request::{Found, FoundFile, FoundSpan, SearchRequest};
pub use search_code::SearchCode;
pub use span::{Outline, Span, SpanKind};
pub use symbols::Place;
pub use tree::Skipped;
pub use unparsed::Unparsed;
pub use view_code::{ViewCode, ViewCodeArgs};
