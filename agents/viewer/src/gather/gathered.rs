//! The episodes of runs, in the order in which they are written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::bail;
use journal::{Episode, Run};
use serde::Serialize;

use super::scores::Scores;

/// A run that is shown.
#[derive(Debug)]
pub struct Source {
    /// What it is called.
    pub name: String,
    /// The run.
    pub run: Run,
}

/// What a dataset says of an instance. For who looks at runs only: nothing of it is shown to a model.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gold {
    /// The reference solution; empty where there is none.
    pub patch: String,
    /// What the tests need on top of it.
    pub test_patch: String,
    /// Tests that the fix must turn.
    pub fail_to_pass: Vec<String>,
    /// Tests that must go on passing.
    pub pass_to_pass: Vec<String>,
}

/// How runs are shown.
#[derive(Debug, Default)]
pub struct Settings {
    /// Only these cells; all where none is named.
    pub cells: Vec<String>,
    /// What a dataset says of instances, by id.
    pub gold: BTreeMap<String, Gold>,
}

/// An episode of a run, or one that was asked for and has not begun.
#[derive(Debug)]
pub(crate) struct Item {
    /// Place of the run among the sources.
    pub(crate) run: usize,
    pub(crate) cell: String,
    pub(crate) instance_id: String,
    pub(crate) sample: u32,
    /// Whether it counts: someone still asks for it.
    pub(crate) asked: bool,
    pub(crate) episode: Option<Episode>,
}

/// The episodes of runs.
pub(crate) struct Gathered<'a> {
    pub(super) sources: &'a [Source],
    pub(super) settings: &'a Settings,
    pub(super) items: Vec<Item>,
    pub(super) scores: Scores,
}

impl<'a> Gathered<'a> {
    /// Gathers the episodes, those of one instance beside one another, as they are alike.
    pub(crate) fn new(sources: &'a [Source], settings: &'a Settings) -> anyhow::Result<Self> {
        let mut items = Vec::new();
        let mut cells = BTreeSet::new();
        for (place, Source { run, .. }) in sources.iter().enumerate() {
            for cell in run.cells().into_iter().filter(|cell| !cell.is_empty()) {
                if settings.cells.is_empty() || settings.cells.contains(&cell) {
                    of_cell(run, place, &cell, &mut items);
                }
                cells.insert(cell);
            }
        }
        if let Some(unknown) = settings.cells.iter().find(|cell| !cells.contains(*cell)) {
            bail!("no run here has a cell `{unknown}`\nhint: without `--cell` all cells are shown");
        }
        let key = |item: &Item| (item.instance_id.clone(), item.run, item.cell.clone(), item.sample);
        items.sort_by_cached_key(key);
        Ok(Self { sources, settings, items, scores: Scores::read(sources)? })
    }

    /// Returns the name of the page.
    pub(crate) fn title(&self) -> String {
        self.sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the episodes.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns about how many bytes there are to write.
    pub(crate) fn bytes(&self) -> u64 {
        self.items.iter().map(size).sum()
    }

    /// Returns the episodes in parts of about so many bytes.
    pub(crate) fn parts(&self, bytes: u64) -> Vec<&[Item]> {
        let mut parts = Vec::new();
        let (mut from, mut filled) = (0, 0);
        for (place, item) in self.items.iter().enumerate() {
            filled += size(item);
            if filled >= bytes {
                parts.push(&self.items[from..=place]);
                (from, filled) = (place + 1, 0);
            }
        }
        parts.push(&self.items[from..]);
        parts
    }

    /// Returns what scorers gave an episode.
    pub(crate) fn scores_of(&self, item: &Item) -> BTreeMap<String, f64> {
        self.scores.of(item.run, &item.cell, &item.instance_id, item.sample)
    }

    /// Returns what a dataset says of an instance.
    pub(crate) fn gold(&self, instance_id: &str) -> Option<&'a Gold> {
        self.settings.gold.get(instance_id)
    }
}

/// Returns how large the files of an episode are.
fn size(item: &Item) -> u64 {
    let Some(episode) = &item.episode else { return 0 };
    let size = |name| fs::metadata(episode.folder.join(name)).map_or(0, |metadata| metadata.len());
    size("trajectory.jsonl") + size(journal::TEST_OUTPUT)
}

/// Adds the episodes of a cell, and what it was asked for besides.
fn of_cell(run: &Run, place: usize, cell: &str, items: &mut Vec<Item>) {
    let mut asked: BTreeSet<(String, u32)> = run.asked(cell).into_iter().collect();
    let anything = !asked.is_empty();
    run.each_episode(cell, |episode| {
        let key = (episode.instance_id.clone(), episode.sample);
        let asked = asked.remove(&key) || !anything;
        let (instance_id, sample) = key;
        items.push(Item { run: place, cell: cell.to_owned(), instance_id, sample, asked, episode: Some(episode) });
    });
    let missing = |(instance_id, sample)| Item {
        run: place,
        cell: cell.to_owned(),
        instance_id,
        sample,
        asked: true,
        episode: None,
    };
    items.extend(asked.into_iter().map(missing));
}
