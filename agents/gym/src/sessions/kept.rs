//! Which sessions and rollouts there were, in a file of the run, so that a server that was started again knows those of an
//! earlier one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use journal::Lines;
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
pub(crate) struct KeptFile(Mutex<Lines>);

impl KeptFile {
    /// Opens the file of a run and returns what it holds.
    pub(crate) fn open(run: &Path) -> anyhow::Result<(Self, HashMap<String, Kept>)> {
        let (lines, kept) = Lines::open::<Kept>(&run.join(FILE))?;
        Ok((Self(Mutex::new(lines)), kept.into_iter().map(|kept| (kept.id.clone(), kept)).collect()))
    }

    /// Notes one more.
    pub(crate) fn add(&self, kept: &Kept) -> anyhow::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(kept)
    }
}
