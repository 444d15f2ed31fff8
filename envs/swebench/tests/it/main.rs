//! Environments in a real bash, the manifests, the specs, and our scripts against those of real rows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test fails by panicking")]

#[path = "../../../repo/tests/it/bash_sandbox.rs"]
#[allow(dead_code, reason = "shared with the tests of repo")]
mod bash_sandbox;
mod benchmark;
mod controls;
mod data;
mod manifests;
mod scripts;
mod specs;
mod swe_gym;
