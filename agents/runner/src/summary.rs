//! The summary of a run, with the official harness's keys.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Context;
use env_core::Report;
use serde::Serialize;

use crate::run_dir::{Prediction, RunDir, read_text, write_whole};

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

/// Writes the `report.json` of a cell from its predictions and its instances' reports.
pub(crate) fn write_summary(run_dir: &RunDir, all_ids: &[&str]) -> anyhow::Result<Summary> {
    let predictions = read_predictions(&read_text(&run_dir.path().join("preds.jsonl"))?.unwrap_or_default())?;
    let mut summary = Summary { total_instances: all_ids.len(), schema_version: 2, ..Summary::default() };
    for prediction in &predictions {
        let id = prediction.instance_id.clone();
        summary.submitted_ids.push(id.clone());
        let empty = prediction.model_patch.as_deref().is_none_or(|patch| patch.trim().is_empty());
        match report_of(run_dir, &id)? {
            _ if empty => summary.empty_patch_ids.push(id),
            None => summary.error_ids.push(id),
            Some(report) => {
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
            "{} submitted: {} resolved, {} unresolved, {} empty, {} without a verdict",
            self.submitted_instances,
            self.resolved_instances,
            self.unresolved_instances,
            self.empty_patch_instances,
            self.error_instances,
        )
    }
}

/// Parses predictions: a JSON list, or one object a line.
pub(crate) fn read_predictions(text: &str) -> anyhow::Result<Vec<Prediction>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).context("the predictions are not a JSON list of objects");
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).with_context(|| format!("line {} of the predictions", index + 1))
        })
        .collect()
}

/// Returns an instance's verdict; `None` when it has none.
fn report_of(run_dir: &RunDir, id: &str) -> anyhow::Result<Option<Report>> {
    let path = run_dir.instance_path(id).join("report.json");
    if fs::metadata(&path).is_err() {
        return Ok(None);
    }
    let text = read_text(&path)?.unwrap_or_default();
    let mut by_id: BTreeMap<String, Report> =
        serde_json::from_str(&text).with_context(|| format!("`{}` is damaged", path.display()))?;
    Ok(by_id.remove(id))
}
