//! Judges a patch where a verifier runs: applies it, runs the tests, reads their log and writes the reward.
//!
//! All that it needs is read before anything of the patch runs, and the reward is written when nothing of it runs any
//! more. There is always a reward file, and the reward is 0 or 1: what keeps a patch from being judged before the first
//! of it has run is infrastructure, for which `infrastructure` stands beside a reward of 0. Whatever happens later is
//! the patch's own doing.

mod here;
mod judge;
mod leftover;
mod outcome;
mod spec;

use std::fs;
use std::path::{Path, PathBuf};

pub use outcome::{INFRASTRUCTURE, Outcome, REWARD};
pub use spec::{EVAL, GRADING, GraderSpec};

/// Where the patch is, below the folder of logs.
pub const PATCH: &str = "artifacts/model.patch";
/// The folder of what is written, below the folder of logs.
pub const VERIFIER: &str = "verifier";
/// The reward, in [`VERIFIER`].
pub const REWARD_FILE: &str = "reward.json";
/// The [`Outcome`], in [`VERIFIER`].
pub const REPORT_FILE: &str = "report.json";
/// The log of applying and testing, in [`VERIFIER`].
pub const OUTPUT_FILE: &str = "test_output.txt";

/// The folders of a verifier.
#[derive(Debug, Clone)]
pub struct Places {
    /// The task's `tests`.
    pub tests: PathBuf,
    /// The task's `/logs`.
    pub logs: PathBuf,
    /// Where the repository is, if it is not where the task says.
    pub root: Option<PathBuf>,
}

/// Judges the patch in `places` and writes what came of it.
///
/// # Errors
/// A text that says why there is no verdict, after the reward that tells so was written; or that it could not be.
pub fn run(places: &Places) -> Result<(), String> {
    let folder = places.logs.join(VERIFIER);
    let outcome = judge::judge(places);
    fs::create_dir_all(&folder).map_err(|err| at(&folder, &err))?;
    put(&folder, OUTPUT_FILE, &outcome.test_output)?;
    put(&folder, REPORT_FILE, outcome.json().as_bytes())?;
    put(&folder, REWARD_FILE, outcome.reward_json().as_bytes())?;
    outcome.infrastructure.map_or(Ok(()), Err)
}

/// Writes a file in the place of whatever the tests have put there.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), String> {
    let path = folder.join(name);
    // A link would lead the writing elsewhere, and a folder would refuse it.
    let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
    fs::write(&path, bytes).map_err(|err| at(&path, &err))
}

fn at(path: &Path, err: &std::io::Error) -> String {
    format!("`{}` cannot be written: {err}", path.display())
}
