//! Which sessions and rollouts there were, in a file of the run, so that a server that was started again knows those of an
//! earlier one.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// Name of the file in the folder of the run.
const FILE: &str = "gym.jsonl";

/// A session or rollout that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The id.
    pub(crate) id: String,
    /// What it is.
    pub(crate) kind: Kind,
    /// The cell of its episode.
    pub(crate) cell: String,
    /// The instance.
    pub(crate) instance_id: String,
    /// Number of the episode among those of the cell on the instance.
    pub(crate) sample: u32,
}

/// Who asks the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A client, which drives the episode.
    Session,
    /// An agent of ours.
    Rollout,
}

/// The file.
#[derive(Debug)]
pub(crate) struct KeptFile {
    path: PathBuf,
    file: Mutex<File>,
}

impl KeptFile {
    /// Opens the file of a run and returns what it holds; a last line that is not whole, as a killed server leaves it, is
    /// ended.
    pub(crate) fn open(run: &Path) -> anyhow::Result<(Self, HashMap<String, Kept>)> {
        let path = run.join(FILE);
        let text = journal::read_text(&path)?.unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Kept>(line).ok());
        let kept = lines.map(|kept| (kept.id.clone(), kept)).collect();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = file.with_context(|| format!("cannot write `{}`", path.display()))?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok((Self { path, file: Mutex::new(file) }, kept))
    }

    /// Notes one more.
    pub(crate) fn add(&self, kept: &Kept) -> anyhow::Result<()> {
        let line = serde_json::to_string(kept)? + "\n";
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes()).with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}
