//! The folder of a run, and how its files stay whole when the program is killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use agent_core::{Record, Recorder, Trajectory};
use anyhow::{Context, bail};
use serde::Serialize;

/// The folder of one cell of a run.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Returns the folder `<runs>/<run>/<cell>`, made if need be.
    pub(crate) fn create(runs: &Path, run: &str, cell: &str) -> anyhow::Result<Self> {
        let path = runs.join(file_name(run)).join(file_name(cell));
        fs::create_dir_all(&path).with_context(|| format!("cannot make the run folder `{}`", path.display()))?;
        Ok(Self { path })
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
            Ok(()) => Ok(InstanceDir { path, _lock: lock }),
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

    /// Puts the line of an instance into `preds.jsonl`, in the place of an earlier one.
    pub(crate) fn put_prediction(&self, prediction: &Prediction) -> anyhow::Result<()> {
        self.change_predictions(&prediction.instance_id, Some(prediction))
    }

    /// Takes the line of an instance out of `preds.jsonl`.
    pub(crate) fn drop_prediction(&self, instance_id: &str) -> anyhow::Result<()> {
        self.change_predictions(instance_id, None)
    }

    fn change_predictions(&self, instance_id: &str, prediction: Option<&Prediction>) -> anyhow::Result<()> {
        let _lock = self.lock()?;
        let path = self.path.join("preds.jsonl");
        let before = read_text(&path)?.unwrap_or_default();
        let others = before.lines().filter(|line| !is_of(line, instance_id));
        let mut text: String = others.map(|line| format!("{line}\n")).collect();
        if let Some(prediction) = prediction {
            text.push_str(&(serde_json::to_string(prediction)? + "\n"));
        }
        write_whole(&path, text.as_bytes())
    }

    /// Holds the folder's own files until the lock is dropped.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        let lock = lock_file(&self.path)?;
        lock.lock().with_context(|| format!("cannot lock `{}`", self.path.display()))?;
        Ok(lock)
    }
}

fn lock_file(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(".lock");
    let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    opened.with_context(|| format!("cannot open `{}`", path.display()))
}

/// One line of `preds.jsonl`, as the official harness reads it.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub(crate) struct Prediction {
    /// The instance.
    pub(crate) instance_id: String,
    /// Who made the patch.
    pub(crate) model_name_or_path: String,
    /// The patch; empty when nothing was changed.
    #[serde(default)]
    pub(crate) model_patch: Option<String>,
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
    let mut temporary = path.as_os_str().to_owned();
    // Processes of one run write the same files, each by way of one of its own.
    temporary.push(format!(".{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&temporary)?;
        file.write_all(contents)?;
        file.sync_data()?;
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

fn is_of(line: &str, instance_id: &str) -> bool {
    line.trim().is_empty()
        || serde_json::from_str::<Prediction>(line).is_ok_and(|other| other.instance_id == instance_id)
}
