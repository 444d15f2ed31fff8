//! Imports finished episodes of other programs, many at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, File};

use agent_core::Record;
use anyhow::{Context, bail};

use super::cell_dir::{CellDir, LEASES};
use crate::journal::{Ended, Entry, Imported, Journal, Judged, Lease};
use crate::predictions::Prediction;

/// How many episodes are written before they are added to the journal together.
const BATCH: usize = 1000;

/// A finished episode of another program.
#[derive(Debug, Clone)]
pub struct ImportedEpisode {
    /// The instance.
    pub instance_id: String,
    /// What it was read from.
    pub imported: Imported,
    /// The lines of the trajectory, as [`Self::lines`] makes them; empty where only the patch is known.
    pub lines: Vec<u8>,
    /// How it ended; `None` where only the patch is known.
    pub ended: Option<Ended>,
    /// The patch, with who made it; `None` where the record holds none.
    pub prediction: Option<Prediction>,
    /// The verdict, where one is known.
    pub judged: Option<Judged>,
}

impl ImportedEpisode {
    /// Returns records as the lines of a trajectory, so that many can be made at a time.
    ///
    /// # Errors
    /// When a record cannot be written as JSON.
    pub fn lines<'r>(records: impl IntoIterator<Item = &'r Record>) -> serde_json::Result<Vec<u8>> {
        let mut lines = Vec::new();
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        Ok(lines)
    }
}

/// Imports finished episodes of other programs into a run. Each becomes the next sample of its instance in its cell.
///
/// Files are written first, and the journal gets many at a time, so that the disk is waited for once for all of
/// them. An episode that a killed process did not add to the journal is not in the run, and is imported again.
#[derive(Debug)]
pub struct Import {
    journal: Journal,
    _lease: Lease,
    cells: BTreeMap<String, Cell>,
    waiting: usize,
    /// The number of the next episode.
    next: u64,
}

#[derive(Debug)]
struct Cell {
    dir: CellDir,
    /// How many samples each instance has.
    samples: HashMap<String, u32>,
    /// How many episodes are of a record with this digest.
    known: HashMap<String, usize>,
    /// Episodes of which a killed process has written a part to the journal.
    half: HashSet<(String, u32)>,
    entries: Vec<Entry>,
    /// The samples whose views are behind.
    touched: BTreeSet<u32>,
}

impl Import {
    /// Begins to take episodes into a run.
    ///
    /// # Errors
    /// When another process does so, or the run cannot be written.
    pub fn begin(journal: &Journal) -> anyhow::Result<Self> {
        let lease = Lease::take(&journal.run().join(LEASES).join("import"))?;
        let Some(lease) = lease else {
            let run = journal.run().display();
            bail!("another process is importing into `{run}`\nhint: wait for it, or choose another `--run`");
        };
        journal.refresh()?;
        let mut next = 0;
        for cell in journal.cells() {
            let last = journal.with_cell(&cell, |state| state.episodes.values().filter_map(|one| one.number).max());
            next = next.max(last.map_or(0, |last| last + 1));
        }
        Ok(Self { journal: journal.clone(), _lease: lease, cells: BTreeMap::new(), waiting: 0, next })
    }

    /// Returns how many episodes of a cell are of a record with this digest.
    pub fn count(&mut self, cell: &str, digest: &str) -> anyhow::Result<usize> {
        Ok(self.cell(cell)?.known.get(digest).copied().unwrap_or_default())
    }

    /// Takes an episode in, and returns which sample of its instance it has become.
    pub fn add(&mut self, cell: &str, episode: ImportedEpisode) -> anyhow::Result<u32> {
        let number = self.next;
        let sample = self.cell(cell)?.add(episode, number)?;
        self.next += 1;
        self.waiting += 1;
        if self.waiting >= BATCH {
            self.flush()?;
        }
        Ok(sample)
    }

