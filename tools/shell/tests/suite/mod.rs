//! What holds for the sandboxes of every provider that runs the persistent shell.
//!
//! The tests of a provider take this folder in by its path. Beside it they have a module `provider` with `PLUG`, the
//! provider, and `source`, which returns what its sandboxes start from, or `None` with the reason on standard error.

pub(crate) mod bombs;
mod commands;
mod disk;
mod ends;
mod files;
pub(crate) mod fixture;
mod sabotage;
mod shells;
