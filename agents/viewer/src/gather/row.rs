//! What a table shows of an episode.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::why::Tag;

/// What a table shows of an episode. Times are in seconds, money in US dollars.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Row {
    /// Place of the run among those that are shown.
    pub run: usize,
    /// The cell.
    pub cell: String,
    /// The instance.
    pub id: String,
    /// The repository, as the id names it.
    pub repo: String,
    /// Number of the sample, from 0.
    pub sample: u32,
    /// What it counts as, in a word.
    pub ending: &'static str,
    /// Whether it is still asked for; else it counts nowhere.
    pub asked: bool,
    /// Why it counts so, where that needs saying.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// How the agent ended, in a word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub exit: String,
    /// The agent.
    pub agent: String,
    /// The model.
    pub model: String,
    /// Steps of the agent.
    pub steps: u64,
    /// Queries to the model.
    pub queries: u64,
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Tokens written.
    pub output: u64,
    /// Tokens read from the cache.
    pub cached: u64,
    /// What it cost.
    pub cost: f64,
    /// Queries of unknown price.
    pub unpriced: u64,
    /// How long it took.
    pub seconds: f64,
    /// Of this, waiting for the model.
    pub model_seconds: f64,
    /// Of this, waiting for tools.
    pub tool_seconds: f64,
    /// How many tests of FAIL_TO_PASS passed, of how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f2p: Option<[usize; 2]>,
    /// The same of PASS_TO_PASS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p2p: Option<[usize; 2]>,
    /// Files that the patch changes, lines that it adds and removes.
    pub patch: [usize; 3],
    /// Digest of the patch without layout and comments; equal ones do the same. Empty where there is no patch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub same: String,
    /// What scorers gave it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub scores: BTreeMap<String, f64>,
    /// Why it failed, or what is particular about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// When anything last came of it, in seconds since 1970; 0 where that is not known.
    pub came: f64,
    /// Changes when anything of it does; empty in a file, where nothing changes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stamp: String,
    /// Why its record cannot be read as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub damaged: String,
    /// Its files, by name, each with its place in the page.
    pub files: serde_json::Map<String, Value>,
}
