//! What a process knows of a `preds.jsonl` that others may write as well.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;

use crate::files::write_stream;
use crate::predictions::{Lines, Prediction};

/// The ids that a `preds.jsonl` lists. All is done while the cell is held.
#[derive(Debug)]
pub(crate) struct Listed {
    ids: HashSet<String>,
    /// Bytes of the file.
    length: u64,
    /// Tells the file from one that someone has put in its place.
    file: Option<(u64, Option<SystemTime>)>,
}

impl Listed {
    /// Rewrites the file.
    pub(crate) fn write(path: &Path, predictions: &[Prediction]) -> anyhow::Result<Self> {
        write_stream(path, |file| {
            for prediction in predictions {
                serde_json::to_writer(&mut *file, prediction)?;
                file.write_all(b"\n")?;
            }
            Ok(())
        })?;
        let metadata = fs::metadata(path).ok();
        let ids = predictions.iter().map(|prediction| prediction.instance_id.clone()).collect();
        let length = metadata.as_ref().map_or(0, Metadata::len);
        Ok(Self { ids, length, file: metadata.as_ref().map(identity) })
    }

    /// Returns whether an id has a line.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Takes in what others have appended, or have put in place of the file; returns `false` where it has to be
    /// rewritten: it is gone or shorter, has a torn line, or names an id twice.
    pub(crate) fn catch_up(&mut self, path: &Path) -> bool {
        let Ok(metadata) = fs::metadata(path) else { return false };
        let file = Some(identity(&metadata));
        if self.file != file {
            // Two processes that wrote it anew for the other one's sake would never come to an end.
            *self = Self { ids: HashSet::new(), length: 0, file };
        }
        match metadata.len() {
            length if length < self.length => false,
            length if length == self.length => true,
            _ => self.read_on(path).unwrap_or_default(),
        }
    }

    fn read_on(&mut self, path: &Path) -> anyhow::Result<bool> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.length))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if !bytes.ends_with(b"\n") {
            return Ok(false);
        }
        for prediction in Lines::new(bytes.as_slice()) {
            if !self.ids.insert(prediction?.instance_id) {
                return Ok(false);
            }
        }
        self.length += bytes.len() as u64;
        Ok(true)
    }

    /// Appends a line in one write.
    pub(crate) fn append(&mut self, path: &Path, prediction: &Prediction) -> anyhow::Result<()> {
        let line = serde_json::to_string(prediction)? + "\n";
        let append = || OpenOptions::new().append(true).open(path)?.write_all(line.as_bytes());
        append().with_context(|| format!("cannot write `{}`", path.display()))?;
        self.length += line.len() as u64;
        self.ids.insert(prediction.instance_id.clone());
        Ok(())
    }
}

/// Returns the number of a file, which another one may get once it is gone, and when it was made, where that is told.
fn identity(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.ino(), metadata.created().ok())
}
