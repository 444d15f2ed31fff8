//! Search over small trees, real trees and hostile ones.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod cache;
mod edits;
mod notebooks;
mod queries;
mod rerank;
mod robust;
mod spans;
mod templates;
mod tools;
mod tree;
