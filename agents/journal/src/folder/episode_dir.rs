//! The folder of one episode.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use agent_core::{Record, Recorder, Trajectory};
use anyhow::Context;

use crate::files::{read_text, write_whole};
use crate::journal::Lease;

/// The folder of one episode, held by this process alone as long as this value lives.
#[derive(Debug)]
pub struct EpisodeDir {
    path: PathBuf,
    _lease: Lease,
}

impl EpisodeDir {
    pub(crate) fn new(path: PathBuf, lease: Lease) -> Self {
        Self { path, _lease: lease }
    }

    /// Returns the path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file whole: it holds the old or the new content, never a part.
    pub fn write(&self, name: &str, contents: &[u8]) -> anyhow::Result<()> {
        write_whole(&self.file(name), contents)
    }

    /// Returns a file's text; `None` when there is none.
    pub fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        read_text(&self.file(name))
    }

    /// Returns the trajectory; `None` when there is none.
    pub fn trajectory(&self, name: &str) -> anyhow::Result<Option<Trajectory>> {
        read_trajectory(&self.file(name))
    }

    /// Returns the first name `<stem>.<number>.jsonl` that no file has.
    pub fn free_name(&self, stem: &str) -> String {
        let mut number = 1;
        while self.file(&format!("{stem}.{number}.jsonl")).exists() {
            number += 1;
        }
        format!("{stem}.{number}.jsonl")
    }

    /// Removes a file; does nothing when there is none.
    pub fn remove(&self, name: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.file(name)) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                Err(err).with_context(|| format!("cannot remove `{}`", self.file(name).display()))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a trajectory; `None` when there is no file.
pub(crate) fn read_trajectory(path: &Path) -> anyhow::Result<Option<Trajectory>> {
    let Some(text) = read_text(path)? else { return Ok(None) };
    let parsed = Trajectory::parse(&text);
    parsed.map(Some).map_err(|err| anyhow::anyhow!("`{}` is damaged: {err}", path.display()))
}

/// Appends the lines of a trajectory to a file, each in one write. An answer is on the disk before the next line.
#[derive(Debug)]
pub struct FileRecorder {
    file: File,
    /// Bytes of whole lines.
    length: u64,
}

impl FileRecorder {
    /// Starts an empty file.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        // It appends, so that a file which another process has emptied meanwhile gets no hole.
        let made = File::options().append(true).create(true).open(path);
        let emptied = made.and_then(|file| file.set_len(0).map(|()| file));
        let file = emptied.with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok(Self { file, length: 0 })
    }
}

impl Recorder for FileRecorder {
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        if let Err(err) = self.file.write_all(&line) {
            // The next line would make half a line unreadable, and all that is in the file with it.
            let _ = self.file.set_len(self.length);
            return Err(err);
        }
        self.length += line.len() as u64;
        match record {
            // They were paid for.
            Record::Completion { .. } | Record::Outcome(_) => self.file.sync_data(),
            _ => Ok(()),
        }
    }
}
