//! Scores that are there already, in the folders of runs or in a file of the user's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use grading::read_given;
use verifier::{Pool, ScoreFile, Stored, score_path};

use crate::console::say;

/// Returns the scorer of a file.
pub(super) fn of_file(path: &Path, pool: &Pool) -> anyhow::Result<Stored> {
    let lines = read(path)?.with_context(|| format!("there is no file `{}`", path.display()))?;
    aligned(&name(path), pool, |_| Ok(&lines), &path.display().to_string())
}

/// Returns the scorer of what `verify` has written by another one into the folders of the runs.
pub(super) fn of_runs(scorer: &str, pool: &Pool) -> anyhow::Result<Stored> {
    let mut files: BTreeMap<PathBuf, ScoreFile> = BTreeMap::new();
    for member in pool.instances().flat_map(|(_, members)| members) {
        if files.contains_key(&member.run) {
            continue;
        }
        let path = score_path(&member.run, scorer);
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
    of: impl Fn(&Path) -> anyhow::Result<&'a ScoreFile>,
    source: &str,
) -> anyhow::Result<Stored> {
    let (mut scores, mut found) = (BTreeMap::new(), 0);
    for (instance_id, members) in pool.instances() {
        let mut of_instance = Vec::with_capacity(members.len());
        for member in members {
            let line = of(&member.run)?.of(&member.cell, instance_id, member.sample);
            found += usize::from(line.is_some());
            of_instance.push(line.flatten());
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

fn read(path: &Path) -> anyhow::Result<Option<ScoreFile>> {
    let text = read_given(path)?;
    text.map(|text| ScoreFile::parse(&text, &path.display().to_string())).transpose()
}

/// Returns the name of the scorer of a file: `scores.NAME.jsonl`, or the file's own.
pub(super) fn name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem.strip_prefix("scores.").unwrap_or(&stem).to_owned()
}
