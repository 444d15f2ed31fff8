//! The folder of a run, and how its files stay whole when the program is killed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use agent_core::{Record, Recorder, Secrets, Trajectory};
use anyhow::{Context, bail};
use env_core::Report;
use grading::read_report;

use crate::predictions::{Lines, PREDICTIONS, Prediction};

/// The folder of one cell of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Returns the folder `<runs>/<run>/<cell>`, made if need be.
    pub(crate) fn create(runs: &Path, run: &str, cell: &str) -> anyhow::Result<Self> {
        let place = Self::place(runs, run, cell);
        let path = place.path.display();
        fs::create_dir_all(&place.path).with_context(|| format!("cannot make the run folder `{path}`"))?;
        Ok(place)
    }

    /// Returns the same folder, which may not exist.
    pub(crate) fn place(runs: &Path, run: &str, cell: &str) -> Self {
        Self { path: runs.join(file_name(run)).join(file_name(cell)) }
    }

    /// Returns the path of the folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the folder of an instance, made if need be and held by this process alone.
    pub(crate) fn instance(&self, instance_id: &str) -> anyhow::Result<InstanceDir> {
        let path = self.instance_path(instance_id);
        fs::create_dir_all(&path).with_context(|| format!("cannot make the folder `{}`", path.display()))?;
        let lock = lock_file(&path)?;
        match lock.try_lock() {
            Ok(()) => {
                sweep(&path);
                Ok(InstanceDir { path, _lock: lock })
            }
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "`{}` is being written by another process\nhint: wait for it, or choose another `--run`",
                    path.display()
                )
            }
            Err(TryLockError::Error(err)) => Err(err).with_context(|| format!("cannot lock `{}`", path.display())),
        }
    }

    /// Returns the path of an instance's folder, which may not exist.
    pub(crate) fn instance_path(&self, instance_id: &str) -> PathBuf {
        self.path.join(file_name(instance_id))
    }

    /// Returns how many instances besides these have an episode in the folder.
    pub(crate) fn episodes_besides(&self, ids: &[String]) -> usize {
        let ours: HashSet<PathBuf> = ids.iter().map(|id| self.instance_path(id)).collect();
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.join("trajectory.jsonl").exists() && !ours.contains(path)).count()
    }

    /// Returns the report on an instance; `None` when there is none.
    pub(crate) fn report(&self, instance_id: &str) -> Option<Report> {
        let text = read_text(&self.instance_path(instance_id).join("report.json")).ok()??;
        read_report(&text, instance_id).ok()
    }

    /// Returns the predictions of the folder, read as they are asked for.
    pub(crate) fn predictions(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Prediction>>> {
        let path = self.path.join(PREDICTIONS);
        if !path.exists() {
            return Ok(None.into_iter().flatten());
        }
        Ok(Some(Lines::open(&path)?.torn()).into_iter().flatten())
    }

    /// Puts the line of an instance into `preds.jsonl`: at its end, or in the place of an earlier one.
    ///
    /// Each id has one line at any time, so that other programs can read the file of a run that goes on. A line is
    /// appended in one write; a last line that was torn when a process was killed goes with the next change.
    pub(crate) fn put_prediction(&self, prediction: &Prediction) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let path = self.path.join(PREDICTIONS);
        let before = read_text(&path)?.unwrap_or_default();
        let id = prediction.instance_id.as_str();
        let is_whole = before.is_empty() || before.ends_with('\n');
        if is_whole && !before.lines().any(|line| line.contains(id) && is_of(line.as_bytes(), |other| other == id)) {
            return append_line(&path, prediction);
        }
        change_predictions(&path, std::slice::from_ref(prediction), |other| other == id)
    }

    /// Puts many predictions into `preds.jsonl`, in one write of the file.
    pub(crate) fn put_predictions<'a>(
        &self,
        predictions: impl IntoIterator<Item = &'a Prediction, IntoIter: Clone>,
    ) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let predictions = predictions.into_iter();
        let ids: HashSet<&str> = predictions.clone().map(|prediction| prediction.instance_id.as_str()).collect();
        change_predictions(&self.path.join(PREDICTIONS), predictions, |other| ids.contains(other))
    }

    /// Takes the line of an instance out of `preds.jsonl`.
    pub(crate) fn drop_prediction(&self, instance_id: &str) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        change_predictions(&self.path.join(PREDICTIONS), &[], |other| other == instance_id)
    }

    /// Holds the folder's own files until the lock is dropped.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        let lock = lock_file(&self.path)?;
        lock.lock().with_context(|| format!("cannot lock `{}`", self.path.display()))?;
        Ok(lock)
    }
}

