//! The folder of one cell of a run.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use env_core::{Report, Verdict};
use grading::read_report;
use sha2::{Digest, Sha256};

use super::episode_dir::EpisodeDir;
use super::listed::Listed;
use crate::files::{file_name, read_text, sweep, write_whole};
use crate::journal::EpisodeState;
use crate::journal::Journal;
use crate::journal::{Ended, Entry, Failed, Judged};
use crate::journal::{Lease, Turn, holder};
use crate::predictions::{PREDICTIONS, Prediction};
use crate::subject::Subject;

/// The folder of the leases of a run.
pub(crate) const LEASES: &str = "leases";
/// The view of the instances that were asked for.
const ASKED: &str = "asked.json";
/// The view of how an episode ended.
const ENDED: &str = "ended.json";
/// The view of what a verdict is on.
const JUDGED: &str = "judged.json";
/// The view of what infrastructure kept from a verdict.
const FAILED: &str = "failed.json";
/// For how long the list of predictions is waited for, which others may hold.
const PATIENCE: Duration = Duration::from_secs(1);
/// The official report on an instance.
pub(crate) const REPORT: &str = "report.json";

/// The files of a verdict in the folder of an episode.
pub const VERDICT_FILES: [&str; 4] = [JUDGED, FAILED, REPORT, crate::verdict::TEST_OUTPUT];

/// The folder of one cell of a run, and its part of the run's journal.
///
/// The journal is what counts. `preds.jsonl` and the other files of the cell are views of it, written for people and
/// other programs; `preds.jsonl` keeps up with the journal, one line an instance.
#[derive(Debug, Clone)]
pub struct CellDir {
    path: PathBuf,
    name: String,
    /// Which of the episodes of one agent on one instance it is about.
    sample: u32,
    journal: Journal,
    /// What is in `preds.jsonl`, once this process has written it.
    listed: Arc<Mutex<Option<Listed>>>,
}

/// The right to change a cell's own files, held as long as this value lives.
#[derive(Debug)]
pub struct CellLock {
    // Given back before it is another part's turn.
    _lease: Lease,
    _turn: Turn,
}

/// What a run folder holds on a patch.
pub enum Found {
    /// The verdict.
    Verdict(Box<Verdict>),
    /// Infrastructure prevented a verdict.
    Infrastructure,
    /// There is none, or it is on another patch or way of judging, or it is damaged.
    Nothing,
}

impl CellDir {
    /// Returns the folder `<runs>/<run>/<cell>`, which is created if needed.
    pub fn create(runs: &Path, run: &str, cell: &str) -> anyhow::Result<Self> {
        Self::create_in(&Journal::open(&runs.join(file_name(run)))?, cell)
    }

    /// Returns the folder of a cell in the run of a journal, which is created if needed.
    pub fn create_in(journal: &Journal, cell: &str) -> anyhow::Result<Self> {
        let cell_dir = Self::of(journal, cell);
        let path = cell_dir.path.display();
        fs::create_dir_all(&cell_dir.path).with_context(|| format!("cannot create the run folder `{path}`"))?;
        Ok(cell_dir)
    }

    /// Returns the same folder, which may not exist.
    pub fn of(journal: &Journal, cell: &str) -> Self {
        let name = file_name(cell);
        Self { path: journal.run().join(&name), name, sample: 0, journal: journal.clone(), listed: Arc::default() }
    }

    /// Returns the same folder for another sample, whose views have names of their own, such as `preds.3.jsonl`.
    #[must_use]
    pub fn of_sample(&self, sample: u32) -> Self {
        Self { sample, listed: Arc::default(), ..self.clone() }
    }

    /// Returns which of the episodes of one agent on one instance this is about, from 0.
    pub fn sample(&self) -> u32 {
        self.sample
    }

