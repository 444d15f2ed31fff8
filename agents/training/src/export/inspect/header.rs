//! What a log says of its samples as a whole.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::clock::UNKNOWN;
use super::super::source::Source;
use super::super::totals::Totals;
use super::usage::usage;

/// The figures of a log.
pub(super) struct Log {
    run: String,
    cell: String,
    agent: String,
    model: String,
    ids: BTreeSet<String>,
    epochs: u32,
    summaries: Vec<Value>,
    reductions: Vec<Value>,
    /// Scores, resolved ones and all.
    scores: [usize; 2],
    totals: Totals,
}

impl Log {
    pub(super) fn new(run: &str, cell: &str) -> Self {
        Self {
            run: run.to_owned(),
            cell: cell.to_owned(),
            agent: String::new(),
            model: String::new(),
            ids: BTreeSet::new(),
            epochs: 0,
            summaries: Vec::new(),
            reductions: Vec::new(),
            scores: [0, 0],
            totals: Totals::default(),
        }
    }

    /// Returns how many samples there are.
    pub(super) fn samples(&self) -> usize {
        self.summaries.len()
    }

    /// Adds a sample.
    pub(super) fn add(&mut self, source: &Source<'_>, sample: &Value) {
        if self.model.is_empty() {
            source.model().clone_into(&mut self.model);
            source.agent().clone_into(&mut self.agent);
        }
        self.ids.insert(source.episode.instance_id.clone());
        self.epochs = self.epochs.max(source.episode.sample + 1);
        self.totals.add(source);
        if let Some(resolved) = source.resolved() {
            self.scores[0] += usize::from(resolved);
            self.scores[1] += 1;
            self.reductions.push(json!({ "value": u8::from(resolved), "sample_id": source.episode.instance_id }));
        }
        self.summaries.push(summary(sample));
    }

    /// Returns the files beside the samples.
    pub(super) fn finish(self) -> Vec<(&'static str, Value)> {
        let [resolved, scored] = self.scores;
        let started = self.totals.started();
        let model = if self.model.is_empty() { "unknown".to_owned() } else { self.model.clone() };
        let samples = self.summaries.len();
        let eval = json!({
            "eval_id": format!("{}/{}", self.run, self.cell), "run_id": self.run,
            "created": started.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
            "task": self.run, "task_id": format!("{}_{}", self.run, self.cell), "task_version": 0,
            "task_display_name": self.cell, "solver": self.agent,
            "dataset": { "name": self.run, "samples": self.ids.len(), "sample_ids": self.ids, "shuffled": false },
            "model": model, "config": { "epochs": self.epochs.max(1) },
            "packages": {}, "metadata": { "written_by": "spotter" },
            "scorers": [{ "name": "resolved", "metrics": [{ "name": "accuracy" }] }],
        });
        let plan = json!({ "name": "plan", "steps": [{ "solver": self.agent, "params": {} }], "config": {} });
        let mean = if scored == 0 { Value::Null } else { (resolved as f64 / scored as f64).into() };
        let metrics = match mean {
            Value::Null => json!({}),
            mean => json!({ "accuracy": { "name": "accuracy", "value": mean, "params": {} } }),
        };
        // Where not every instance has every sample, a reader that asks for all of them would fail.
        let whole = samples == self.ids.len() * self.epochs.max(1) as usize;
        let usage = usage(self.totals.usage().unwrap_or_default(), self.totals.cost());
        let header = json!({
            "version": 2, "status": if whole { "success" } else { "cancelled" }, "eval": eval, "plan": plan,
            "results": {
                "total_samples": self.ids.len() * self.epochs.max(1) as usize, "completed_samples": samples,
                "scores": [{
                    "name": "resolved", "scorer": "resolved", "params": {}, "metrics": metrics,
                    "scored_samples": scored, "unscored_samples": samples - scored,
                }],
            },
            "stats": {
                "started_at": started.unwrap_or_default(), "completed_at": self.totals.finished().unwrap_or_default(),
                "model_usage": { model: usage },
            },
        });
        let start = json!({ "version": 2, "eval": header["eval"], "plan": header["plan"] });
        let reductions = json!([{ "scorer": "resolved", "reducer": "mean", "samples": self.reductions }]);
        vec![
            ("_journal/start.json", start),
            ("_journal/summaries/1.json", self.summaries.clone().into()),
            ("summaries.json", self.summaries.into()),
            ("reductions.json", reductions),
            ("header.json", header),
        ]
    }
}

/// Returns a sample without what makes it large.
fn summary(sample: &Value) -> Value {
    let keys = [
        "id",
        "epoch",
        "target",
        "scores",
        "model_usage",
        "started_at",
        "completed_at",
        "total_time",
        "working_time",
        "uuid",
        "turn_count",
    ];
    let kept = keys.iter().filter_map(|key| Some(((*key).to_owned(), sample.get(*key)?.clone())));
    let mut summary: Map<String, Value> = kept.collect();
    let short = |text: &str| text.chars().take(500).collect::<String>();
    summary.insert("input".to_owned(), short(sample["input"].as_str().unwrap_or_default()).into());
    let of = |pointer: &str| sample.pointer(pointer).cloned().unwrap_or_default();
    summary.insert("error".to_owned(), of("/error/message"));
    summary.insert("limit".to_owned(), of("/limit/type"));
    summary.insert("completed".to_owned(), true.into());
    summary.insert("message_count".to_owned(), sample["messages"].as_array().map_or(0, Vec::len).into());
    let metadata = [("exit_status", of("/metadata/exit_status")), ("ending", of("/metadata/ending"))];
    summary.insert("metadata".to_owned(), Map::from_iter(metadata.map(|(key, value)| (key.to_owned(), value))).into());
    // The patch is in the sample.
    if let Some(score) = summary.get_mut("scores").and_then(|scores| scores.get_mut("resolved")?.as_object_mut()) {
        score.shift_remove("answer");
    }
    summary.retain(|_, value| !value.is_null());
    Value::Object(summary)
}
