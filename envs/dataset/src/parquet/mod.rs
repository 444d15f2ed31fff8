//! Rows from Parquet, with checks of a file before its reader sees it.

pub(crate) mod deltas;
pub(crate) mod expand;
pub(crate) mod footer;
pub(crate) mod page_header;
pub(crate) mod pages;
pub(crate) mod rows;
pub(crate) mod thrift;