    /// Returns the name of the cell.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the path of a view of the cell, by the name that it has for the first sample.
    pub fn view(&self, name: &str) -> PathBuf {
        match (self.sample, name.rsplit_once('.')) {
            (0, _) | (_, None) => self.path.join(name),
            (sample, Some((stem, extension))) => self.path.join(format!("{stem}.{sample}.{extension}")),
        }
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the journal of the run.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Returns the folder of an episode, which is created if needed and held by this process alone.
    ///
    /// # Errors
    /// When another process holds it, or it cannot be made.
    pub fn episode(&self, instance_id: &str) -> anyhow::Result<EpisodeDir> {
        match self.try_episode(instance_id)? {
            Some(dir) => Ok(dir),
            None => bail!("{}", self.held(instance_id)),
        }
    }

    /// Returns the folder of an episode, which is created if needed and held by this process alone; `None` when another
    /// one, or another part of this one, holds it.
    pub fn try_episode(&self, instance_id: &str) -> anyhow::Result<Option<EpisodeDir>> {
        let Some(lease) = Lease::take(&self.lease(instance_id))? else { return Ok(None) };
        let path = self.instance_path(instance_id);
        fs::create_dir_all(&path).with_context(|| format!("cannot create the folder `{}`", path.display()))?;
        // What another process has written of it until a moment ago counts.
        self.journal.refresh()?;
        sweep(&path);
        Ok(Some(EpisodeDir::new(path, lease)))
    }

    /// Returns the message for an episode that another process holds.
    pub fn held(&self, instance_id: &str) -> String {
        let path = self.instance_path(instance_id);
        let path = path.display();
        format!("`{path}` is being written by another process\nhint: wait for it, or choose another `--run`")
    }

    /// Returns whether a process that lives holds an episode. Nothing is written.
    pub fn is_held(&self, instance_id: &str) -> bool {
        holder(&self.lease(instance_id)).is_some()
    }

    /// Returns where the lease of an episode is.
    fn lease(&self, instance_id: &str) -> PathBuf {
        let (folder, name) = (self.journal.run().join(LEASES).join(&self.name), file_name(instance_id));
        match self.sample {
            0 => folder.join(name),
            sample => folder.join(format!("{name}.samples")).join(sample.to_string()),
        }
    }

    /// Returns where the lease on the cell's own files is.
    fn own_lease(&self) -> PathBuf {
        self.journal.run().join(LEASES).join(format!("{}.cell", self.name))
    }

    /// Waits for the right to change the cell's own files. Parts of one process that use one journal wait in memory,
    /// and only for other processes is the lease looked at again and again.
    pub fn lock(&self) -> anyhow::Result<CellLock> {
        let turn = self.journal.turn(&self.name);
        let lease = Lease::wait_blocking(&self.own_lease())?;
        Ok(CellLock { _lease: lease, _turn: turn })
    }

    /// Waits as [`CellDir::lock`] does, but for a while only, as a process that was killed elsewhere holds it for longer.
    fn lock_for_a_while(&self) -> anyhow::Result<Option<CellLock>> {
        let turn = self.journal.turn(&self.name);
        let lease = Lease::wait_at_most(&self.own_lease(), PATIENCE)?;
        Ok(lease.map(|lease| CellLock { _lease: lease, _turn: turn }))
    }

    /// Returns the path of the folder of an instance's episode, which may not exist.
    pub fn instance_path(&self, instance_id: &str) -> PathBuf {
        let path = self.path.join(file_name(instance_id));
        if self.sample == 0 { path } else { path.join(self.sample.to_string()) }
    }

    /// Returns how many instances besides these have an episode in the folder.
    pub fn episodes_besides(&self, ids: &[String]) -> usize {
        let ours: HashSet<PathBuf> = ids.iter().map(|id| self.instance_path(id)).collect();
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.join("trajectory.jsonl").exists() && !ours.contains(path)).count()
    }

    /// Returns the official report on an instance; `None` when there is none.
    pub fn report(&self, instance_id: &str) -> Option<Report> {
        let text = read_text(&self.instance_path(instance_id).join(REPORT)).ok()??;
        read_report(&text, instance_id).ok()
    }

    fn append(&self, entry: Entry) -> anyhow::Result<()> {
        self.journal.append(&self.name, vec![entry])
    }

