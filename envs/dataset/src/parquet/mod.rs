//! Rows from Parquet, and a look through a file before its reader has one.

pub(crate) mod deltas;
pub(crate) mod expand;
pub(crate) mod footer;
pub(crate) mod page_header;
pub(crate) mod pages;
pub(crate) mod rows;
pub(crate) mod thrift;