/// Removes the temporary files of killed processes from a folder that this process holds. One that stays does no harm.
pub(crate) fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().rsplit_once('.').is_some_and(|(_, extension)| extension == "tmp") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn lock_file(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(".lock");
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    opened.with_context(|| format!("cannot open `{}`", path.display()))
}

/// The folder of one instance, held by this process alone as long as this value lives.
#[derive(Debug)]
pub(crate) struct InstanceDir {
    path: PathBuf,
    _lock: File,
}

impl InstanceDir {
    /// Returns the path of a file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file whole: it holds the old or the new content, never a part.
    pub(crate) fn write(&self, name: &str, contents: &[u8]) -> anyhow::Result<()> {
        write_whole(&self.file(name), contents)
    }

    /// Returns a file's text; `None` when there is none.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        read_text(&self.file(name))
    }

    /// Returns the trajectory; `None` when there is none.
    pub(crate) fn trajectory(&self, name: &str) -> anyhow::Result<Option<Trajectory>> {
        let path = self.file(name);
        let Some(text) = read_text(&path)? else { return Ok(None) };
        let parsed = Trajectory::parse(&text);
        parsed.map(Some).map_err(|err| anyhow::anyhow!("`{}` is damaged: {err}", path.display()))
    }

    /// Returns the first name `<stem>.<number>.jsonl` that no file has.
    pub(crate) fn free_name(&self, stem: &str) -> String {
        let mut number = 1;
        while self.file(&format!("{stem}.{number}.jsonl")).exists() {
            number += 1;
        }
        format!("{stem}.{number}.jsonl")
    }

    /// Removes a file; does nothing when there is none.
    pub(crate) fn remove(&self, name: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.file(name)) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                Err(err).with_context(|| format!("cannot remove `{}`", self.file(name).display()))
            }
            _ => Ok(()),
        }
    }
}

/// Appends the lines of a trajectory to a file, each in one write.
#[derive(Debug)]
pub(crate) struct FileRecorder {
    file: File,
}

impl FileRecorder {
    /// Starts an empty file.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Self { file })
    }
}

impl Recorder for FileRecorder {
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.file.flush()
    }
}

/// Writes a file whole, by way of a temporary one beside it.
pub(crate) fn write_whole(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let secrets = SECRETS.get_or_init(|| llm::secrets(&[]));
    write_stream(path, |file| file.write_all(&secrets.redact_bytes(contents)))
}

/// The keys of this process, which what ran in a sandbox without isolation may have printed.
static SECRETS: OnceLock<Secrets> = OnceLock::new();

/// Keeps these values out of the files of runs, in the place of those that only look like keys by their names.
pub(crate) fn hide(secrets: &Secrets) {
    // Who came first names the same variables, or there was no model.
    let _ = SECRETS.set(secrets.clone());
}

