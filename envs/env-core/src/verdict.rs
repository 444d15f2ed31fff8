//! The verdict on a patch and what it rests on.

mod failure;
mod infra;
mod trust;

pub use failure::Failure;
pub use infra::{Infra, InfraReason, Tier};
pub use trust::{Distrust, Judging, Sign, Trust};

use crate::{Report, StatusMap};

/// The verdict on a patch and what it rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The official part.
    pub report: Report,
    /// Why it is not an ordinary one, when it is not.
    pub failure: Option<Failure>,
    /// Sign that the environment is at fault, looked for when the log is not valid. It explains the verdict but does
    /// not change it.
    pub infra: Option<Infra>,
    /// What shows that the environment is broken, when the tests do not run without the patch either. An environment
    /// does not determine this by itself: the caller must run both.
    pub broken: Option<String>,
    /// Whether the engine ended the tests because memory ran out.
    pub out_of_memory: bool,
    /// How far it can be trusted.
    pub trust: Trust,
    /// What the log says of each test; empty when it does not count.
    pub statuses: StatusMap,
    /// The whole log of applying and testing, as bytes; empty when nothing was run.
    pub test_output: Vec<u8>,
}
