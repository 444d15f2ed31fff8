//! Rows on the disk until it is known which are written, and in which order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::Context;

/// Rows on the disk, in a file without a name, which goes with the process.
pub(crate) struct Spool {
    file: BufWriter<File>,
    end: u64,
}

impl Spool {
    /// Begins an empty one on the disk of a folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        let file = tempfile::tempfile_in(folder).with_context(|| format!("cannot write in `{}`", folder.display()))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 20, file), end: 0 })
    }

    /// Adds bytes and returns where they stand.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> anyhow::Result<Range<u64>> {
        self.file.write_all(bytes).context("cannot keep rows on the disk")?;
        let start = self.end;
        self.end += bytes.len() as u64;
        Ok(start..self.end)
    }

    /// Ends the writing; [`Self::read`] finds all that was put in before.
    pub(crate) fn finish(&mut self) -> anyhow::Result<()> {
        self.file.flush().context("cannot keep rows on the disk")
    }

    /// Reads bytes back.
    pub(crate) fn read(&self, place: &Range<u64>) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(place.end - place.start).map_err(std::io::Error::other)?];
        self.file.get_ref().read_exact_at(&mut bytes, place.start)?;
        Ok(bytes)
    }
}
