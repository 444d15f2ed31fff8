//! What was answered, kept so that nothing is asked twice.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

/// A file of answers, a line each, that is only ever added to. A line is whole before the next one begins; one that a
/// killed process left torn is cut off.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    known: HashMap<String, Answer>,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    /// A score.
    Score(f64),
    /// Why there is none, and will not be however often it is asked.
    Missing(String),
    /// The text of an answer that has no rating, with which a rating is asked for once more.
    Unrated(String),
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// Digest of the request.
    key: String,
    #[serde(flatten)]
    answer: Answer,
}

impl Kept {
    /// Opens a file of answers, or makes it.
    ///
    /// # Errors
    /// When it cannot be read or written, is another process's, or a line of it is damaged, by its number.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = || format!("`{}`", path.display());
        let file = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = file.with_context(|| format!("cannot open {}", shown()))?;
        if file.try_lock().is_err() {
            bail!("{} is in use by another process\nhint: wait for it, or `--answers` names another file", shown());
        }
        let mut text = String::new();
        file.read_to_string(&mut text).with_context(|| format!("cannot read {}", shown()))?;
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(whole as u64).with_context(|| format!("cannot mend {}", shown()))?;
            file.seek(SeekFrom::End(0))?;
        }
        let mut known = HashMap::new();
        for (index, line) in text[..whole].lines().enumerate() {
            let line: Line = serde_json::from_str(line).with_context(|| {
                format!(
                    "{}, line {}, is damaged\nhint: take the line out; what it says is asked again",
                    shown(),
                    index + 1
                )
            })?;
            known.insert(line.key, line.answer);
        }
        Ok(Self { path: path.to_owned(), state: Mutex::new(State { file, known }) })
    }

    /// Returns how many answers there are.
    pub fn len(&self) -> usize {
        self.lock().known.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get(&self, key: &str) -> Option<Answer> {
        self.lock().known.get(key).cloned()
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: String, answer: Answer) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(&Line { key: key.clone(), answer: answer.clone() })?;
        line.push('\n');
        let mut state = self.lock();
        state.file.write_all(line.as_bytes()).with_context(|| format!("cannot write `{}`", self.path.display()))?;
        state.known.insert(key, answer);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
