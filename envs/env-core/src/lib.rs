//! Instances, the environments that pose them, and the verdict on a patch.
//!
//! [`Instance`] is what a solver may know; [`Environment`] gives a [`Ready`] sandbox for it and judges a [`Patch`] with
//! an [`Evaluation`]. Everything here that touches a repository does so through a `Sandbox`; parsers and grading are
//! pure functions. This crate does no IO of its own and knows no dataset and no container engine.

mod answers;
mod apply;
mod benchmark;
pub mod capture;
mod dialect;
mod environment;
mod eval_script;
mod grading;
pub mod history;
mod image_name;
mod infra;
mod instance;
mod judge;
mod markers;
mod parsers;
mod patch;
mod prediction;
mod recipe;
mod report;
mod report_file;
mod scratch;
mod script;
mod settings;
mod spec;
mod status;
mod tally;
mod test_log;
mod test_patch;
mod validation;

pub use answers::{Answers, Family};
pub use benchmark::{Benchmark, Posed};
pub use dialect::Dialect;
pub use environment::{EnvError, Environment, Evaluation, Ready};
pub use eval_script::eval_script;
pub use grading::{EvalType, Graded, GradingSpec, Resolution, conclude, grade, grade_tests};
pub use image_name::{ImageScheme, ImageSettings};
pub use infra::{Infra, InfraReason, Tier};
pub use instance::{Instance, find_instance};
pub use judge::{Judging, judge};
pub use parsers::Parser;
pub use patch::{Baseline, Patch};
pub use recipe::{PackageList, PythonSource, Recipe, RecipeSettings, Step};
pub use report::{Failure, Report, TestGroup, TestsStatus};
pub use settings::BenchmarkSettings;
pub use spec::{RepoSpecs, Spec, SpecError, Specs};
pub use status::{Status, StatusMap};
pub use test_log::{Reading, Unread, read_log};
pub use validation::{Observed, TestLists, observe};