    /// Writes what is still waiting to the journal, and writes the views.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.cells.values().try_for_each(Cell::write_views)
    }

    fn cell(&mut self, name: &str) -> anyhow::Result<&mut Cell> {
        if !self.cells.contains_key(name) {
            let cell = Cell::open(&self.journal, name)?;
            self.cells.insert(name.to_owned(), cell);
        }
        self.cells.get_mut(name).context("a cell that was just opened is gone")
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let run = self.journal.run();
        if self.waiting > 0 {
            // Files that the journal refers to must survive a power cut.
            let folder = File::open(run).with_context(|| format!("cannot read `{}`", run.display()))?;
            rustix::fs::syncfs(folder).with_context(|| format!("cannot write `{}` to the disk", run.display()))?;
        }
        for cell in self.cells.values_mut().filter(|cell| !cell.entries.is_empty()) {
            self.journal.append(cell.dir.name(), std::mem::take(&mut cell.entries))?;
        }
        self.waiting = 0;
        Ok(())
    }
}

impl Cell {
    fn open(journal: &Journal, name: &str) -> anyhow::Result<Self> {
        let dir = CellDir::create_in(journal, name)?;
        let (mut samples, mut known) = (HashMap::new(), HashMap::new());
        let (mut half, mut touched) = (HashSet::new(), BTreeSet::new());
        journal.with_cell(dir.name(), |state| {
            for (sample, id) in state.asked.iter().flat_map(|(sample, ids)| ids.iter().map(|id| (*sample, id))) {
                let next: &mut u32 = samples.entry(id.clone()).or_default();
                *next = (*next).max(sample + 1);
            }
            for ((id, sample), episode) in &state.episodes {
                if let Some(imported) = &episode.imported {
                    *known.entry(imported.digest.clone()).or_default() += 1;
                    // A killed process may not have got to write the views.
                    touched.insert(*sample);
                } else if !state.asked.get(sample).is_some_and(|ids| ids.contains(id)) {
                    half.insert((id.clone(), *sample));
                }
            }
        });
        Ok(Self { dir, samples, known, half, entries: Vec::new(), touched })
    }

    fn add(&mut self, episode: ImportedEpisode, number: u64) -> anyhow::Result<u32> {
        let ImportedEpisode { instance_id, imported, lines, ended, prediction, judged } = episode;
        let next = self.samples.entry(instance_id.clone()).or_default();
        let sample = *next;
        *next += 1;
        let dir = self.dir.of_sample(sample);
        write_files(&dir, &instance_id, &lines, prediction.as_ref())?;
        *self.known.entry(imported.digest.clone()).or_default() += 1;
        self.touched.insert(sample);
        if self.half.remove(&(instance_id.clone(), sample)) {
            self.entries.push(Entry::Reset { instance_id: instance_id.clone(), sample });
        }
        // The last line makes it an episode of the run, so that one without it is imported again.
        let last = Entry::Imported { instance_id: instance_id.clone(), sample, imported, number: Some(number) };
        let ended = ended.map(|ended| Entry::Ended { instance_id: instance_id.clone(), sample, ended });
        let predicted = prediction.map(|prediction| Entry::Predicted { sample, prediction });
        let judged = judged.map(|judged| Entry::Judged { instance_id, sample, judged });
        self.entries.extend([ended, predicted, judged, Some(last)].into_iter().flatten());
        Ok(sample)
    }

    fn write_views(&self) -> anyhow::Result<()> {
        self.touched.iter().try_for_each(|sample| {
            let dir = self.dir.of_sample(*sample);
            dir.ask([])?;
            dir.write_predictions()
        })
    }
}

