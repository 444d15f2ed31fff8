//! Dataset rows from JSONL, JSON, Parquet or the hub.
//!
//! [`load`] reads a [`Source`] into [`Row`]s; [`select`] narrows the instances of a dataset down. A row holds the gold
//! patch and the tests, so it stays inside an environment crate: [`Row::instance`] is what may leave it. Nothing here
//! knows an image, a test command or a log; the process environment is read by the caller.
//!
//! A [`KnownDataset`] names the commit that it is pinned to. What is not pinned is taken from `main`, and [`download`]
//! keeps the commit that this was at first.

mod json;
mod parquet;

mod answers;
mod error;
mod row;
mod source;

mod load;
mod records;
mod select;

mod column_names;
mod columns;
mod download_lock;
mod hub;
mod hub_client;
mod python_list;
mod shards;

pub use answers::Answers;
pub use column_names::ColumnNames;
pub use columns::kind;
pub use error::DatasetError;
pub use hub::{Download, HubSettings, commit, download};
pub use load::{load, load_file, load_path};
pub use records::each::each_record;
pub use records::record::Record;
pub use row::Row;
pub use select::{Selection, read_ids, select};
pub use source::{HubDataset, KnownDataset, Source};
