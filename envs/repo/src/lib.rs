//! A git repository in a sandbox: what is cleaned before an agent sees it, and the patch that is taken out or put in.
//!
//! [`history::prepare`] puts a repository at its base commit with nothing of its future in reach and keeps a
//! [`Baseline`](env_core::Baseline); [`capture::capture`] takes the changes since then as a patch, from outside where the
//! sandbox is of no more use; [`apply()`] applies a patch in a fresh sandbox. All of it runs as shell scripts through a
//! `Sandbox`. Nothing here knows a dataset, a test or a log.

pub mod capture;
pub mod history;
pub mod outside;

mod apply;
mod left_out;
mod scratch;
mod script;
mod sections;

pub use apply::{Applied, apply};
pub use left_out::{LeftOut, WhyLeftOut};
pub use scratch::{read_scratch, scratch_path, write_scratch};
pub use sections::{Section, sections};
