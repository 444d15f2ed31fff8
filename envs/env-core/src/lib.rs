//! Instances, the environments that pose them, and the verdict on a patch.
//!
//! [`Instance`] is what a solver may know; [`Environment`] gives a [`Ready`] sandbox for it and judges a [`Patch`] with
//! an [`Evaluation`]. Everything here that touches a repository does so through a `Sandbox`; parsers and grading are
//! pure functions. This crate does no IO of its own and knows no dataset and no container engine.

pub mod capture;
mod environment;
mod instance;
mod patch;
mod report;

pub use environment::{EnvError, Environment, Evaluation, Ready};
pub use instance::{Instance, find_instance};
pub use patch::{Baseline, Patch};
pub use report::{Failure, Report, TestGroup, TestsStatus};
