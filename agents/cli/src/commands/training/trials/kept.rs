//! What was run, in a file that is only added to.

use std::collections::HashMap;
use std::path::Path;

use journal::Lines;
use serde::{Deserialize, Serialize};
use verifier::trials::Outcome;

/// The results of one instance, by what was run. One process at a time has it open.
pub(super) struct Kept {
    file: Lines,
    known: HashMap<String, Kind>,
}

/// A line of the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    /// Digest of what was run and where.
    key: String,
    #[serde(flatten)]
    result: Kind,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Tests that were run.
    Outcome(Outcome),
    /// What a survey printed, and the image that it was in.
    Survey { output: String, image: Option<String> },
}

impl Kept {
    /// Opens the file, and makes it where there is none. What a line was of that is not whole is run again.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let (file, lines) = Lines::open::<Line>(path)?;
        Ok(Self { file, known: lines.into_iter().map(|line| (line.key, line.result)).collect() })
    }

    /// Returns what came of a trial.
    pub(super) fn outcome(&self, key: &str) -> Option<Outcome> {
        match self.known.get(key)? {
            Kind::Outcome(outcome) => Some(outcome.clone()),
            Kind::Survey { .. } => None,
        }
    }

    /// Returns what a survey printed, and the digest of the image that it was in.
    pub(super) fn survey(&self, key: &str) -> Option<(String, Option<String>)> {
        match self.known.get(key)? {
            Kind::Survey { output, image } => Some((output.clone(), image.clone())),
            Kind::Outcome(_) => None,
        }
    }

    /// Adds what came of a trial.
    pub(super) fn add_outcome(&mut self, key: &str, outcome: &Outcome) -> anyhow::Result<()> {
        self.add(key, Kind::Outcome(outcome.clone()))
    }

    /// Adds what a survey printed.
    pub(super) fn add_survey(&mut self, key: &str, output: String, image: Option<String>) -> anyhow::Result<()> {
        self.add(key, Kind::Survey { output, image })
    }

    fn add(&mut self, key: &str, result: Kind) -> anyhow::Result<()> {
        let line = Line { key: key.to_owned(), result };
        self.file.add(&line)?;
        self.known.insert(line.key, line.result);
        Ok(())
    }
}
