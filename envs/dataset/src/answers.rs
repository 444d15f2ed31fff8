//! The parts of a dataset row that a solver must not see.

use env_core::Instance;

use crate::Row;

/// The parts of a dataset row that a solver must not see, so they can be neither printed nor serialised.
#[derive(Clone, Default)]
pub struct Answers {
    /// The gold patch; empty when there is none.
    pub patch: String,
    /// The patch that adds the tests.
    pub test_patch: String,
    /// Tests that the fix must make pass.
    pub fail_to_pass: Vec<String>,
    /// Tests that must keep passing.
    pub pass_to_pass: Vec<String>,
    /// Full name of the container image.
    pub image: Option<String>,
    /// The whole evaluation script.
    pub eval_script: Option<String>,
    /// Name of the log parser, such as `parse_log_django`.
    pub log_parser: Option<String>,
    /// `pass_and_fail` or `fail_only`.
    pub eval_type: Option<String>,
}

impl Answers {
    /// Returns the row's own evaluation script.
    pub fn row_script(&self) -> Option<&str> {
        self.eval_script.as_deref().filter(|script| !script.trim().is_empty())
    }
}

impl Row {
    /// Returns what a solver may know, and the rest, for an environment to keep.
    pub fn into_parts(self) -> (Instance, Answers) {
        let instance = self.instance();
        let answers = Answers {
            patch: self.patch,
            test_patch: self.test_patch,
            fail_to_pass: self.fail_to_pass,
            pass_to_pass: self.pass_to_pass,
            image: self.image,
            eval_script: self.eval_script,
            log_parser: self.log_parser,
            eval_type: self.eval_type,
        };
        (instance, answers)
    }
}
