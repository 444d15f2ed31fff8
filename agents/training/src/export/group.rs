//! The episodes of runs in the groups that formats write together.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use journal::{Episode, Run, file_name};

/// Episodes that are written together.
pub(super) struct Group<'a> {
    /// The run's name.
    pub run: String,
    /// The cell.
    pub cell: String,
    /// The sample; `None` where all are together.
    pub sample: Option<u32>,
    /// Where they go, below the folder of the export: no more of run, cell and sample than tells them apart.
    pub folder: PathBuf,
    of: &'a Run,
}

/// Returns the groups of runs: by cell, and where a format holds an instance no more than once, by sample.
pub(super) fn groups(runs: &[Run], by_sample: bool) -> Vec<Group<'_>> {
    let mut groups = Vec::new();
    for of in runs {
        for cell in of.cells() {
            let mut samples = BTreeSet::new();
            of.each_episode(&cell, |episode| {
                samples.insert(by_sample.then_some(episode.sample));
            });
            for sample in samples {
                groups.push(Group { run: of.name(), cell: cell.clone(), sample, folder: PathBuf::new(), of });
            }
        }
    }
    let runs = several(groups.iter().map(|group| group.run.as_str()));
    let cells = several(groups.iter().map(|group| group.cell.as_str()));
    let samples = several(groups.iter().map(|group| group.sample));
    for group in &mut groups {
        let sample = group.sample.filter(|_| samples).map(|sample| sample.to_string());
        let names = [runs.then(|| file_name(&group.run)), cells.then(|| file_name(&group.cell)), sample];
        group.folder = names.into_iter().flatten().collect();
    }
    groups
}

/// Returns whether there is more than one value.
fn several<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    values.next().is_some_and(|first| values.any(|other| other != first))
}

impl Group<'_> {
    /// Returns the episodes.
    pub(super) fn episodes(&self) -> Vec<Episode> {
        let mut episodes = self.of.episodes(&self.cell);
        episodes.retain(|episode| self.sample.is_none_or(|sample| sample == episode.sample));
        episodes
    }

    /// Returns the folder of the run.
    pub(super) fn source(&self) -> &Path {
        self.of.folder()
    }

    /// Returns the name of Harbor's job.
    pub(super) fn job(&self) -> String {
        let Self { run, cell, .. } = self;
        file_name(&if cell.is_empty() { run.clone() } else { format!("{run}.{cell}") })
    }

    /// Returns the name of Inspect's log.
    pub(super) fn log(&self) -> String {
        file_name(&format!("{}_{}.eval", self.run, self.cell))
    }
}
