//! Scores that are there already, in the folders of runs or in a file of the user's.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use grading::read_given;
use serde::Deserialize;
use verifier::{Pool, Stored};

use crate::console::say;

/// A line of a file of scores. Files of `verify` have all of it; another program's may leave out what is not needed to tell
/// episodes apart.
#[derive(Deserialize)]
struct Line {
    instance_id: String,
    #[serde(default)]
    cell: Option<String>,
    #[serde(default)]
    sample: u32,
    #[serde(default)]
    score: Option<f64>,
}

/// The scores of a file by instance and sample, each with the cell that it is of, where it says so.
type Lines = HashMap<(String, u32), Vec<(Option<String>, Option<f64>)>>;

/// Returns the scorer of a file.
pub(super) fn of_file(path: &Path, pool: &Pool) -> anyhow::Result<Stored> {
    let lines = read(path)?.with_context(|| format!("there is no file `{}`", path.display()))?;
    aligned(&name(path), pool, |_| Ok(&lines), &path.display().to_string())
}

/// Returns the scorer of what `verify` has written by another one into the folders of the runs.
pub(super) fn of_runs(scorer: &str, pool: &Pool) -> anyhow::Result<Stored> {
    let mut files: BTreeMap<PathBuf, Lines> = BTreeMap::new();
    for member in pool.instances().flat_map(|(_, members)| members) {
        if files.contains_key(&member.run) {
            continue;
        }
        let path = member.run.join(format!("scores.{}.jsonl", journal::file_name(scorer)));
        let Some(lines) = read(&path)? else {
            bail!("there is no `{}`\nhint: `spotter verify --by {scorer}` makes it", path.display());
        };
        files.insert(member.run.clone(), lines);
    }
    let of = |run: &Path| files.get(run).context("a run without a file of scores");
    aligned(scorer, pool, of, &format!("scores.{scorer}.jsonl"))
}

/// Puts scores into the order of the candidates.
fn aligned<'a>(
    scorer: &str,
    pool: &Pool,
    of: impl Fn(&Path) -> anyhow::Result<&'a Lines>,
    source: &str,
) -> anyhow::Result<Stored> {
    let (mut scores, mut found) = (BTreeMap::new(), 0);
    for (instance_id, members) in pool.instances() {
        let mut of_instance = Vec::with_capacity(members.len());
        for member in members {
            let known = of(&member.run)?.get(&(instance_id.to_lowercase(), member.sample));
            let is_of = |cell: &Option<String>| cell.as_ref().is_none_or(|cell| *cell == member.cell);
            let line = known.and_then(|lines| lines.iter().rev().find(|(cell, _)| is_of(cell)));
            found += usize::from(line.is_some());
            of_instance.push(line.and_then(|(_, score)| *score));
        }
        scores.insert(instance_id.to_owned(), of_instance);
    }
    match (found, pool.len()) {
        (0, _) => bail!(
            "`{source}` has no score of these episodes\nhint: a line is {{\"instance_id\": …, \"sample\": 0, \"score\": …}}, \
             with `cell` where there are several"
        ),
        (found, all) if found < all => say(&format!("`{source}` has scores of {found} of these {all} episodes")),
        _ => {}
    }
    Ok(Stored::new(scorer, scores))
}

fn read(path: &Path) -> anyhow::Result<Option<Lines>> {
    let Some(text) = read_given(path)? else { return Ok(None) };
    let mut lines: Lines = HashMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let Line { instance_id, cell, sample, score } = serde_json::from_str(line)
            .with_context(|| format!("`{}`, line {}, is no score", path.display(), number + 1))?;
        lines.entry((instance_id.to_lowercase(), sample)).or_default().push((cell, score));
    }
    Ok(Some(lines))
}

/// Returns the name of the scorer of a file: `scores.NAME.jsonl`, or the file's own.
pub(super) fn name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem.strip_prefix("scores.").unwrap_or(&stem).to_owned()
}
