//! Scorers, picks and curves on episodes of runs and on published candidates.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells what it measured")]

mod asked;
mod intervals;
mod learned;
mod mixes;
mod pool;
mod published;
mod scorers;
