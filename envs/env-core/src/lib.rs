//! Instances, the environments that pose them, and the verdict on a patch.
//!
//! [`Instance`] is what a solver may know; [`Environment`] gives a [`Ready`] sandbox for it and judges a [`Patch`] with
//! an [`Evaluation`]. Everything here that touches a repository does so through a `Sandbox`; parsers and grading are
//! pure functions. This crate does no IO of its own and knows no dataset and no container engine.
//!
//! # Differences to the official harnesses
//!
//! A log is read and graded as the harness of its [`Dialect`] does it. These differences are left:
//!
//! | where | official | here |
//! |---|---|---|
//! | a status without a name, or `FAIL:` at the end of a line, where the official parser does not expect it (which ones, depends on the dialect) | breaks off with an exception, so that there is no verdict | the line is left out and told of in [`Unread`] |
//! | bytes that are not UTF-8 | breaks off with an exception | each is read as U+FFFD and counted in [`Unread`] |
//! | a line of more than 1 MiB | is read whole | may be read without its middle and is then counted: memory must not grow with the log |
//! | the lines that [`judge()`] writes on the applying of a patch | are not in the file | are left out, so that the rest equals the file |
//! | SymPy's headers and Django's interrupted tests | come first and last in the map | stand where the log has them; their status is the same |
//! | a number that is no digit, such as `½`, in a colour code or a count of skipped tests | is no number | is one |
//! | a recorded exit code in digits other than ASCII's | is read | is not |
//! | repositories of SWE-Gym in SWE-bench 4 and 5 | have no parser | are read by the fork's |
//! | a test command that failed, when more than a million tests outside the verdict's lists have failed at some time | is compared with their last status | agrees with the log |

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
mod left_out;
mod markers;
mod nearest;
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
pub use left_out::{LeftOut, WhyLeftOut};
pub use nearest::nearest;
pub use parsers::Parser;
pub use patch::{Baseline, Patch};
pub use recipe::{PackageList, PythonSource, Recipe, RecipeSettings, Step};
pub use report::{Failure, Report, TestGroup, TestsStatus};
pub use settings::BenchmarkSettings;
pub use spec::{RepoSpecs, Spec, SpecError, Specs};
pub use status::{Status, StatusMap};
pub use test_log::{Marks, Reading, Unread, read_log};
pub use test_patch::old_files;
pub use validation::{Observed, TestLists, observe};
