//! Files of lines of JSON that are only added to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::files::{read_text, without_secrets};

/// A file of lines of JSON, a value each, that is only added to. A line is whole before the next one begins.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines.
    length: u64,
}

impl Lines {
    /// Opens a file, or makes it with its folder, and returns what it holds. A last line that is not whole, as a killed
    /// process leaves it, is cut off; a damaged one is passed over and told. It is locked for as long as this value lives,
    /// where the file system can.
    ///
    /// # Errors
    /// When it cannot be read or written, or is open elsewhere.
    pub fn open<T: DeserializeOwned>(path: &Path) -> anyhow::Result<(Self, Vec<T>)> {
        let cannot = || format!("cannot open `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(cannot)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).with_context(cannot)?;
        if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
            bail!("`{}` is in use by another process\nhint: wait for it, or name another file", path.display());
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).with_context(cannot)?;
        let whole = whole(&bytes);
        if whole.len() < bytes.len() {
            file.set_len(whole.len() as u64).with_context(cannot)?;
        }
        let values = values(path, &String::from_utf8_lossy(whole));
        Ok((Self { path: path.to_owned(), length: whole.len() as u64, file }, values))
    }

    /// Adds a value, without what was given to [`crate::hide`].
    ///
    /// # Errors
    /// When it cannot be written; no part of it is left then.
    pub fn add(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let line = serde_json::to_vec(value)?;
        let line = [without_secrets(&line).as_ref(), b"\n"].concat();
        if let Err(err) = self.file.write_all(&line) {
            // Half a line would take the next one with it.
            let _ = self.file.set_len(self.length);
            return Err(err).with_context(|| format!("cannot write `{}`", self.path.display()));
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// Returns the values of a file of lines, which another process may be adding to: a last line that is not whole is left out,
/// and a damaged one is passed over and told. A file that is not there has none.
///
/// # Errors
/// When it cannot be read.
pub fn read_lines<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Vec<T>> {
    let text = read_text(path)?.unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| text.get(..=end).unwrap_or_default());
    Ok(values(path, whole))
}

fn whole(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    bytes.get(..end).unwrap_or_default()
}

fn values<T: DeserializeOwned>(path: &Path, text: &str) -> Vec<T> {
    let value = |(number, line): (usize, &str)| match serde_json::from_str(line) {
        Ok(value) => Some(value),
        Err(err) => {
            tracing::warn!("`{}`, line {}, is damaged and passed over: {err}", path.display(), number + 1);
            None
        }
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_is_cut_off_and_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/values.jsonl");
        let (mut lines, none) = Lines::open::<u32>(&path).unwrap();
        assert!(none.is_empty());
        lines.add(&1).unwrap();
        assert!(Lines::open::<u32>(&path).unwrap_err().to_string().contains("in use"));
        drop(lines);
        let append = |text: &str| fs::write(&path, fs::read_to_string(&path).unwrap() + text).unwrap();
        // The half of a number is a number as well.
        append("damaged\n2");
        assert_eq!(read_lines::<u32>(&path).unwrap(), [1]);
        let (mut lines, known) = Lines::open::<u32>(&path).unwrap();
        assert_eq!(known, [1]);
        lines.add(&3).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "1\ndamaged\n3\n");
        assert_eq!(read_lines::<u32>(&path).unwrap(), [1, 3]);
        assert!(read_lines::<u32>(&folder.path().join("none")).unwrap().is_empty());
    }
}
