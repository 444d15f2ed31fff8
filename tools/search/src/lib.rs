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

mod cut;
mod index;
mod rank;
mod tools;

mod error;

pub use cut::notebook::{code, is_notebook};
pub use cut::parse::outline;
pub use cut::place::{Skip, is_test};
pub use cut::span::{Outline, Span, SpanKind};
pub use error::SearchError;
pub use index::cache::Cache;
pub use index::code_index::{CodeIndex, Options};
pub use index::tree::Skipped;
pub use rank::recall::{CUTS, Case, Measured, measure};
pub use rank::request::{Found, FoundFile, FoundSpan, SearchRequest};
pub use rank::symbols::Place;
pub use rank::unparsed::Unparsed;
pub use tools::checkout::{Checkout, Synced};
pub use tools::config::{SearchConfig, SharedCache};
pub use tools::find_symbol::{FindSymbol, FindSymbolArgs};
pub use tools::list_files::{ListFiles, ListFilesArgs};
pub use tools::near::did_you_mean;
pub use tools::offer::{SearchTool, offer};
pub use tools::search_code::SearchCode;
pub use tools::view_code::{ViewCode, ViewCodeArgs};
