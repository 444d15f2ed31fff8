//! What tests show of each candidate, beside the scores.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use verifier::trials::Tested;
use verifier::{Pool, Tests};

use super::work::Tried;
use crate::console::say;
use crate::output::show;

/// Name of the file in the folder of a run.
const DETAILS: &str = "details.tests.jsonl";

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    cell: String,
    instance_id: String,
    sample: u32,
    #[serde(flatten)]
    tested: Tested,
}

/// Writes a line for each candidate into the folders of the runs. What could not be tested has no line.
pub(super) fn write(pool: &Pool, tried: &[Tried]) -> anyhow::Result<()> {
    let tested: BTreeMap<&str, &[Tested]> = tried
        .iter()
        .filter_map(|one| Some((one.instance_id.as_str(), one.tested.as_ref().ok()?.candidates.as_slice())))
        .collect();
    let mut files: BTreeMap<&Path, String> = BTreeMap::new();
    for (instance_id, members) in pool.instances() {
        for (place, member) in members.iter().enumerate() {
            let file = files.entry(&member.run).or_default();
            let Some(tested) = tested.get(instance_id).and_then(|tested| tested.get(place)) else { continue };
            let (cell, instance_id, tested) = (member.cell.clone(), instance_id.to_owned(), tested.clone());
            *file += &serde_json::to_string(&Line { cell, instance_id, sample: member.sample, tested })?;
            file.push('\n');
        }
    }
    for (run, lines) in files {
        let path = run.join(DETAILS);
        journal::write_whole(&path, lines.as_bytes())?;
        say(&format!("see {}", show(&path)));
    }
    Ok(())
}

/// Returns the scorer `tests` from what is written in the folders of the runs.
pub(crate) fn tests(pool: &Pool) -> anyhow::Result<Tests> {
    let mut known: BTreeMap<PathBuf, BTreeMap<(String, String, u32), Tested>> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (instance_id, members) in pool.instances() {
        let mut tested = Vec::new();
        for member in members {
            if !known.contains_key(&member.run) {
                known.insert(member.run.clone(), read(&member.run.join(DETAILS))?);
            }
            let key = (member.cell.clone(), instance_id.to_owned(), member.sample);
            tested.push(known.get(&member.run).and_then(|lines| lines.get(&key)).cloned().unwrap_or_default());
        }
        all.insert(instance_id.to_owned(), tested);
    }
    Ok(Tests::new(all))
}

fn read(path: &Path) -> anyhow::Result<BTreeMap<(String, String, u32), Tested>> {
    let text = journal::read_text(path)?.unwrap_or_default();
    let one = |(number, line): (usize, &str)| {
        let line: Line = serde_json::from_str(line).with_context(|| {
            format!("`{}`, line {}, is damaged\nhint: the same command makes it anew", path.display(), number + 1)
        })?;
        Ok(((line.cell, line.instance_id, line.sample), line.tested))
    };
    text.lines().enumerate().map(one).collect()
}
