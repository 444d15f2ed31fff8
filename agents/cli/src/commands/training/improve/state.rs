//! What of a loop is done.

use std::path::{Path, PathBuf};

use anyhow::Context;
use journal::{read_text, write_whole};
use serde::{Deserialize, Serialize};

use super::stage::{MadeOf, Stage};

/// Name of the file in the folder of the loop.
const FILE: &str = "improve.json";

/// The stages that are done, in their order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    done: Vec<Done>,
    /// How many of them have been gone by.
    #[serde(skip)]
    passed: usize,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Done {
    stage: String,
    /// All that it was made of.
    made_of: MadeOf,
}

/// What the next stage is to what is done.
pub(super) enum Known {
    /// It is done.
    Done,
    /// It is not.
    New,
    /// It was made of something else; it is not done any more, and neither is what is behind it.
    Changed {
        /// The stage that was.
        was: String,
        /// Whether the model was another one.
        by_model: bool,
    },
}

impl State {
    /// Reads what is done; nothing where there is no such file.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = path(folder);
        let Some(text) = read_text(&path)? else { return Ok(Self::default()) };
        serde_json::from_str(&text).with_context(|| {
            format!("`{}` is damaged\nhint: without it, all stages are gone through again", path.display())
        })
    }

    /// Looks the next stage up, and forgets what is behind it where it was made of something else.
    pub(super) fn look(&mut self, stage: &Stage, made_of: &MadeOf) -> Known {
        let Some(done) = self.done.get(self.passed) else { return Known::New };
        if done.stage == stage.to_string() && done.made_of == *made_of {
            self.passed += 1;
            return Known::Done;
        }
        let (was, by_model) = (done.stage.clone(), done.made_of.model != made_of.model);
        self.done.truncate(self.passed);
        Known::Changed { was, by_model }
    }

    /// Notes that a stage is done.
    pub(super) fn done(&mut self, stage: &Stage, made_of: MadeOf, folder: &Path) -> anyhow::Result<()> {
        self.done.push(Done { stage: stage.to_string(), made_of });
        self.passed = self.done.len();
        self.write(folder)
    }

    /// Writes what is done.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("what is done cannot be written")?;
        write_whole(&path(folder), text.as_bytes())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
