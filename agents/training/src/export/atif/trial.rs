//! The folders of a job and its trials, as Harbor lays them out and its viewer opens them.

use std::path::Path;

use agent_core::Usage;
use anyhow::Context;
use journal::{Episode, file_name, write_whole};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::clock::{UNKNOWN, iso};
use super::super::group::Group;
use super::super::source::{Source, ending_word};
use super::super::totals::Totals;
use super::super::written::Written;
use super::trajectory::trajectory;
use crate::counts::Counts;
use crate::hex::hex;

/// Writes the episodes of a cell as the trials of a job.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub(in crate::export) fn write_job(
    group: &Group<'_>,
    episodes: Vec<Episode>,
    folder: &Path,
    written: &mut Written,
    losses: &mut Counts,
) -> anyhow::Result<()> {
    let job = group.job();
    let mut of_job = Job::default();
    for episode in episodes {
        let source = Source::read(&group.run, episode)?;
        let Some(trajectory) = trajectory(&source, losses) else {
            written.left_out.count("has no record of what was said, and the format asks for a step", 1);
            continue;
        };
        let trial = file_name(&format!("{}__{}", source.episode.instance_id, source.episode.sample));
        write_trial(&source, &trajectory, &job, &folder.join(&trial), &trial)?;
        of_job.add(&source);
        written.episodes += 1;
    }
    if of_job.trials == 0 {
        return Ok(());
    }
    let id = uuid(&format!("{}/{}", group.run, group.cell));
    put(&folder.join("config.json"), &json!({ "job_name": job, "jobs_dir": "." }))?;
    put(&folder.join("result.json"), &of_job.result(&id))
}

fn write_trial(
    source: &Source<'_>,
    trajectory: &Map<String, Value>,
    job: &str,
    folder: &Path,
    trial: &str,
) -> anyhow::Result<()> {
    for part in ["agent", "verifier", "artifacts"] {
        let path = folder.join(part);
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make `{}`", path.display()))?;
    }
    put(&folder.join("agent/trajectory.json"), trajectory)?;
    if let Some(patch) = source.patch() {
        write_whole(&folder.join("artifacts/model.patch"), patch.as_bytes())?;
    }
    if let Some(resolved) = source.resolved() {
        put(&folder.join("verifier/reward.json"), &json!({ "reward": u8::from(resolved) }))?;
    }
    let id = &source.episode.instance_id;
    let model = source.model();
    let model_name = if model.is_empty() { Value::Null } else { model.into() };
    let config = json!({
        "task": { "path": id }, "trial_name": trial, "trials_dir": job,
        "agent": { "name": source.agent(), "model_name": model_name },
    });
    put(&folder.join("config.json"), &config)?;
    put(&folder.join("result.json"), &result(source, trajectory, trial, &config))
}

fn result(source: &Source<'_>, trajectory: &Map<String, Value>, trial: &str, config: &Value) -> Value {
    let id = &source.episode.instance_id;
    let spending = source.spending();
    let usage = spending.usage;
    let count = |number: u64| if usage.total() > 0 { Value::from(number) } else { Value::Null };
    let version = trajectory.get("agent").and_then(|agent| agent.get("version")).cloned().unwrap_or_default();
    let model = source.model();
    let (provider, name) =
        model.split_once('/').map_or((Value::Null, model), |(provider, name)| (provider.into(), name));
    let model = if model.is_empty() { Value::Null } else { json!({ "name": name, "provider": provider }) };
    let started = iso(source.started());
    let finished = iso(source.started() + spending.seconds).filter(|_| started.is_some());
    json!({
        "id": uuid(&source.name()),
        "task_name": id, "trial_name": trial, "trial_uri": trial, "task_id": { "path": id }, "task_checksum": "",
        "config": config,
        "agent_info": { "name": source.agent(), "version": version, "model_info": model },
        "agent_result": {
            "n_input_tokens": count(usage.prompt_tokens), "n_cache_tokens": count(usage.cached_tokens),
            "n_output_tokens": count(usage.completion_tokens),
            "cost_usd": if source.is_priced() { spending.cost.into() } else { Value::Null },
            "metadata": { "exit_status": source.exit_status(), "ending": ending_word(source.episode.ending()) },
        },
        "verifier_result": source.resolved().map(|resolved| json!({ "rewards": { "reward": u8::from(resolved) } })),
        "exception_info": exception(source),
        "started_at": started, "finished_at": finished,
    })
}

/// Returns what infrastructure broke, as an exception.
fn exception(source: &Source<'_>) -> Option<Value> {
    let (kind, message) = source.broken()?;
    let at = source.episode.came.and_then(iso).unwrap_or_else(|| UNKNOWN.to_owned());
    Some(json!({ "exception_type": kind, "exception_message": message, "exception_traceback": "", "occurred_at": at }))
}

/// The figures of a job.
#[derive(Default)]
struct Job {
    trials: usize,
    broken: usize,
    totals: Totals,
}

impl Job {
    fn add(&mut self, source: &Source<'_>) {
        self.trials += 1;
        self.broken += usize::from(source.broken().is_some());
        self.totals.add(source);
    }

    fn result(&self, id: &str) -> Value {
        let usage = self.totals.usage();
        let count = |of: fn(Usage) -> u64| usage.map(of);
        json!({
            "id": id,
            // The format asks for a time; this one stands for none.
            "started_at": self.totals.started().unwrap_or_else(|| UNKNOWN.to_owned()),
            "finished_at": self.totals.finished(),
            "n_total_trials": self.trials,
            "stats": {
                "n_completed_trials": self.trials, "n_errored_trials": self.broken,
                "n_input_tokens": count(|usage| usage.prompt_tokens),
                "n_cache_tokens": count(|usage| usage.cached_tokens),
                "n_output_tokens": count(|usage| usage.completion_tokens), "cost_usd": self.totals.cost(),
            },
        })
    }
}

/// Returns an identifier in the form of a UUID that stands for a name.
fn uuid(name: &str) -> String {
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
    // Version 8: made in a way of one's own.
    (bytes[6], bytes[8]) = ((bytes[6] & 0x0f) | 0x80, (bytes[8] & 0x3f) | 0x80);
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn put(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    write_whole(path, &serde_json::to_vec_pretty(value)?)
}
