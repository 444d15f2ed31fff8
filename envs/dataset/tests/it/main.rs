//! Tests of the dataset crate: files, a hub on loopback, selections, and the real rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod files;
mod hub;
mod pages;
mod parquet_file;
mod real;
mod records;
mod select;
