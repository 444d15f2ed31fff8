//! Scorers, picks and curves on episodes of runs and on published candidates.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod asked;
mod learned;
mod pool;
mod published;
mod scorers;
