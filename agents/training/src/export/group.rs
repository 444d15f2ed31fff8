//! The episodes of runs in the groups that formats write together.

use std::path::PathBuf;

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
        let run = of.folder().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for cell in of.cells() {
            let mut samples = vec![None];
            if by_sample {
                let mut found = Vec::new();
                of.each_episode(&cell, |episode| found.push(episode.sample));
                found.sort_unstable();
                found.dedup();
                samples = found.into_iter().map(Some).collect();
            }
            for sample in samples {
                groups.push(Group { run: run.clone(), cell: cell.clone(), sample, folder: PathBuf::new(), of });
            }
        }
    }
    let differs = |of: fn(&Group<'_>) -> String| {
        let mut all: Vec<String> = groups.iter().map(of).collect();
        all.sort();
        all.dedup();
        all.len() > 1
    };
    let (runs, cells) = (differs(|group| group.run.clone()), differs(|group| group.cell.clone()));
    let samples = differs(|group| group.sample.map(|sample| sample.to_string()).unwrap_or_default());
    for group in &mut groups {
        let sample = group.sample.filter(|_| samples).map(|sample| sample.to_string());
        let names = [runs.then(|| file_name(&group.run)), cells.then(|| file_name(&group.cell)), sample];
        group.folder = names.into_iter().flatten().collect();
    }
    groups
}

impl Group<'_> {
    /// Returns the episodes.
    pub(super) fn episodes(&self) -> Vec<Episode> {
        let mut episodes = self.of.episodes(&self.cell);
        episodes.retain(|episode| self.sample.is_none_or(|sample| sample == episode.sample));
        episodes
    }
}
