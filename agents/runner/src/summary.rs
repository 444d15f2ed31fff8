//! The summary of a run, with the official harness's keys.

use std::fs;
use std::path::Path;

use anyhow::Context;
use env_core::{Failure, Patch, Report};
use serde::Serialize;

use crate::run_dir::{Prediction, RunDir, write_whole};
use crate::verdict::{JUDGED, Judged, REPORT, Verdict};

/// The run summary of the official harness, schema version 2.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    total_instances: usize,
    submitted_instances: usize,
    completed_instances: usize,
    resolved_instances: usize,
    unresolved_instances: usize,
    empty_patch_instances: usize,
    error_instances: usize,
    unstopped_instances: usize,
    completed_ids: Vec<String>,
    incomplete_ids: Vec<String>,
    empty_patch_ids: Vec<String>,
    submitted_ids: Vec<String>,
    resolved_ids: Vec<String>,
    unresolved_ids: Vec<String>,
    error_ids: Vec<String>,
    unstopped_containers: Vec<String>,
    unremoved_images: Vec<String>,
    schema_version: u32,
}

/// Writes the `report.json` of a cell from its predictions and its instances' verdicts.
///
/// As in the official harness, a patch that did not apply and tests that ran out of time count as errors.
pub(crate) fn write_summary(run_dir: &RunDir, all_ids: &[&str]) -> anyhow::Result<Summary> {
    let _lock = run_dir.lock()?;
    let predictions = read_predictions(&run_dir.path().join("preds.jsonl"))?;
    let mut summary = Summary { total_instances: all_ids.len(), schema_version: 2, ..Summary::default() };
    for prediction in &predictions {
        let id = prediction.instance_id.clone();
        summary.submitted_ids.push(id.clone());
        let patch = Patch::from_prediction(prediction.model_patch.as_deref().unwrap_or_default());
        match verdict_on(run_dir, &id, &patch) {
            _ if patch.is_empty() => summary.empty_patch_ids.push(id),
            None => summary.error_ids.push(id),
            Some(Verdict { failure: Some(Failure::PatchNotApplied | Failure::TestsTimedOut), .. }) => {
                summary.error_ids.push(id);
            }
            Some(Verdict { report, .. }) => {
                summary.completed_ids.push(id.clone());
                if report.resolved { &mut summary.resolved_ids } else { &mut summary.unresolved_ids }.push(id);
            }
        }
    }
    let submitted = |id: &&&str| !predictions.iter().any(|prediction| prediction.instance_id == **id);
    summary.incomplete_ids = all_ids.iter().filter(submitted).map(|id| (*id).to_owned()).collect();
    summary.finish();
    write_whole(&run_dir.path().join("report.json"), &serde_json::to_vec_pretty(&summary)?)?;
    Ok(summary)
}

impl Summary {
    /// Sorts the lists and counts them.
    fn finish(&mut self) {
        let lists = [
            (&mut self.completed_ids, &mut self.completed_instances),
            (&mut self.empty_patch_ids, &mut self.empty_patch_instances),
            (&mut self.submitted_ids, &mut self.submitted_instances),
            (&mut self.resolved_ids, &mut self.resolved_instances),
            (&mut self.unresolved_ids, &mut self.unresolved_instances),
            (&mut self.error_ids, &mut self.error_instances),
        ];
        for (ids, count) in lists {
            ids.sort();
            *count = ids.len();
        }
        self.incomplete_ids.sort();
    }

    /// Returns the figures in one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} submitted: {} resolved, {} unresolved, {} empty, {} errors",
            self.submitted_instances,
            self.resolved_instances,
            self.unresolved_instances,
            self.empty_patch_instances,
            self.error_instances,
        )
    }
}

/// Reads predictions: a JSON list, or one object a line; no file stands for none.
pub(crate) fn read_predictions(path: &Path) -> anyhow::Result<Vec<Prediction>> {
    let name = || format!("predictions `{}`", path.display());
    let text = match fs::read_to_string(path) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.with_context(name)?,
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(&text).with_context(name);
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| serde_json::from_str(line).with_context(|| format!("line {} of {}", index + 1, name())))
        .collect()
}

/// Returns the verdict on this very patch; one that is missing, damaged or on another patch is none.
fn verdict_on(run_dir: &RunDir, id: &str, patch: &Patch) -> Option<Verdict> {
    let folder = run_dir.instance_path(id);
    let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
    let judged: Judged = serde_json::from_str(&read(JUDGED)?).ok()?;
    if judged.patch != patch.digest() {
        return None;
    }
    let report = Report::from_file(&read(REPORT)?, id).ok()?;
    Some(Verdict { report, failure: judged.failure })
}