/// Writes a file whole, piece by piece, by way of a temporary one beside it.
pub(crate) fn write_stream(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    // Processes of one run write the same files, each by way of one of its own.
    temporary.push(format!(".{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(&temporary)?);
        fill(&mut file)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Returns a file's text; `None` when there is no file.
pub(crate) fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read(path) {
        // A killed run can leave half a character at the end of its last line.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Returns `name` as one component of a path.
pub(crate) fn file_name(name: &str) -> String {
    let safe = name.replace(['/', '\\', '\0'], "__");
    if safe.trim_matches('.').is_empty() { "_".to_owned() } else { safe }
}

/// Writes a file of predictions anew: the lines that are not `gone`, then these.
fn change_predictions<'a>(
    path: &Path,
    predictions: impl IntoIterator<Item = &'a Prediction>,
    gone: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    write_stream(path, |file| {
        if path.exists() {
            let mut before = BufReader::new(File::open(path)?);
            let mut line = Vec::new();
            while before.read_until(b'\n', &mut line)? > 0 {
                if !is_of(&line, &gone) && line.ends_with(b"\n") {
                    file.write_all(&line)?;
                }
                line.clear();
            }
        }
        for prediction in predictions {
            serde_json::to_writer(&mut *file, prediction)?;
            file.write_all(b"\n")?;
        }
        Ok(())
    })
}

fn append_line(path: &Path, prediction: &Prediction) -> anyhow::Result<()> {
    let line = serde_json::to_string(prediction)? + "\n";
    let append = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()
    };
    append().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Returns whether a line is blank or of an instance that `wanted` names.
fn is_of(line: &[u8], wanted: impl Fn(&str) -> bool) -> bool {
    #[derive(serde::Deserialize)]
    struct Id<'a> {
        #[serde(borrow)]
        instance_id: Cow<'a, str>,
    }
    line.trim_ascii().is_empty() || serde_json::from_slice::<Id>(line).is_ok_and(|row| wanted(&row.instance_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(id: &str, patch: &str) -> Prediction {
        Prediction {
            instance_id: id.to_owned(),
            model_name_or_path: "m".to_owned(),
            model_patch: Some(patch.to_owned()),
            spoiled: false,
        }
    }

    /// Returns what the folder holds, as `id=patch`.
    fn held(run_dir: &RunDir) -> Vec<String> {
        let found = run_dir.predictions().unwrap().map(Result::unwrap);
        found.map(|one| format!("{}={}", one.instance_id, one.patch_text())).collect()
    }

    #[test]
    fn an_instance_has_one_prediction_and_a_torn_line_goes() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(folder.path(), "run", "cell").unwrap();
        for (id, patch) in [("a-1", "x"), ("a-10", "y"), ("a-1", "z"), ("é", "\u{2028}")] {
            run_dir.put_prediction(&prediction(id, patch)).unwrap();
        }
        assert_eq!(held(&run_dir), ["a-10=y", "a-1=z", "é=\u{2028}"]);
        // A process was killed while it appended, in the middle of a character.
        let path = run_dir.path().join(PREDICTIONS);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [whole.as_slice(), b"{\"instance_id\": \"b\xc3"].concat()).unwrap();
        assert_eq!(held(&run_dir).len(), 3);
        run_dir.put_prediction(&prediction("b", "w")).unwrap();
        assert_eq!(held(&run_dir), ["a-10=y", "a-1=z", "é=\u{2028}", "b=w"]);
        run_dir.put_predictions(&[prediction("a-1", "1"), prediction("c", "2")]).unwrap();
        assert_eq!(held(&run_dir), ["a-10=y", "é=\u{2028}", "b=w", "a-1=1", "c=2"]);
        run_dir.drop_prediction("b").unwrap();
        assert_eq!(held(&run_dir), ["a-10=y", "é=\u{2028}", "a-1=1", "c=2"]);
    }

    #[test]
    fn what_a_killed_process_was_writing_is_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(folder.path(), "run", "cell").unwrap();
        let path = run_dir.instance("a").unwrap().file("x.json.1.tmp");
        fs::write(&path, "{").unwrap();
        drop(run_dir.instance("a").unwrap());
        assert!(!path.exists());
    }
}
