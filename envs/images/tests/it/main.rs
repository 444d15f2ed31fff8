//! Names and recipes of images.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod names;
mod recipes;
