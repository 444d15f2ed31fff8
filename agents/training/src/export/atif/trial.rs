//! The folders of a job and its trials, as Harbor lays them out and its viewer opens them.

use std::path::Path;

use anyhow::Context;
use journal::{Ended, Episode, file_name, write_whole};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::clock::iso;
use super::super::group::Group;
use super::super::losses::Losses;
use super::super::source::{Source, ending_word};
use super::super::written::Written;
use super::trajectory::trajectory;

/// Writes the episodes of a cell as the trials of a job.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub(in crate::export) fn write_job(
    group: &Group<'_>,
    episodes: Vec<Episode>,
    out: &Path,
    written: &mut Written,
    losses: &mut Losses,
) -> anyhow::Result<()> {
    let job =
        file_name(&if group.cell.is_empty() { group.run.clone() } else { format!("{}.{}", group.run, group.cell) });
    let folder = out.join(&job);
    let mut of_job = Job::default();
    for episode in episodes {
        let source = Source::read(&group.run, episode)?;
        let Some(trajectory) = trajectory(&source, losses) else {
            *written
                .left_out
                .entry("has no record of what was said, and the format asks for a step".to_owned())
                .or_default() += 1;
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
    let ended = source.episode.ended.as_ref();
    let broken = ended.filter(|ended| ended.is_infrastructure()).map(|Ended { exit_status, error, .. }| {
        (exit_status.clone(), error.clone().unwrap_or_else(|| exit_status.clone()))
    });
    let failed = source.episode.failed.as_ref().map(|failed| ("not_judged".to_owned(), failed.error.clone()));
    let (kind, message) = broken.or(failed.filter(|_| source.resolved().is_none()))?;
    let at = source.episode.came.and_then(iso).unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned());
    Some(json!({ "exception_type": kind, "exception_message": message, "exception_traceback": "", "occurred_at": at }))
}

/// The figures of a job.
#[derive(Default)]
struct Job {
    trials: usize,
    broken: usize,
    tokens: [u64; 3],
    cost: f64,
    /// When the first trial began and the last one ended, in seconds since 1970.
    span: Option<(f64, f64)>,
}

impl Job {
    fn add(&mut self, source: &Source<'_>) {
        let spending = source.spending();
        let usage = spending.usage;
        self.trials += 1;
        self.broken += usize::from(exception(source).is_some());
        let counts = [usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens];
        self.tokens.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        self.cost += spending.cost;
        let started = source.started();
        if started > 0.0 {
            let (first, last) = self.span.unwrap_or((started, started));
            self.span = Some((first.min(started), last.max(started + spending.seconds)));
        }
    }

    fn result(&self, id: &str) -> Value {
        let [input, cached, output] = self.tokens;
        let time = |of: fn((f64, f64)) -> f64| self.span.and_then(|span| iso(of(span)));
        json!({
            "id": id,
            // The format asks for a time; this one stands for none.
            "started_at": time(|span| span.0).unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned()),
            "finished_at": time(|span| span.1),
            "n_total_trials": self.trials,
            "stats": {
                "n_completed_trials": self.trials, "n_errored_trials": self.broken,
                "n_input_tokens": input, "n_cache_tokens": cached, "n_output_tokens": output, "cost_usd": self.cost,
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
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn put(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    write_whole(path, &serde_json::to_vec_pretty(value)?)
}
