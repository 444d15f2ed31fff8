//! One row of a dataset, including the gold patch and the tests.

use env_core::Instance;

/// One row of a dataset, including the gold patch and the tests.
///
/// It has no `Serialize`, so that no template and no trajectory can take it: [`Row::instance`] is what may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// `<owner>__<repo>-<number>`; unique in its dataset without regard to case.
    pub instance_id: String,
    /// `<owner>/<repo>`.
    pub repo: String,
    /// The commit that the solver starts from.
    pub base_commit: String,
    /// The gold patch.
    pub patch: String,
    /// The patch that adds the tests.
    pub test_patch: String,
    /// The issue text.
    pub problem_statement: String,
    /// Comments on the issue from before the fix; empty when there are none.
    pub hints_text: String,
    /// When the pull request was made; empty when the dataset does not say.
    pub created_at: String,
    /// The repository's version; empty when the dataset has none.
    pub version: String,
    /// Tests that the fix must make pass; empty when the dataset has none, see [`Row::has_tests`].
    pub fail_to_pass: Vec<String>,
    /// Tests that must keep passing.
    pub pass_to_pass: Vec<String>,
    /// The commit whose requirements the environment was made from.
    pub environment_setup_commit: Option<String>,
    /// Full name of the container image.
    pub image: Option<String>,
    /// The whole evaluation script.
    pub eval_script: Option<String>,
    /// Name of the log parser.
    pub log_parser: Option<String>,
    /// How the verdict is found, such as `pass_and_fail` or `fail_only`.
    pub eval_type: Option<String>,
}

impl Row {
    /// Returns what a solver may know.
    pub fn instance(&self) -> Instance {
        Instance {
            instance_id: self.instance_id.clone(),
            repo: self.repo.clone(),
            base_commit: self.base_commit.clone(),
            problem_statement: self.problem_statement.clone(),
            hints_text: self.hints_text.clone(),
            version: self.version.clone(),
        }
    }

    /// Returns whether a patch can be judged by this row: it names a test that the fix must make pass.
    ///
    /// Datasets that were never run, such as SWE-Gym Raw, have no test lists, and a verdict on them would always be
    /// that everything passed.
    pub fn has_tests(&self) -> bool {
        !self.fail_to_pass.is_empty()
    }
}