/// Writes the files of an episode, which are not waited for.
fn write_files(dir: &CellDir, id: &str, lines: &[u8], prediction: Option<&Prediction>) -> anyhow::Result<()> {
    let folder = dir.instance_path(id);
    let cannot = || format!("cannot write in `{}`", folder.display());
    for stale in ["trajectory.jsonl", "patch.diff"] {
        // Of another episode, which a killed process did not add to the journal.
        match fs::remove_file(folder.join(stale)) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => return Err(err).with_context(cannot),
            _ => {}
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(&folder).with_context(cannot)?;
    fs::write(folder.join("trajectory.jsonl"), lines).with_context(cannot)?;
    match prediction.map(Prediction::patch_text).filter(|patch| !patch.is_empty()) {
        Some(patch) => fs::write(folder.join("patch.diff"), patch).with_context(cannot),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Run;

    fn episode(id: &str, digest: &str) -> ImportedEpisode {
        ImportedEpisode {
            instance_id: id.to_owned(),
            imported: Imported {
                digest: digest.to_owned(),
                format: "f".to_owned(),
                place: "x:1".to_owned(),
                record: serde_json::Map::new(),
            },
            lines: ImportedEpisode::lines([&Record::Conversation { step: 0, name: String::new(), restored: false }])
                .unwrap(),
            ended: None,
            prediction: Some(Prediction {
                instance_id: id.to_owned(),
                model_name_or_path: "m".to_owned(),
                model_patch: Some("d".to_owned()),
                spoiled: false,
            }),
            judged: None,
        }
    }

    #[test]
    fn episodes_become_the_next_samples_and_are_known_by_their_digest_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let import = || Import::begin(&Journal::open(&path).unwrap()).unwrap();
        let mut first = import();
        let samples =
            [("a", "1"), ("a", "2"), ("b", "3")].map(|(id, digest)| first.add("c", episode(id, digest)).unwrap());
        assert_eq!(samples, [0, 1, 0]);
        first.finish().unwrap();
        let mut second = import();
        assert_eq!(["1", "4"].map(|digest| second.count("c", digest).unwrap()), [1, 0]);
        assert_eq!(second.add("c", episode("a", "4")).unwrap(), 2);
        assert_eq!(second.add("b", episode("a", "5")).unwrap(), 0);
        second.finish().unwrap();
        let run = Run::open(&path).unwrap();
        let numbers = |cell: &str| run.episodes(cell).iter().map(|one| one.import_number).collect::<Vec<_>>();
        assert_eq!((numbers("c"), numbers("b")), ((0..4).map(Some).collect(), vec![Some(4)]));
        assert_eq!(run.asked("c").len(), 4);
        assert!(run.episodes("c").iter().all(|episode| episode.trajectory().unwrap().is_some()));
        assert_eq!(fs::read_to_string(path.join("c/preds.jsonl")).unwrap().lines().count(), 2);
        assert_eq!(fs::read_to_string(path.join("c/a/2/patch.diff")).unwrap(), "d");
    }

    #[test]
    fn what_the_journal_was_not_told_of_is_taken_in_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let import = || Import::begin(&Journal::open(&path).unwrap()).unwrap();
        let mut killed = import();
        killed.add("c", episode("a", "1")).unwrap();
        assert!(Import::begin(&Journal::open(&path).unwrap()).is_err());
        drop(killed);
        let mut again = import();
        assert_eq!((again.count("c", "1").unwrap(), again.add("c", episode("a", "1")).unwrap()), (0, 0));
        again.finish().unwrap();
        assert_eq!(Run::open(&path).unwrap().episodes("c").len(), 1);
    }

    #[test]
    fn an_episode_of_which_the_journal_was_told_a_part_is_taken_in_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let journal = Journal::open(&path).unwrap();
        let stale = Prediction { model_patch: Some("stale".to_owned()), ..episode("a", "1").prediction.unwrap() };
        journal.append("c", vec![Entry::Predicted { sample: 0, prediction: stale }]).unwrap();
        let other = path.join("c/a");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("trajectory.jsonl"), "of another one").unwrap();
        let mut again = Import::begin(&journal).unwrap();
        assert_eq!(again.count("c", "1").unwrap(), 0);
        let alone = ImportedEpisode { lines: Vec::new(), prediction: None, ..episode("a", "1") };
        assert_eq!(again.add("c", alone).unwrap(), 0);
        again.finish().unwrap();
        let episodes = Run::open(&path).unwrap().episodes("c");
        assert!(episodes.len() == 1 && episodes[0].prediction.is_none(), "{episodes:?}");
        assert!(episodes[0].trajectory().unwrap().is_none());
    }

    #[test]
    fn views_that_a_killed_process_did_not_write_are_written_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let import = || Import::begin(&Journal::open(&path).unwrap()).unwrap();
        let mut killed = import();
        killed.add("c", episode("a", "1")).unwrap();
        killed.flush().unwrap();
        drop(killed);
        let mut again = import();
        assert_eq!(again.count("c", "1").unwrap(), 1);
        again.finish().unwrap();
        assert_eq!(fs::read_to_string(path.join("c/preds.jsonl")).unwrap().lines().count(), 1);
    }
}
