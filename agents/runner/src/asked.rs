//! What a run was asked for, and how each episode of it ended: what a rate is of is known whatever came of it.

use std::collections::BTreeSet;

use agent_core::{Outcome, OutcomeClass};
use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::result::exit_status;
use crate::run_dir::{InstanceDir, RunDir, read_text, write_whole};

/// The file of the ids that were asked for.
const ASKED: &str = "asked.json";
/// The file that says how an episode ended.
const ENDED: &str = "ended.json";

impl RunDir {
    /// Notes that these instances were asked for, besides those of earlier commands.
    pub(crate) fn ask<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let mut asked = self.asked()?;
        asked.extend(ids.into_iter().map(str::to_owned));
        write_whole(&self.path().join(ASKED), &serde_json::to_vec_pretty(&asked)?)
    }

    /// Returns the ids of all instances that were asked for.
    pub(crate) fn asked(&self) -> anyhow::Result<BTreeSet<String>> {
        let path = self.path().join(ASKED);
        let Some(text) = read_text(&path)? else { return Ok(BTreeSet::new()) };
        serde_json::from_str(&text).with_context(|| format!("`{}` is damaged", path.display()))
    }

    /// Returns how the episode of an instance ended; `None` when it has not, or there is none.
    pub(crate) fn ended(&self, instance_id: &str) -> Option<Ended> {
        serde_json::from_str(&read_text(&self.instance_path(instance_id).join(ENDED)).ok()??).ok()
    }
}

/// `ended.json`: how an episode ended, for a summary that need not read its trajectory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ended {
    /// The exit status in a word; `error` when the episode could not be run.
    pub(crate) exit_status: String,
    /// What it counts as.
    pub(crate) class: OutcomeClass,
    /// Why it could not be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Ended {
    /// Returns how an episode with this outcome, or with none, ended.
    pub(crate) fn of(outcome: &anyhow::Result<Outcome>) -> Self {
        match outcome {
            Ok(outcome) => Self { exit_status: exit_status(outcome), class: outcome.exit_status.class(), error: None },
            Err(err) => Self {
                exit_status: "error".to_owned(),
                class: OutcomeClass::Infrastructure,
                error: Some(format!("{err:#}")),
            },
        }
    }

    /// Writes it into the folder of its instance.
    pub(crate) fn write(&self, dir: &InstanceDir) -> anyhow::Result<()> {
        dir.write(ENDED, &serde_json::to_vec_pretty(self)?)
    }

    /// Forgets how an episode ended that is about to go on.
    pub(crate) fn forget(dir: &InstanceDir) -> anyhow::Result<()> {
        dir.remove(ENDED)
    }
}