    /// Records that these instances were asked for, in addition to those of earlier commands.
    pub fn ask<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
        let known = self.asked();
        let new: BTreeSet<&str> = ids.into_iter().filter(|id| !known.contains(*id)).collect();
        if !new.is_empty() {
            let instance_ids = new.into_iter().map(str::to_owned).collect();
            self.append(Entry::Asked { sample: self.sample, instance_ids })?;
        }
        self.write_asked()
    }

    /// Records that these instances are asked for, and no others any more.
    pub fn plan<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> anyhow::Result<()> {
        let planned: BTreeSet<String> = ids.into_iter().map(str::to_owned).collect();
        if planned != self.asked() {
            let instance_ids = planned.into_iter().collect();
            self.append(Entry::Planned { sample: self.sample, instance_ids })?;
        }
        self.write_asked()
    }

    fn write_asked(&self) -> anyhow::Result<()> {
        let _lease = self.lock()?;
        self.journal.refresh()?;
        write_whole(&self.view(ASKED), &serde_json::to_vec_pretty(&self.asked())?)
    }

    /// Returns the ids of all instances that were asked for.
    pub fn asked(&self) -> BTreeSet<String> {
        self.journal.with_cell(&self.name, |cell| cell.asked.get(&self.sample).cloned().unwrap_or_default())
    }

    /// Returns whether an instance was asked for.
    pub fn is_asked(&self, instance_id: &str) -> bool {
        self.journal
            .with_cell(&self.name, |cell| cell.asked.get(&self.sample).is_some_and(|asked| asked.contains(instance_id)))
    }

    fn with_episode<T>(&self, instance_id: &str, look: impl FnOnce(&EpisodeState) -> Option<T>) -> Option<T> {
        self.journal.with_cell(&self.name, |cell| look(cell.episodes.get(&(instance_id.to_owned(), self.sample))?))
    }

    /// Returns how the episode of an instance ended; `None` when it has not, or there is none.
    pub fn ended(&self, instance_id: &str) -> Option<Ended> {
        self.with_episode(instance_id, |episode| episode.ended.clone())
    }

    /// Returns whether the patch for an instance was resolved.
    pub fn is_solved(&self, instance_id: &str) -> bool {
        self.with_episode(instance_id, |episode| episode.judged.as_ref()?.resolved).unwrap_or_default()
    }

    /// Returns the verdict on a patch that the record of another program does not hold; `None` without one.
    pub(crate) fn judged_without_patch(&self, instance_id: &str) -> Option<bool> {
        self.with_episode(instance_id, |episode| {
            let judged = episode.judged.as_ref().filter(|judged| judged.subject.patch.is_empty())?;
            judged.resolved.filter(|_| episode.prediction.is_none())
        })
    }

    /// Returns the prediction for an instance.
    pub fn prediction(&self, instance_id: &str) -> Option<Prediction> {
        self.with_episode(instance_id, |episode| episode.prediction.clone())
    }

    /// Returns how often infrastructure has broken for the episode of an instance, since it was last asked to try
    /// again.
    pub fn failures(&self, instance_id: &str) -> u32 {
        self.with_episode(instance_id, |episode| Some(episode.failures)).unwrap_or_default()
    }

    /// Returns when anything last came of the episode of an instance, in seconds since 1970.
    pub fn came(&self, instance_id: &str) -> Option<f64> {
        self.with_episode(instance_id, |episode| episode.came)
    }

    /// Records that an episode for which infrastructure broke is retried, however often it has been.
    pub fn retry(&self, instance_id: &str) -> anyhow::Result<()> {
        self.append(Entry::Retried { instance_id: instance_id.to_owned(), sample: self.sample })
    }

    /// Records that an episode starts over.
    pub fn reset(&self, dir: &EpisodeDir, instance_id: &str) -> anyhow::Result<()> {
        dir.remove(ENDED)?;
        self.append(Entry::Reset { instance_id: instance_id.to_owned(), sample: self.sample })?;
        self.drop_listed(instance_id)
    }

    /// Records that an episode runs or continues: how it ended before does not count any more.
    pub fn begin(&self, dir: &EpisodeDir, instance_id: &str) -> anyhow::Result<()> {
        dir.remove(ENDED)?;
        self.append(Entry::Begun { instance_id: instance_id.to_owned(), sample: self.sample })
    }

    /// Records how an episode ended.
    pub fn end(&self, dir: &EpisodeDir, instance_id: &str, ended: Ended) -> anyhow::Result<()> {
        let view = serde_json::to_vec_pretty(&ended)?;
        self.append(Entry::Ended { instance_id: instance_id.to_owned(), sample: self.sample, ended })?;
        dir.write(ENDED, &view)
    }

    /// Records a verdict whose official report is in the folder.
    pub fn judge(&self, dir: &EpisodeDir, instance_id: &str, judged: Judged) -> anyhow::Result<()> {
        let report = dir.read(REPORT)?.map(|text| digest(&text));
        let judged = Judged { report, ..judged };
        let view = serde_json::to_vec_pretty(&judged)?;
        self.append(Entry::Judged { instance_id: instance_id.to_owned(), sample: self.sample, judged })?;
        dir.write(JUDGED, &view)
    }

    /// Records that infrastructure prevented the verdict on a patch.
    pub fn fail(&self, dir: &EpisodeDir, instance_id: &str, failed: Failed) -> anyhow::Result<()> {
        let view = serde_json::to_vec_pretty(&failed)?;
        self.append(Entry::Failed { instance_id: instance_id.to_owned(), sample: self.sample, failed })?;
        dir.write(FAILED, &view)
    }

    /// Writes the views in the folders of episodes that a process was killed before it had written.
    pub fn write_missing_views(&self) -> anyhow::Result<()> {
        let missing = self.journal.with_cell(&self.name, |cell| {
            let ours = cell.episodes.iter().filter(|((_, sample), _)| *sample == self.sample);
            let views = ours.flat_map(|((id, _), episode)| {
                let folder = self.instance_path(id);
                let ended = episode.ended.as_ref().map(|ended| (folder.join(ENDED), serde_json::to_vec_pretty(ended)));
                let judged = episode.judged.as_ref();
                let judged = judged.map(|judged| (folder.join(JUDGED), serde_json::to_vec_pretty(judged)));
                ended.into_iter().chain(judged)
            });
            views.filter(|(path, _)| !path.exists()).collect::<Vec<_>>()
        });
        missing.into_iter().try_for_each(|(path, view)| match path.parent() {
            // One that someone has removed by hand stays so.
            Some(folder) if folder.is_dir() => write_whole(&path, &view?),
            _ => Ok(()),
        })
    }

    /// Returns what the folder holds on a subject.
    pub fn find(&self, subject: &Subject, instance_id: &str) -> Found {
        let judged = self.with_episode(instance_id, |episode| episode.judged.clone());
        if let Some(judged) = judged.filter(|judged| judged.subject.is(subject))
            && let Ok(Some(text)) = read_text(&self.instance_path(instance_id).join(REPORT))
            && judged.report.as_ref().is_none_or(|report| *report == digest(&text))
            && let Ok(report) = read_report(&text, instance_id)
        {
            let Judged { failure, infra, broken, trust, .. } = judged;
            return Found::Verdict(Box::new(Verdict { report, failure, infra, broken, trust, ..Verdict::default() }));
        }
        match self.with_episode(instance_id, |episode| episode.failed.clone()) {
            Some(failed) if failed.subject.is(subject) => Found::Infrastructure,
            _ => Found::Nothing,
        }
    }

    /// Returns the predictions of the cell, in the order of their instances.
    pub fn predictions(&self) -> Vec<Prediction> {
        self.journal.with_cell(&self.name, |cell| {
            let ours = cell.episodes.iter().filter(|((_, sample), _)| *sample == self.sample);
            ours.filter_map(|(_, episode)| episode.prediction.clone()).collect()
        })
    }

    /// Records the prediction for an instance, and adds it to `preds.jsonl`.
    ///
    /// Each id has at most one line there at any time, so that other programs can read the file of a run that is in
    /// progress; a line is appended in one write. Where another process holds the file, the next one that is added adds it,
    /// or the end of the command does.
    pub fn put_prediction(&self, prediction: &Prediction) -> anyhow::Result<()> {
        let id = prediction.instance_id.as_str();
        let known = self.with_episode(id, |episode| Some(episode.prediction.as_ref() == Some(prediction)));
        if known != Some(true) {
            self.append(Entry::Predicted { sample: self.sample, prediction: prediction.clone() })?;
        }
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(_lease) = self.lock_for_a_while()? else {
            *listed = None;
            return Ok(());
        };
        let path = self.view(PREDICTIONS);
        if let Some(listed) = listed.as_mut()
            && listed.catch_up(&path)
        {
            let is_listed = listed.has(id);
            if !is_listed {
                listed.append(&path, prediction)?;
            }
            if !is_listed || known == Some(true) {
                return Ok(());
            }
        }
        self.list_predictions(&mut listed)
    }

    /// Records several predictions, and writes `preds.jsonl` once.
    pub fn put_predictions<'a>(&self, predictions: impl IntoIterator<Item = &'a Prediction>) -> anyhow::Result<()> {
        let is_new = |prediction: &&Prediction| {
            let is_other = |episode: &EpisodeState| Some(episode.prediction.as_ref() != Some(*prediction));
            self.with_episode(&prediction.instance_id, is_other) != Some(false)
        };
        let new = predictions.into_iter().filter(is_new).cloned();
        let new: Vec<Entry> = new.map(|prediction| Entry::Predicted { sample: self.sample, prediction }).collect();
        if !new.is_empty() {
            self.journal.append(&self.name, new)?;
        }
        self.write_predictions()
    }

    /// Rewrites `preds.jsonl`, whatever its current contents.
    pub fn write_predictions(&self) -> anyhow::Result<()> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let _lease = self.lock()?;
        self.list_predictions(&mut listed)
    }

    fn drop_listed(&self, instance_id: &str) -> anyhow::Result<()> {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.view(PREDICTIONS);
        if !path.exists() {
            return Ok(());
        }
        let _lease = self.lock()?;
        let is_without = listed.as_mut().is_some_and(|listed| listed.catch_up(&path) && !listed.has(instance_id));
        if is_without { Ok(()) } else { self.list_predictions(&mut listed) }
    }

    /// Writes the view while the cell is held.
    fn list_predictions(&self, listed: &mut Option<Listed>) -> anyhow::Result<()> {
        self.journal.refresh()?;
        let predictions = self.predictions();
        *listed = Some(Listed::write(&self.view(PREDICTIONS), &predictions)?);
        Ok(())
    }
}

