//! What tests show of each candidate, beside the scores.

use std::collections::BTreeMap;
use std::path::PathBuf;

use verifier::trials::Tested;
use verifier::{EpisodeKey, Known, Pool, Tests, read_told, write_lines};

use super::work::Tried;
use crate::console::say;
use crate::output::show;

/// Name of the file in the folder of a run.
const DETAILS: &str = "details.tests.jsonl";

/// Writes a line for each candidate into the folders of the runs. What could not be tested has none, or that of an earlier
/// time.
pub(super) fn write(pool: &Pool, tried: &[Tried]) -> anyhow::Result<()> {
    let tested: BTreeMap<&str, &[Tested]> = tried
        .iter()
        .filter_map(|one| Some((one.instance_id.as_str(), one.tested.as_ref().ok()?.candidates.as_slice())))
        .collect();
    let of = |instance_id: &str, place: usize| tested.get(instance_id)?.get(place).cloned();
    let paths = write_lines(pool, Known::Replaced, |run| run.join(DETAILS), of, None)?;
    paths.iter().for_each(|path| say(&format!("see {}", show(path))));
    Ok(())
}

/// Returns the scorer `tests` from what is written in the folders of the runs.
pub(crate) fn tests(pool: &Pool) -> anyhow::Result<Tests> {
    let mut known: BTreeMap<PathBuf, BTreeMap<EpisodeKey, Tested>> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (instance_id, members) in pool.instances() {
        let mut tested = Vec::new();
        for member in members {
            if !known.contains_key(&member.run) {
                known.insert(member.run.clone(), read_told(&member.run.join(DETAILS))?);
            }
            let (cell, instance_id, sample) = (member.cell.clone(), instance_id.to_owned(), member.sample);
            let key = EpisodeKey { cell, instance_id, sample };
            tested.push(known.get(&member.run).and_then(|lines| lines.get(&key)).cloned().unwrap_or_default());
        }
        all.insert(instance_id.to_owned(), tested);
    }
    Ok(Tests::new(all))
}
