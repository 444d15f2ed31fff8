//! Dataset rows from JSONL, JSON, Parquet or the hub.
//!
//! [`load`] reads a [`Source`] into [`Row`]s; [`select`] narrows the instances of a dataset down. A row holds the gold
//! patch and the tests, so it stays inside an environment crate: [`Row::instance`] is what may leave it. Nothing here
//! knows an image, a test command or a log; the process environment is read by the caller.

mod error;
mod parts;
mod row;

mod columns;
mod text;

pub use error::DatasetError;
pub use row::Row;
pub use text::load_file;
