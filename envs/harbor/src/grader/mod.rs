//! Judges a patch where a verifier runs: applies it, runs the tests, reads their log and writes the reward.
//!
//! All that it needs is read before anything of the patch runs, and the reward is written when nothing of it runs any
//! more. A reward of 0 is there from the start, so that whoever ends the grader has no other, and so is the space for the
//! one that takes its place. There is always a reward file, and the reward is 0 or 1: what keeps a patch from being judged before the first
//! of it has run is infrastructure, for which `infrastructure` stands beside a reward of 0. Whatever happens later is
//! the patch's own doing.

mod here;
mod judge;
mod leftover;
mod outcome;
mod spec;

use std::fs::{self, File};
use std::io::Write;
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

/// Bytes that are kept for the reward and the report.
const RESERVE: usize = 64 << 10;

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

/// Judges the patch in `places`, writes what came of it, and returns what of it could not be written besides the reward.
///
/// # Errors
/// A text that says why there is no verdict, after the reward that tells so was written; or that it could not be.
pub fn run(places: &Places) -> Result<Vec<String>, String> {
    let folder = places.logs.join(VERIFIER);
    let reserve = first(&folder)?;
    let outcome = judge::judge(places);
    // The patch may have filled the disk.
    drop(reserve);
    make(&folder)?;
    put(&folder, REWARD_FILE, outcome.reward_json().as_bytes())?;
    let others = [(REPORT_FILE, outcome.json().into_bytes()), (OUTPUT_FILE, outcome.test_output)];
    let untold = others.iter().filter_map(|(name, bytes)| put(&folder, name, bytes).err()).collect();
    outcome.infrastructure.map_or(Ok(untold), Err)
}

/// Writes the reward that stands until there is another, and returns the space that is kept for that one.
fn first(folder: &Path) -> Result<File, String> {
    make(folder)?;
    put(folder, REWARD_FILE, Outcome::default().reward_json().as_bytes())?;
    let reserve = tempfile::tempfile_in(folder).and_then(|mut file| file.write_all(&[0; RESERVE]).map(|()| file));
    reserve.map_err(|err| at(folder, &err))
}

/// Makes a folder in the place of whatever has its name.
fn make(folder: &Path) -> Result<(), String> {
    if fs::symlink_metadata(folder).is_ok_and(|found| !found.is_dir()) {
        // What cannot be removed cannot be made a folder either, which is told.
        let _ = fs::remove_file(folder);
    }
    fs::create_dir_all(folder).map_err(|err| at(folder, &err))
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
