//! What holds for the sandboxes of every provider that runs the persistent shell.
//!
//! The tests of a provider take this folder in by its path. Beside it they have a module `provider` with `PLUG`, the
//! provider, `source`, which returns what its sandboxes start from, and `provider_test`, which makes a test of a function
//! and says what the test needs.

pub(crate) mod bombs;
mod commands;
mod disk;
mod ends;
mod files;
pub(crate) mod fixture;
mod sabotage;
mod shells;