/// Returns the digest of a report's text.
fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn prediction(id: &str, patch: &str) -> Prediction {
        Prediction {
            instance_id: id.to_owned(),
            model_name_or_path: "m".to_owned(),
            model_patch: Some(patch.to_owned()),
            spoiled: false,
        }
    }

    /// Returns what `preds.jsonl` holds, as `id=patch`.
    fn listed(cell_dir: &CellDir) -> Vec<String> {
        let found = crate::read_predictions(&cell_dir.view(PREDICTIONS)).unwrap().predictions;
        found.iter().map(|one| format!("{}={}", one.instance_id, one.patch_text())).collect()
    }

    #[test]
    fn an_instance_has_one_prediction_and_the_view_follows_the_journal() {
        let folder = tempfile::tempdir().unwrap();
        let open = || CellDir::create(folder.path(), "run", "cell").unwrap();
        let cell_dir = open();
        for (id, patch) in [("a-1", "x"), ("a-10", "y"), ("a-1", "z"), ("é", "\u{2028}")] {
            cell_dir.put_prediction(&prediction(id, patch)).unwrap();
        }
        assert_eq!(listed(&cell_dir), ["a-1=z", "a-10=y", "é=\u{2028}"]);
        // Whatever becomes of the view, another process goes by the journal.
        let path = cell_dir.path().join(PREDICTIONS);
        fs::write(&path, b"{\"instance_id\": \"b\xc3").unwrap();
        let other = open();
        other.put_prediction(&prediction("b", "w")).unwrap();
        assert_eq!(listed(&other), ["a-1=z", "a-10=y", "é=\u{2028}", "b=w"]);
        other.put_predictions(&[prediction("a-1", "1"), prediction("c", "2")]).unwrap();
        assert_eq!(listed(&other), ["a-1=1", "a-10=y", "é=\u{2028}", "b=w", "c=2"]);
        let dir = other.episode("b").unwrap();
        other.reset(&dir, "b").unwrap();
        assert_eq!(listed(&other), ["a-1=1", "a-10=y", "é=\u{2028}", "c=2"]);
        fs::remove_file(&path).unwrap();
        open().write_predictions().unwrap();
        assert_eq!(listed(&other), ["a-1=1", "a-10=y", "é=\u{2028}", "c=2"]);
    }

    #[test]
    fn two_processes_of_one_run_append_to_one_view_and_neither_writes_it_anew() {
        use std::os::unix::fs::MetadataExt;

        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [0; 2].map(|_| CellDir::create(folder.path(), "run", "cell").unwrap());
        one.put_prediction(&prediction("a", "x")).unwrap();
        other.put_prediction(&prediction("b", "x")).unwrap();
        one.put_prediction(&prediction("c", "x")).unwrap();
        let path = one.view(PREDICTIONS);
        let file = || fs::metadata(&path).unwrap().ino();
        let before = file();
        for number in 0..10 {
            other.put_prediction(&prediction(&format!("other-{number}"), "x")).unwrap();
            one.put_prediction(&prediction(&format!("one-{number}"), "x")).unwrap();
        }
        assert_eq!(file(), before);
        assert_eq!(listed(&one).len(), 23);
        // An id that the other one has listed gets no second line, and a line that was torn does no harm.
        one.put_prediction(&prediction("other-3", "y")).unwrap();
        fs::File::options().append(true).open(&path).and_then(|mut file| file.write_all(b"{\"insta")).unwrap();
        other.put_prediction(&prediction("d", "x")).unwrap();
        let all = listed(&one);
        assert_eq!(all.len(), 24);
        assert!(all.contains(&"other-3=y".to_owned()) && all.contains(&"d=x".to_owned()), "{all:?}");
        // What the other one has listed is taken out as well.
        one.put_prediction(&prediction("e", "x")).unwrap();
        other.reset(&other.episode("e").unwrap(), "e").unwrap();
        assert_eq!(listed(&one).len(), 24);
    }

    #[test]
    fn parts_of_one_process_take_turns_at_a_cell_without_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let cell_dir = CellDir::create(folder.path(), "run", "cell").unwrap();
        let begun = std::time::Instant::now();
        let parts = (0..8).map(|sample| {
            let (cell_dir, again) = (cell_dir.of_sample(sample), CellDir::of(cell_dir.journal(), "cell"));
            std::thread::spawn(move || {
                for _ in 0..25 {
                    drop(cell_dir.lock().unwrap());
                    drop(again.lock().unwrap());
                }
            })
        });
        parts.collect::<Vec<_>>().into_iter().for_each(|part| part.join().unwrap());
        // Each look at a lease that is held would take 50 ms, and there would be hundreds.
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn what_a_killed_process_was_writing_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let cell_dir = CellDir::create(folder.path(), "run", "cell").unwrap();
        let path = cell_dir.episode("a").unwrap().file("x.json.1.tmp");
        fs::write(&path, "{").unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        drop(cell_dir.episode("a").unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn a_run_without_a_journal_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let cell = folder.path().join("run/codeact");
        fs::create_dir_all(cell.join("a")).unwrap();
        fs::write(cell.join("asked.json"), r#"["a", "b"]"#).unwrap();
        let line = serde_json::to_string(&prediction("a", "x")).unwrap() + "\n{\"torn";
        fs::write(cell.join(PREDICTIONS), line).unwrap();
        fs::write(cell.join("a/ended.json"), r#"{"exit_status": "submitted", "class": "submitted"}"#).unwrap();
        let cell_dir = CellDir::create(folder.path(), "run", "codeact").unwrap();
        assert_eq!(cell_dir.asked().len(), 2);
        assert_eq!(cell_dir.predictions(), [prediction("a", "x")]);
        assert_eq!(cell_dir.ended("a").unwrap().exit_status, "submitted");
        // Once.
        assert_eq!(CellDir::create(folder.path(), "run", "codeact").unwrap().predictions().len(), 1);
    }
}
