//! Files with a line for each episode of a run: scores, and what else is told of episodes beside them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use journal::{file_name, read_text, write_whole};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::pool::Pool;

/// What tells an episode of a run from the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpisodeKey {
    /// The cell.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// The sample, from 0.
    pub sample: u32,
}

/// A line that is written.
#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    key: &'a EpisodeKey,
    #[serde(flatten)]
    told: &'a T,
}

/// A line that is read.
#[derive(Deserialize)]
struct Told<T> {
    #[serde(flatten)]
    key: EpisodeKey,
    #[serde(flatten)]
    told: T,
}

/// A score, as a line holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The scorer.
    pub scorer: String,
    /// The score; `None` where there is none.
    pub score: Option<f64>,
}

/// Which lines that a file has already are written anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Those of which there is something newer.
    Replaced,
    /// None: only what the file has no line of is added.
    Kept,
}

/// Returns the path of the scores that a scorer gave to the episodes of a run.
pub fn score_path(run: &Path, scorer: &str) -> PathBuf {
    run.join(format!("scores.{}.jsonl", file_name(scorer)))
}

/// Writes what there is of each candidate into a file in the folder of its run, a line each, and returns the paths. Lines of
/// other episodes stay, and so does one for which there is nothing newer (`None`).
///
/// # Errors
/// When a file cannot be read or written.
pub fn write_lines<T: Serialize>(
    pool: &Pool,
    known: Known,
    path: impl Fn(&Path) -> PathBuf,
    told: impl Fn(&str, usize) -> Option<T>,
    missing: Option<&T>,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: BTreeMap<PathBuf, File> = BTreeMap::new();
    for (instance_id, members) in pool.instances() {
        for (place, member) in members.iter().enumerate() {
            let path = path(&member.run);
            if !files.contains_key(&path) {
                files.insert(path.clone(), File::read(&path)?);
            }
            let Some(file) = files.get_mut(&path) else { continue };
            let (cell, instance_id, sample) = (member.cell.clone(), instance_id.to_owned(), member.sample);
            let told = told(&instance_id, place);
            file.put(&EpisodeKey { cell, instance_id, sample }, told.as_ref(), missing, known)?;
        }
    }
    for (path, file) in &files {
        write_whole(path, file.lines.concat().as_bytes())?;
    }
    Ok(files.into_keys().collect())
}

/// A file as it is, with the places of its episodes.
#[derive(Default)]
struct File {
    lines: Vec<String>,
    places: HashMap<EpisodeKey, usize>,
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let mut file = Self::default();
        for line in read_text(path)?.unwrap_or_default().lines().filter(|line| !line.trim().is_empty()) {
            // What is no line of an episode, such as another program's, stays as it is.
            if let Ok(key) = serde_json::from_str(line) {
                file.places.insert(key, file.lines.len());
            }
            file.lines.push(format!("{line}\n"));
        }
        Ok(file)
    }

    fn put<T: Serialize>(
        &mut self,
        key: &EpisodeKey,
        told: Option<&T>,
        missing: Option<&T>,
        known: Known,
    ) -> anyhow::Result<()> {
        let at = self.places.get(key).and_then(|at| self.lines.get_mut(*at));
        let told = match (at.is_some(), known, told) {
            (true, Known::Kept, _) | (true, _, None) => return Ok(()),
            (true, Known::Replaced, Some(told)) => told,
            (false, _, told) => match told.or(missing) {
                Some(told) => told,
                None => return Ok(()),
            },
        };
        let line = serde_json::to_string(&Line { key, told })? + "\n";
        match at {
            Some(old) => *old = line,
            None => {
                self.places.insert(key.clone(), self.lines.len());
                self.lines.push(line);
            }
        }
        Ok(())
    }
}

/// Reads a file of [`write_lines`]; a line that is none of an episode is passed over and told.
///
/// # Errors
/// When it cannot be read.
pub fn read_told<T: DeserializeOwned>(path: &Path) -> anyhow::Result<BTreeMap<EpisodeKey, T>> {
    let lines = journal::read_lines::<Told<T>>(path)?;
    Ok(lines.into_iter().map(|Told { key, told }| (key, told)).collect())
}

/// The scores of a file: of `verify`, or of another program, which may leave out what is not needed to tell episodes apart.
#[derive(Debug, Clone, Default)]
pub struct ScoreFile(HashMap<(String, u32), Vec<OfCell>>);

/// The cell that a score is of, where its line says so, and the score.
type OfCell = (Option<String>, Option<f64>);

/// A line of a file of scores.
#[derive(Deserialize)]
struct Score {
    instance_id: String,
    #[serde(default)]
    cell: Option<String>,
    #[serde(default)]
    sample: u32,
    #[serde(default)]
    score: Option<f64>,
}

impl ScoreFile {
    /// Reads the text of a file, whose name is told where a line of it is no score.
    ///
    /// # Errors
    /// When a line is no score, by its number.
    pub fn parse(text: &str, name: &str) -> anyhow::Result<Self> {
        let mut lines: HashMap<_, Vec<_>> = HashMap::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let Score { instance_id, cell, sample, score } =
                serde_json::from_str(line).with_context(|| format!("`{name}`, line {}, is no score", number + 1))?;
            lines.entry((instance_id.to_lowercase(), sample)).or_default().push((cell, score));
        }
        Ok(Self(lines))
    }

    /// Returns what the last line of an episode says; `None` where it has no line.
    pub fn of(&self, cell: &str, instance_id: &str, sample: u32) -> Option<Option<f64>> {
        let lines = self.0.get(&(instance_id.to_lowercase(), sample))?;
        let is_of = |of: &Option<String>| of.as_ref().is_none_or(|of| of == cell);
        lines.iter().rev().find(|(of, _)| is_of(of)).map(|(_, score)| *score)
    }
}

/// Returns the scores in the folder of a run by scorer. A file that is none of scores is passed over and told.
///
/// # Errors
/// When a file cannot be read.
pub fn scores_of_run(run: &Path) -> anyhow::Result<BTreeMap<String, ScoreFile>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(run).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(scorer) = name.strip_prefix("scores.").and_then(|name| name.strip_suffix(".jsonl")) else { continue };
        let text = read_text(&entry.path())?.unwrap_or_default();
        match ScoreFile::parse(&text, &entry.path().display().to_string()) {
            Ok(file) => {
                files.insert(scorer.to_owned(), file);
            }
            Err(err) => tracing::warn!("{err:#}"),
        }
    }
    Ok(files)
}
