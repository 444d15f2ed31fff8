//! What a run folder holds, for whoever reads one: exports, viewers, other runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use agent_core::Trajectory;
use anyhow::bail;

use super::episode_dir::read_trajectory;
use crate::files::{file_name, read_text};
use crate::journal::Journal;
use crate::journal::{Ended, Failed, Judged};
use crate::predictions::Prediction;

/// A run as its journal has it.
///
/// It reads nothing but the journal until a trajectory or another file is asked for, and may be read while the run goes
/// on; [`Run::refresh`] takes in what has been added.
#[derive(Debug)]
pub struct Run {
    journal: Journal,
}

/// An episode of a run.
#[derive(Debug, Clone)]
pub struct Episode {
    /// The cell that it is in.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Which of the episodes of one agent on one instance, from 0.
    pub sample: u32,
    /// How it ended; `None` while it runs, and where patches were only judged.
    pub ended: Option<Ended>,
    /// The patch that was handed in.
    pub prediction: Option<Prediction>,
    /// The verdict on it.
    pub judged: Option<Judged>,
    /// What infrastructure kept it from.
    pub failed: Option<Failed>,
    /// The folder with its trajectory, patch, log and report.
    pub folder: PathBuf,
}

impl Run {
    /// Opens the folder of a run.
    ///
    /// # Errors
    /// When it is no run, or its journal cannot be read.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            bail!("there is no run `{}`", folder.display());
        }
        let run = Self { journal: Journal::read(folder)? };
        if run.cells().is_empty() {
            bail!("`{}` is no folder of a run: nothing has been written in it", folder.display());
        }
        Ok(run)
    }

    /// Returns the run of a journal that is open.
    pub fn of(journal: &Journal) -> Self {
        Self { journal: journal.clone() }
    }

    /// Returns the numbers of the samples that a cell was ever asked for.
    pub fn samples(&self, cell: &str) -> Vec<u32> {
        self.journal.with_cell(cell, |state| state.asked.keys().copied().collect())
    }

    /// Takes in what has been added since.
    pub fn refresh(&self) -> anyhow::Result<()> {
        self.journal.refresh()
    }

    /// Returns the names of the cells.
    pub fn cells(&self) -> Vec<String> {
        self.journal.cells()
    }

    /// Returns the configuration of a cell, YAML; `None` where it has none.
    pub fn config(&self, cell: &str) -> anyhow::Result<Option<String>> {
        read_text(&self.journal.run().join(file_name(cell)).join("config.yaml"))
    }

    /// Returns the episodes that a cell was asked for: instances with the number of the sample, from 0.
    pub fn asked(&self, cell: &str) -> Vec<(String, u32)> {
        self.journal.with_cell(cell, |state| {
            let of_sample = |(sample, ids): (&u32, &BTreeSet<String>)| {
                let sample = *sample;
                ids.iter().map(move |id| (id.clone(), sample)).collect::<Vec<_>>()
            };
            state.asked.iter().flat_map(of_sample).collect()
        })
    }

    /// Returns the episodes of a cell, in the order in which they were first named.
    pub fn episodes(&self, cell: &str) -> Vec<Episode> {
        let folder = self.journal.run().join(file_name(cell));
        self.journal.with_cell(cell, |state| {
            let one = |((instance_id, sample), episode): (&(String, u32), &crate::journal::EpisodeState)| {
                let folder = folder.join(file_name(instance_id));
                Episode {
                    cell: cell.to_owned(),
                    instance_id: instance_id.clone(),
                    sample: *sample,
                    ended: episode.ended.clone(),
                    prediction: episode.prediction.clone(),
                    judged: episode.judged.clone(),
                    failed: episode.failed.clone(),
                    folder: if *sample == 0 { folder } else { folder.join(sample.to_string()) },
                }
            };
            state.episodes.iter().map(one).collect()
        })
    }
}

impl Episode {
    /// Returns the record of the episode; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn trajectory(&self) -> anyhow::Result<Option<Trajectory>> {
        read_trajectory(&self.folder.join("trajectory.jsonl"))
    }
}
