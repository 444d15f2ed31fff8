//! The summary of a run: the official harness's `report.json`, and `summary.json` with our own figures.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use env_core::{Environment, Failure, InfraReason, Patch, Tier};
use grading::read_prediction;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::cell_dir::{CellDir, Found};
use crate::files::{file_name, write_whole};
use crate::subject::Subject;
use crate::tally::{Ending, Tally};
use crate::verdict::ending;

/// The run summary of the official harness, schema version 2.
#[derive(Debug, Default, Serialize)]
struct Official {
    total_instances: usize,
    submitted_instances: usize,
    completed_instances: usize,
    resolved_instances: usize,
    unresolved_instances: usize,
    infra_failure_instances: usize,
    ambiguous_failure_instances: usize,
    empty_patch_instances: usize,
    error_instances: usize,
    completed_ids: Vec<String>,
    incomplete_ids: Vec<String>,
    empty_patch_ids: Vec<String>,
    submitted_ids: Vec<String>,
    resolved_ids: Vec<String>,
    unresolved_ids: Vec<String>,
    infra_failure_ids: Vec<String>,
    ambiguous_failure_ids: Vec<String>,
    failure_reasons: BTreeMap<String, InfraReason>,
    error_ids: Vec<String>,
    schema_version: u32,
    unstopped_instances: usize,
    unstopped_containers: Vec<String>,
    unremoved_images: Vec<String>,
}

/// The summary of a run.
#[derive(Debug)]
pub struct Summary {
    official: Official,
    /// Our own figures.
    pub tally: Tally,
    /// Who made the first patch, by whom the official harness names its file.
    model: String,
}

/// Writes the `report.json` and the `summary.json` of a cell, from its predictions and its instances' verdicts.
///
/// Every instance that was asked for counts: one without a prediction by how its episode ended, as far as it has. A
/// verdict counts when it is on this very patch and was reached in the way in which it would be reached now.
/// `allowed` is the share of failures of infrastructure that a rate may have.
pub fn write_summary(cell_dir: &CellDir, environment: &dyn Environment, allowed: f64) -> anyhow::Result<Summary> {
    cell_dir.journal().refresh()?;
    let instances = environment.instances();
    let by_id: HashMap<&str, _> = instances.iter().map(|one| (one.instance_id.as_str(), one)).collect();
    let official = Official { total_instances: instances.len(), schema_version: 2, ..Official::default() };
    let tally = Tally { dataset: instances.len(), ..Tally::default() };
    let mut summary = Summary { official, tally, model: String::new() };
    for prediction in cell_dir.predictions() {
        if summary.model.is_empty() {
            summary.model.clone_from(&prediction.model_name_or_path);
        }
        let id = prediction.instance_id;
        if prediction.spoiled {
            summary.add_spoiled(id);
            continue;
        }
        let patch = read_prediction(prediction.model_patch.as_deref().unwrap_or_default());
        let found = match by_id.get(id.as_str()) {
            _ if patch.is_empty() => Found::Nothing,
            Some(instance) => cell_dir.find(&Subject::new(&patch, environment, instance), &id),
            None => Found::Nothing,
        };
        summary.add(id, &patch, &found);
    }
    let submitted: HashSet<&str> = summary.official.submitted_ids.iter().map(String::as_str).collect();
    summary.tally.submitted = submitted.len();
    let asked = cell_dir.asked();
    for id in asked.iter().filter(|id| !submitted.contains(id.as_str())) {
        let broke = cell_dir.ended(id).is_some_and(|ended| ended.is_infrastructure());
        let ending = match cell_dir.judged_without_patch(id) {
            // The official harness knows of predictions alone.
            Some(resolved) => ending(None, false, resolved),
            None if broke => Ending::Infrastructure,
            None => Ending::Unfinished,
        };
        summary.tally.add(id, ending);
    }
    for ended in asked.iter().filter_map(|id| cell_dir.ended(id)) {
        *summary.tally.exit_statuses.entry(ended.exit_status).or_default() += 1;
    }
    let ids = instances.iter().map(|instance| instance.instance_id.as_str());
    summary.official.incomplete_ids = ids.filter(|id| !submitted.contains(id)).map(str::to_owned).collect();
    summary.official.finish();
    summary.tally.finish(allowed);
    cell_dir.write_predictions()?;
    let _lease = cell_dir.lock()?;
    write_whole(&cell_dir.view("report.json"), &summary.official.to_file()?)?;
    write_whole(&cell_dir.view("summary.json"), &serde_json::to_vec_pretty(&summary.tally)?)?;
    Ok(summary)
}

impl Summary {
    /// Counts a prediction. As in the official harness, a patch that did not apply and tests that ran out of time count
    /// as errors, and so does whatever has no verdict.
    fn add(&mut self, id: String, patch: &Patch, found: &Found) {
        let official = &mut self.official;
        official.submitted_ids.push(id.clone());
        if patch.is_empty() {
            self.tally.add(&id, Ending::Empty);
            return official.empty_patch_ids.push(id);
        }
        let verdict = match found {
            Found::Verdict(verdict) => verdict,
            Found::Infrastructure => {
                self.tally.add(&id, Ending::Infrastructure);
                return official.error_ids.push(id);
            }
            Found::Nothing => {
                self.tally.add(&id, Ending::Unfinished);
                return official.error_ids.push(id);
            }
        };
        self.tally.add(&id, Ending::of(verdict));
        if let (Some(infra), false) = (verdict.infra, verdict.report.resolved) {
            let ids = match infra.tier {
                Tier::Environment => &mut official.infra_failure_ids,
                Tier::Ambiguous => &mut official.ambiguous_failure_ids,
            };
            ids.push(id.clone());
            official.failure_reasons.insert(id.clone(), infra.reason);
        }
        if let Some(Failure::PatchNotApplied | Failure::TestsTimedOut) = verdict.failure {
            official.error_ids.push(id);
            return;
        }
        official.completed_ids.push(id.clone());
        let resolved = verdict.report.resolved;
        if resolved { &mut official.resolved_ids } else { &mut official.unresolved_ids }.push(id);
    }

    /// Counts a prediction whose patch no file can hold.
    fn add_spoiled(&mut self, id: String) {
        self.tally.add(&id, Ending::NotApplied);
        self.official.submitted_ids.push(id.clone());
        self.official.error_ids.push(id);
    }

    /// Writes the official part once more, into `folder` and under the name that the official harness gives it.
    pub fn write_official(&self, folder: &Path, run: &str) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let path = folder.join(file_name(&format!("{}.{run}.json", self.model)));
        write_whole(&path, &self.official.to_file()?)?;
        Ok(path)
    }
}

impl Official {
    /// Sorts the lists and counts them.
    fn finish(&mut self) {
        let lists = [
            (&mut self.completed_ids, &mut self.completed_instances),
            (&mut self.empty_patch_ids, &mut self.empty_patch_instances),
            (&mut self.submitted_ids, &mut self.submitted_instances),
            (&mut self.resolved_ids, &mut self.resolved_instances),
            (&mut self.unresolved_ids, &mut self.unresolved_instances),
            (&mut self.infra_failure_ids, &mut self.infra_failure_instances),
            (&mut self.ambiguous_failure_ids, &mut self.ambiguous_failure_instances),
            (&mut self.error_ids, &mut self.error_instances),
        ];
        for (ids, count) in lists {
            ids.sort();
            *count = ids.len();
        }
        self.incomplete_ids.sort();
    }

    /// Returns the contents of the file, indented as the official harness does.
    fn to_file(&self) -> anyhow::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.serialize(&mut Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    ")))?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
