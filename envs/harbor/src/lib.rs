//! Harbor task folders: written for the trainers that read them, and read as instances.
//!
//! An [`Exporter`] writes the folder of an instance: instruction, `task.toml` ([`task`]), what the agent's image is, and
//! the tests with the [`grader`], a small program that judges the patch where the verifier runs. [`Harbor`] is what the
//! configuration knows of task folders, this project's and others'; their own verifiers judge, in fresh sandboxes.

pub mod export;
pub mod grader;
pub mod task;

mod environment;
mod plug;
mod run;

pub use export::{ExportError, Exported, Exporter, GraderFile};
pub use plug::Harbor;
