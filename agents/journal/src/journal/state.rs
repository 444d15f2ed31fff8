//! What the lines of a journal add up to.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::journal::entry::{Ended, Entry, Failed, Imported, Judged, Line};
use crate::predictions::Prediction;

/// An episode: an instance and which of its samples.
pub(crate) type Key = (String, u32);

/// What is known of each cell of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) cells: BTreeMap<String, CellState>,
}

/// What is known of one cell.
#[derive(Debug, Clone, Default)]
pub(crate) struct CellState {
    /// The instances that were asked for, by sample.
    pub(crate) asked: BTreeMap<u32, BTreeSet<String>>,
    /// The samples that a sweep has planned.
    pub(crate) planned: BTreeSet<u32>,
    /// What is known of each episode, in the order in which they were first named.
    pub(crate) episodes: IndexMap<Key, EpisodeState>,
}

/// What is known of one episode: what was said last.
#[derive(Debug, Clone, Default)]
pub(crate) struct EpisodeState {
    pub(crate) ended: Option<Ended>,
    pub(crate) prediction: Option<Prediction>,
    pub(crate) judged: Option<Judged>,
    pub(crate) failed: Option<Failed>,
    /// The record of another program that it was taken in from.
    pub(crate) imported: Option<Imported>,
    /// Which of all that were imported into the run it is, from 0.
    pub(crate) number: Option<u64>,
    /// How often infrastructure has broken for it, since someone last asked to try it again.
    pub(crate) failures: u32,
    /// When it last began to run, in seconds since 1970.
    pub(crate) begun: Option<f64>,
    /// When anything last came of it.
    pub(crate) came: Option<f64>,
}

impl State {
    /// Adds what a line says.
    pub(crate) fn add(&mut self, line: Line) {
        let cell = match self.cells.get_mut(&line.cell) {
            Some(cell) => cell,
            None => self.cells.entry(line.cell).or_default(),
        };
        cell.add(line.entry, line.at);
    }
}

impl CellState {
    fn add(&mut self, entry: Entry, at: f64) {
        match entry {
            Entry::Asked { sample, instance_ids } => self.asked.entry(sample).or_default().extend(instance_ids),
            Entry::Planned { sample, instance_ids } => {
                self.planned.insert(sample);
                drop(self.asked.insert(sample, instance_ids.into_iter().collect()));
            }
            Entry::Retried { instance_id, sample } => self.episode(instance_id, sample).failures = 0,
            Entry::Reset { instance_id, sample } => *self.episode(instance_id, sample) = EpisodeState::default(),
            Entry::Begun { instance_id, sample } => {
                let episode = self.episode(instance_id, sample);
                (episode.ended, episode.begun) = (None, known(at));
            }
            Entry::Ended { instance_id, sample, ended } => {
                let episode = self.episode(instance_id, sample);
                episode.failures += u32::from(ended.is_infrastructure());
                (episode.ended, episode.came) = (Some(ended), known(at));
            }
            Entry::Predicted { sample, prediction } => {
                let id = prediction.instance_id.clone();
                let episode = self.episode(id, sample);
                (episode.prediction, episode.came) = (Some(prediction), known(at));
            }
            Entry::Judged { instance_id, sample, judged } => {
                let episode = self.episode(instance_id, sample);
                (episode.judged, episode.failed, episode.came) = (Some(judged), None, known(at));
            }
            Entry::Failed { instance_id, sample, failed } => {
                let episode = self.episode(instance_id, sample);
                (episode.judged, episode.failed, episode.came) = (None, Some(failed), known(at));
                episode.failures += 1;
            }
            Entry::Imported { instance_id, sample, imported, number } => {
                self.asked.entry(sample).or_default().insert(instance_id.clone());
                let episode = self.episode(instance_id, sample);
                (episode.imported, episode.number) = (Some(imported), number);
            }
            Entry::Opened { .. } | Entry::Unknown => {}
        }
    }

    fn episode(&mut self, instance_id: String, sample: u32) -> &mut EpisodeState {
        self.episodes.entry((instance_id, sample)).or_default()
    }
}

/// Returns a time; what versions without a journal left behind has none.
fn known(at: f64) -> Option<f64> {
    (at > 0.0).then_some(at)
}
