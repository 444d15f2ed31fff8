//! Test logs and what follows from them: parsers, dialects, verdicts, the official report, saved logs and parity.
//!
//! [`grade`] gives the verdict that a log holds by a [`GradingSpec`], [`read_log`] the status of each test,
//! [`eval_script()`] the script that makes such a log. [`logs`] finds saved logs and compares verdicts on them with
//! recorded ones. Nothing here starts a sandbox or knows a dataset.
//!
//! # Differences to the official harnesses
//!
//! A log is read and graded as the harness of its [`Dialect`](env_core::Dialect) does it. These differences are left:
//!
//! | where | official | here |
//! |---|---|---|
//! | a status without a name, or `FAIL:` at the end of a line, where the official parser does not expect it (which ones, depends on the dialect) | breaks off with an exception, so that there is no verdict | the line is left out and told of in [`Unread`] |
//! | bytes that are not UTF-8 | breaks off with an exception | each is read as U+FFFD and counted in [`Unread`] |
//! | a line of more than 1 MiB | is read whole | may be read without its middle and is then counted: memory must not grow with the log |
//! | the lines that judging writes on the applying of a patch | are not in the file | are left out, so that the rest equals the file |
//! | SymPy's headers and Django's interrupted tests | come first and last in the map | stand where the log has them; their status is the same |
//! | a number that is not a digit, such as `½`, in a colour code or a count of skipped tests | is no number | is one |
//! | a recorded exit code in digits other than ASCII's | is read | is not |
//! | repositories of SWE-Gym in SWE-bench 4 and 5 | have no parser | are read by the fork's |
//! | a test command that failed, when more than a million tests outside the verdict's lists have failed at some time | is compared with their last status | agrees with the log |

pub mod logs;
pub mod markers;

mod grading;
mod grading_spec;
mod validation;

mod parser;
mod parsers;
mod signs;
mod tally;
mod test_log;
mod unread;

mod script;
mod specs;

mod given;
mod prediction;
mod report_file;

pub use given::{read_given, skip_mark};
pub use grading::{Graded, conclude, grade, grade_tests};
pub use grading_spec::{EvalType, GradingSpec, TestSpec};
pub use parser::Parser;
pub use prediction::read_prediction;
pub use report_file::{read_report, write_report};
pub use script::{Naming, OwnTests, eval_script, old_files, record_exit_code};
pub use specs::{RepoSpecs, Spec, SpecError, Specs};
pub use test_log::{Marks, Reading, read_log};
pub use unread::Unread;
pub use validation::{Observed, observe};
