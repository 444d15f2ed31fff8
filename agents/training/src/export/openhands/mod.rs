//! OpenHands' `output.jsonl`, with `metadata.json` and `llm_completions` beside it as its evaluations lay them out.

mod events;

use std::io::Write;
use std::path::Path;

use agent_core::{Record, Segment};
use anyhow::Context;
use journal::{Episode, file_name, write_stream_with, write_whole};
use serde_json::{Map, Value, json};

use super::clock::iso;
use super::group::Group;
use super::source::Source;
use super::spoken::{message_value, response_value};
use super::written::Written;
use crate::beside;
use crate::counts::Counts;
use events::{Events, tools};

/// Writes the episodes of a cell and a sample as an evaluation.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub(super) fn write_evaluation(
    group: &Group<'_>,
    episodes: Vec<Episode>,
    folder: &Path,
    written: &mut Written,
    losses: &mut Counts,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let first = write_stream_with(&folder.join("output.jsonl"), |file| {
        let mut first = None;
        for episode in episodes {
            let source = Source::read(&group.run, episode)?;
            write_completions(&source, folder)?;
            first.get_or_insert_with(|| metadata(&source));
            serde_json::to_writer(&mut *file, &row(&source, losses))?;
            file.write_all(b"\n")?;
            written.episodes += 1;
        }
        Ok(first)
    })?;
    match first {
        Some(metadata) => write_whole(&folder.join("metadata.json"), &serde_json::to_vec_pretty(&metadata)?),
        None => Ok(()),
    }
}

/// Returns the line of an episode.
fn row(source: &Source<'_>, losses: &mut Counts) -> Value {
    let mut events = Events::new(source);
    source.trajectory.records.iter().for_each(|record| events.take(record, losses));
    let mut row = json!({
        "instance_id": source.episode.instance_id,
        "test_result": match source.patch() {
            Some(patch) => json!({ "git_patch": patch }),
            None => json!({}),
        },
        "instruction": instruction(source),
        "metadata": metadata(source),
        "history": events.finish(losses),
        "metrics": metrics(source),
        "error": error(source),
        "instance": { "instance_id": source.episode.instance_id },
    });
    let Some(map) = row.as_object_mut() else { return row };
    let report = source.resolved().map(|resolved| ("report".to_owned(), json!({ "resolved": resolved })));
    map.extend(report);
    map.extend(beside::written(&source.whole()).unwrap_or_default());
    map.retain(|_, value| !value.is_null());
    row
}

/// Returns the first thing that the user says.
fn instruction(source: &Source<'_>) -> Option<String> {
    source.trajectory.records.iter().find_map(|record| match record {
        Record::Message { message, .. } if message.role == agent_core::Role::User => Some(message.content.clone()),
        _ => None,
    })
}

fn metadata(source: &Source<'_>) -> Value {
    let origin = source.header().map(|header| &header.origin);
    json!({
        "agent_class": source.agent(),
        "llm_config": { "model": source.model() },
        "max_iterations": origin.and_then(|origin| origin.settings.pointer("/limits/steps")?.as_u64()).unwrap_or_default(),
        "eval_output_dir": ".",
        "start_time": iso(source.started()).unwrap_or_default(),
        "git_commit": "",
        "dataset": origin.and_then(|origin| origin.dataset.clone()),
        "details": {},
    })
}

fn metrics(source: &Source<'_>) -> Value {
    let spending = source.spending();
    let model = source.model();
    let (mut costs, mut usages, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    for (index, record) in source.trajectory.records.iter().enumerate() {
        let Record::Completion { completion, seconds, .. } = record else { continue };
        let id = source.response_id(index, completion);
        let at = completion.served.as_ref().map_or(0.0, |served| served.answered_at);
        costs.extend(completion.cost.map(|cost| json!({ "model": model, "cost": cost, "timestamp": at })));
        let counts = (completion.usage.total() > 0).then(|| token_usage(model, completion.usage, &id));
        usages.extend(counts);
        latencies.extend((*seconds > 0.0).then(|| json!({ "model": model, "latency": seconds, "response_id": id })));
    }
    json!({
        "accumulated_cost": spending.cost,
        "accumulated_token_usage": token_usage(model, spending.usage, ""),
        "costs": costs, "token_usages": usages, "response_latencies": latencies,
    })
}

fn token_usage(model: &str, usage: agent_core::Usage, id: &str) -> Value {
    json!({
        "model": model, "prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens,
        "cache_read_tokens": usage.cached_tokens, "cache_write_tokens": 0, "context_window": 0, "per_turn_token": 0,
        "response_id": id,
    })
}

/// Returns why an episode ended, where it was not by handing something in.
fn error(source: &Source<'_>) -> Option<String> {
    let word = source.exit_status();
    let reason = source.episode.ended.as_ref().and_then(|ended| ended.error.clone());
    (!word.is_empty() && word != "submitted").then(|| reason.map_or(word.clone(), |reason| format!("{word}: {reason}")))
}

/// Writes the last request of each conversation with its answer, which together hold all that the model was shown.
fn write_completions(source: &Source<'_>, folder: &Path) -> anyhow::Result<()> {
    let segments = source.trajectory.segments();
    let folder = folder.join("llm_completions").join(file_name(&source.episode.instance_id));
    for (number, segment) in segments.iter().enumerate() {
        let Some(completion) = completion(source, segment) else { continue };
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        let name = file_name(&format!("{}-{number:04}.json", source.model()));
        write_whole(&folder.join(name), &serde_json::to_vec(&completion)?)?;
    }
    Ok(())
}

fn completion(source: &Source<'_>, segment: &Segment<'_>) -> Option<Value> {
    let last = segment.messages.iter().rposition(|shown| shown.sampled)?;
    let (before, rest) = segment.messages.split_at(last);
    let record = rest.first()?.record;
    let Record::Completion { completion, .. } = record else { return None };
    let index = source.trajectory.records.iter().position(|one| std::ptr::eq(one, record))?;
    let messages: Vec<Map<String, Value>> = before.iter().map(|shown| message_value(&shown.message)).collect();
    let at = completion.served.as_ref().map_or(0.0, |served| served.answered_at);
    Some(json!({
        "messages": messages,
        "response": response_value(completion, source.model(), &source.response_id(index, completion)),
        "args": [], "kwargs": { "tools": tools(source) }, "timestamp": at, "cost": completion.cost,
    }))
}
