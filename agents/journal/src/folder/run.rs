//! Reads run folders, for exports, viewers and other runs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use agent_core::{Outcome, Record, Trajectory};
use anyhow::bail;
use grading::{read_prediction, read_report};

use super::cell_dir::{LEASES, REPORT};
use super::episode_dir::read_trajectory;
use super::in_flight::{InFlight, in_flight};
use super::last_record::last_record;
use crate::files::{file_name, read_text};
use crate::journal::Journal;
use crate::journal::{Ended, EpisodeState, Failed, Imported, Judged, Key, holder};
use crate::predictions::Prediction;
use crate::tally::Ending;
use crate::verdict::ending;

/// A run as its journal has it.
///
/// It reads nothing but the journal until a trajectory or another file is asked for, and may be read while the run is
/// in progress; [`Run::refresh`] takes in what has been added.
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
    /// Why infrastructure prevented a verdict.
    pub failed: Option<Failed>,
    /// The record of another program that it was taken in from.
    pub imported: Option<Imported>,
    /// How often infrastructure has broken for it, since someone last asked to try it again.
    pub failures: u32,
    /// When it last began to run, in seconds since 1970; `None` where patches were only judged.
    pub begun: Option<f64>,
    /// When anything last came of it.
    pub came: Option<f64>,
    /// Which of all that were imported into the run it is, from 0; `None` where it was not imported.
    pub import_number: Option<u64>,
    /// The folder with its trajectory, patch, log and report.
    pub folder: PathBuf,
}

