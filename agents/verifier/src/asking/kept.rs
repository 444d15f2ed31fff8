//! What was answered, kept so that nothing is asked twice.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use journal::Lines;
use serde::{Deserialize, Serialize};

/// A file of answers, a line each, that is only ever added to.
#[derive(Debug)]
pub struct Kept(Mutex<State>);

#[derive(Debug)]
struct State {
    lines: Lines,
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
    /// Opens a file of answers, or makes it. What a damaged line says is asked again.
    ///
    /// # Errors
    /// When it cannot be read or written, or is another process's.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let (lines, known) = Lines::open::<Line>(path)?;
        let known = known.into_iter().map(|line| (line.key, line.answer)).collect();
        Ok(Self(Mutex::new(State { lines, known })))
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
        let mut state = self.lock();
        state.lines.add(&Line { key: key.clone(), answer: answer.clone() })?;
        state.known.insert(key, answer);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
