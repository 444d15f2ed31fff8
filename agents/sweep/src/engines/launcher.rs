//! The interface of the engines that start processes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::pilots::Pilots;

/// A submitted job, as it is stored in the run folder so that the same command finds it again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name or id.
    pub job: String,
    /// The name that it was given, if its id may be reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its processes, where the engine knows each by a name of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
}

/// One process of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Which of them it is, from 0.
    pub index: u32,
    /// The id of this start.
    pub id: String,
    /// The machine that it was put on.
    pub node: String,
    /// How often it has been restarted.
    pub restarts: u32,
}

impl Job {
    /// Returns a job whose processes have no names of their own.
    pub(super) fn named(job: impl Into<String>) -> Self {
        Self { job: job.into(), ..Self::default() }
    }
}

/// How many processes of a job have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct States {
    /// How many are in which state.
    by_name: BTreeMap<String, usize>,
    /// How many of them wait to be started.
    waiting: usize,
}

impl States {
    /// Counts processes that have been started.
    pub(super) fn add(&mut self, name: &str, count: usize) {
        if count > 0 {
            *self.by_name.entry(name.to_owned()).or_default() += count;
        }
    }

    /// Counts processes that have not been started yet.
    pub(super) fn add_waiting(&mut self, name: &str, count: usize) {
        self.add(name, count);
        self.waiting += count;
    }

    /// Returns whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Returns whether none that has been started is left.
    pub fn none_runs(&self) -> bool {
        self.by_name.values().sum::<usize>() == self.waiting
    }
}

impl fmt::Display for States {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<String> = self.by_name.iter().map(|(state, count)| format!("{count} {state}")).collect();
        formatter.write_str(&shown.join(", "))
    }
}

/// How many processes there are where neither the file nor the engine says.
pub const USUAL: u32 = 4;

/// How many processes an engine accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// How many there are where the file does not say.
    pub usual: u32,
    /// How many there may be at most.
    pub most: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { usual: USUAL, most: u32::MAX }
    }
}

/// Starts processes, watches them and ends them.
#[async_trait]
pub trait Launcher: Send + Sync {
    /// Returns its name, as in the sweep file.
    fn name(&self) -> &'static str;

    /// Returns what would be submitted, for people. No other machine is asked.
    ///
    /// # Errors
    /// When it cannot be written as text.
    fn text(&self, pilots: &Pilots<'_>) -> anyhow::Result<String>;

    /// Returns how many processes there may be.
    ///
    /// # Errors
    /// When the engine does not answer.
    async fn capacity(&self) -> anyhow::Result<Capacity> {
        Ok(Capacity::default())
    }

    /// Submits processes; `folder` is for its files.
    ///
    /// # Errors
    /// When they are refused.
    async fn submit(&self, pilots: &Pilots<'_>, folder: &Path) -> anyhow::Result<Job>;

    /// Returns the states of the processes of a job that have not ended. With `restart`, those that have died are
    /// restarted, unless the engine does so itself.
    ///
    /// # Errors
    /// When that cannot be determined at the moment.
    async fn states(&self, job: &mut Job, restart: Option<&Pilots<'_>>) -> anyhow::Result<States>;

    /// Ends the processes of a job that wait to be started, if they can be distinguished from the others.
    ///
    /// # Errors
    /// When the engine does not answer.
    async fn cancel_waiting(&self, _job: &mut Job) -> anyhow::Result<()> {
        Ok(())
    }

    /// Ends all processes of a job.
    ///
    /// # Errors
    /// When the engine does not answer.
    async fn cancel(&self, job: &Job) -> anyhow::Result<()>;

    /// Returns how a person ends the processes of a job.
    fn by_hand(&self, job: &Job) -> String;

    /// Returns where the logs of the processes are; `folder` is for the files of the engine.
    fn logs(&self, _job: &Job, folder: &Path) -> String {
        format!("`{}`", folder.display())
    }
}
