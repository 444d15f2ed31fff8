//! What the grader is told of an instance.

use std::fs;
use std::path::Path;

use grading::GradingSpec;
use serde::{Deserialize, Serialize};

/// The file of the [`GraderSpec`] among a task's tests.
pub const GRADING: &str = "grading.json";
/// The script that runs the tests.
pub const EVAL: &str = "eval.sh";

/// What the grader is told of an instance, as [`GRADING`] holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraderSpec {
    /// The instance.
    pub instance_id: String,
    /// Absolute path of the repository.
    pub root: String,
    /// Bash that is run before each command, such as `conda activate`.
    pub startup: String,
    /// Seconds that the tests may take.
    pub timeout: u64,
    /// How their log is read.
    pub grading: GradingSpec,
}

impl GraderSpec {
    /// Reads the specification of a folder of tests, and the script.
    ///
    /// # Errors
    /// A text that names the file.
    pub fn load(tests: &Path) -> Result<(Self, String), String> {
        let text = read(&tests.join(GRADING))?;
        let spec = serde_json::from_str(&text).map_err(|err| format!("`{}`: {err}", tests.join(GRADING).display()))?;
        Ok((spec, read(&tests.join(EVAL))?))
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|err| format!("`{}` cannot be read: {err}", path.display()))
}
