//! Audits of trees that are made here, without an engine.

mod scan;
mod tree;