impl Run {
    /// Opens the folder of a run.
    ///
    /// # Errors
    /// When it is not a run, or its journal cannot be read.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            bail!("there is no run `{}`", folder.display());
        }
        let run = Self { journal: Journal::read(folder)? };
        if run.cells().is_empty() {
            bail!("`{}` is not a run folder: nothing has been written in it", folder.display());
        }
        Ok(run)
    }

    /// Returns the run of a journal that is open.
    pub fn of(journal: &Journal) -> Self {
        Self { journal: journal.clone() }
    }

    /// Returns the numbers of the samples of a cell that a sweep has planned.
    pub fn planned(&self, cell: &str) -> Vec<u32> {
        self.journal.with_cell(cell, |state| state.planned.iter().copied().collect())
    }

    /// Returns the folder of the run.
    pub fn folder(&self) -> &Path {
        self.journal.run()
    }

    /// Returns the name of the run: that of its folder.
    pub fn name(&self) -> String {
        self.folder().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
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
        let mut episodes = Vec::new();
        self.each_episode(cell, |episode| episodes.push(episode));
        episodes
    }

    /// Hands out the episodes of a cell one by one, so that no more than one is held besides the journal.
    pub fn each_episode(&self, cell: &str, mut look: impl FnMut(Episode)) {
        let one = |(key, state): (&Key, &EpisodeState)| look(self.of_state(cell, key, state));
        self.journal.with_cell(cell, |state| state.episodes.iter().for_each(one));
    }

    /// Returns one episode; `None` where nothing has come of it.
    pub fn episode(&self, cell: &str, instance_id: &str, sample: u32) -> Option<Episode> {
        let key: Key = (instance_id.to_owned(), sample);
        self.journal.with_cell(cell, |state| Some(self.of_state(cell, &key, state.episodes.get(&key)?)))
    }

    fn of_state(&self, cell: &str, (instance_id, sample): &Key, state: &EpisodeState) -> Episode {
        let folder = self.journal.run().join(file_name(cell)).join(file_name(instance_id));
        Episode {
            cell: cell.to_owned(),
            instance_id: instance_id.clone(),
            sample: *sample,
            ended: state.ended.clone(),
            prediction: state.prediction.clone(),
            judged: state.judged.clone(),
            failed: state.failed.clone(),
            imported: state.imported.clone(),
            import_number: state.number,
            failures: state.failures,
            begun: state.begun,
            came: state.came,
            folder: if *sample == 0 { folder } else { folder.join(sample.to_string()) },
        }
    }

    /// Returns the episodes of a cell that are being worked on, by whom. Nothing is written.
    pub fn in_flight(&self, cell: &str) -> Vec<InFlight> {
        let asked = self.asked(cell);
        let run = self.journal.run();
        self.journal.with_cell(cell, |state| in_flight(run, cell, asked.iter().chain(state.episodes.keys())))
    }

    /// Returns whether a process holds the lease of this name that is of the run as a whole. Nothing is written.
    pub fn is_held(&self, name: &str) -> bool {
        holder(&self.journal.run().join(LEASES).join(name)).is_some()
    }

    /// Returns when the first episode began, and when anything last came of one, in seconds since 1970; `None` where
    /// nothing is known of any, as in runs of versions without a journal.
    pub fn span(&self) -> Option<(f64, f64)> {
        self.journal.span()
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
    /// Returns the outcome, which is the last line of the record, without reading what comes before it; `None` where
    /// the episode has not got as far.
    pub fn outcome(&self) -> Option<Outcome> {
        match last_record(&self.folder.join("trajectory.jsonl")) {
            Some(Record::Outcome(outcome)) => Some(outcome),
            _ => None,
        }
    }

    /// Returns what the episode counts as, by the rules of a run's summary. A verdict on another patch than the one
    /// that was handed in does not count.
    pub fn ending(&self) -> Ending {
        let Some(prediction) = &self.prediction else {
            // The verdict on a patch that the record of another program does not hold.
            if let Some(Judged { resolved: Some(resolved), .. }) =
                self.judged.as_ref().filter(|judged| judged.subject.patch.is_empty())
            {
                return ending(None, false, *resolved);
            }
            let broke = self.ended.as_ref().is_some_and(Ended::is_infrastructure);
            return if broke { Ending::Infrastructure } else { Ending::Unfinished };
        };
        if prediction.spoiled {
            return Ending::NotApplied;
        }
        let patch = read_prediction(prediction.patch_text());
        if patch.is_empty() {
            return Ending::Empty;
        }
        let digest = patch.digest();
        if let Some(judged) = self.judged.as_ref().filter(|judged| judged.subject.patch == digest) {
            let resolved = judged.resolved.or_else(|| self.reported());
            return resolved
                .map_or(Ending::Unfinished, |resolved| ending(judged.failure, judged.broken.is_some(), resolved));
        }
        match &self.failed {
            Some(failed) if failed.subject.patch == digest => Ending::Infrastructure,
            _ => Ending::Unfinished,
        }
    }

    /// Returns what the report says, for verdicts of versions without a journal.
    fn reported(&self) -> Option<bool> {
        let text = read_text(&self.folder.join(REPORT)).ok()??;
        Some(read_report(&text, &self.instance_id).ok()?.resolved)
    }
}

#[cfg(test)]
mod tests {
    use agent_core::OutcomeClass;

    use super::*;
    use crate::folder::CellDir;

    #[test]
    fn what_the_budget_stopped_is_unfinished_and_no_failure_of_infrastructure() {
        let folder = tempfile::tempdir().unwrap();
        let cell_dir = CellDir::create(folder.path(), "run", "cell").unwrap();
        for exit_status in ["budget_spent", "model_failed"] {
            let ended = Ended {
                exit_status: exit_status.to_owned(),
                class: OutcomeClass::Infrastructure,
                error: None,
                spending: None,
                config: None,
            };
            cell_dir.end(&cell_dir.episode(exit_status).unwrap(), exit_status, ended).unwrap();
        }
        let endings = Run::of(cell_dir.journal()).episodes("cell").into_iter().map(|episode| episode.ending());
        assert_eq!(endings.collect::<Vec<_>>(), [Ending::Unfinished, Ending::Infrastructure]);
        assert_eq!([cell_dir.failures("budget_spent"), cell_dir.failures("model_failed")], [0, 1]);
    }
}
