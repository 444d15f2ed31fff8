//! Training data by way of real files and run folders.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod export;
mod import;
mod places;
mod real_data;
mod sft;
mod sft_forms;
mod shown;
mod verifier;
mod written;
