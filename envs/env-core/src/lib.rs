//! Instances, the environments that give them, and the verdict on a patch: traits and nouns.
//!
//! [`Instance`] is what a solver may know; an [`Environment`] gives a [`Ready`] sandbox for it and judges a [`Patch`] with
//! a [`Verdict`]; an [`EnvironmentPlug`] makes one from a configuration. This crate does no IO, reads no format and
//! knows no dataset, no log and no container engine: git is in `repo`, logs are in `grading`, images in `images`.

mod environment;
mod instance;
mod patch;
mod plug;

mod audited;
mod lists;
mod report;
mod status;
mod trial;
mod verdict;

mod dialect;
mod error;
mod nearest;

pub use audited::{AuditResult, Audited, OnLeak};
pub use dialect::Dialect;
pub use environment::{Environment, Ready, Verifier};
pub use error::EnvError;
pub use instance::{Instance, find_instance, repository_part};
pub use lists::TestLists;
pub use nearest::{all_near, nearest};
pub use patch::{Baseline, Patch, sha256};
pub use plug::{EnvironmentPlug, EnvironmentRequest, OpenError, RecordedEpisodes, SandboxProviders};
pub use report::{Report, Resolution, TestGroup, TestsStatus};
pub use status::{Status, StatusMap};
pub use trial::{Trial, TrialRun, Tried};
pub use verdict::{Distrust, Failure, Infra, InfraReason, Judging, Sign, Tier, Trust, Verdict};
