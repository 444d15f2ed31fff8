//! What was run, in a file that is only added to.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use journal::read_text;
use serde::{Deserialize, Serialize};
use verifier::trials::Outcome;

/// The results of one instance, by what was run. One process at a time has it open.
pub(super) struct Kept {
    file: File,
    path: String,
    lines: HashMap<String, Line>,
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
    /// Opens the file, and makes it where there is none. A line that is not whole, as of a process that was killed, is
    /// passed over: what it was of is run again.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let text = read_text(path)?.unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
        let lines = lines.map(|line| (line.key.clone(), line)).collect();
        let shown = path.display().to_string();
        let cannot = || format!("cannot write `{shown}`");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(cannot)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path).with_context(cannot)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n").with_context(cannot)?;
        }
        Ok(Self { file, path: shown, lines })
    }

    /// Returns what came of a trial.
    pub(super) fn outcome(&self, key: &str) -> Option<Outcome> {
        match &self.lines.get(key)?.result {
            Kind::Outcome(outcome) => Some(outcome.clone()),
            Kind::Survey { .. } => None,
        }
    }

    /// Returns what a survey printed, and the digest of the image that it was in.
    pub(super) fn survey(&self, key: &str) -> Option<(String, Option<String>)> {
        match &self.lines.get(key)?.result {
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
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{}`", self.path))?;
        self.lines.insert(line.key.clone(), line);
        Ok(())
    }
}
