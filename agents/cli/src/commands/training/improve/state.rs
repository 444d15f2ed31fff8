//! What of a loop is done.

use std::path::{Path, PathBuf};

use anyhow::Context;
use journal::{read_text, write_whole};
use serde::{Deserialize, Serialize};

use super::stage::Stage;

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
    made_of: String,
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

    /// Returns whether the next stage is done. Where it was made of something else, it is not, and neither are those
    /// behind it.
    ///
    /// # Errors
    /// That it was done, and is to be done again.
    pub(super) fn is_done(&mut self, stage: &Stage, made_of: &str) -> Result<bool, String> {
        let Some(done) = self.done.get(self.passed) else { return Ok(false) };
        if done.stage == stage.to_string() && done.made_of == made_of {
            self.passed += 1;
            return Ok(true);
        }
        let was = std::mem::take(&mut self.done[self.passed].stage);
        self.done.truncate(self.passed);
        Err(format!("{was} was made of something else than {stage} is now"))
    }

    /// Notes that a stage is done.
    pub(super) fn done(&mut self, stage: &Stage, made_of: String, folder: &Path) -> anyhow::Result<()> {
        self.done.push(Done { stage: stage.to_string(), made_of });
        self.passed = self.done.len();
        let text = serde_json::to_string_pretty(self).context("what is done cannot be written")?;
        write_whole(&path(folder), text.as_bytes())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
