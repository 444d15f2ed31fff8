//! mini-swe-agent's `.traj.json`, a folder an instance, with `preds.json` beside them as its batch run has it.

use std::path::Path;

use agent_core::{Completion, ExitStatus, Limit, Message, Record, Role, View};
use anyhow::Context;
use journal::{Episode, file_name, write_whole};
use serde_json::{Map, Value, json};

use super::clock::iso;
use super::group::Group;
use super::source::Source;
use super::spoken::{message_value, response_value};
use super::written::Written;
use crate::beside::{self, OfStep};
use crate::counts::Counts;

/// Writes the episodes of a cell and a sample as a batch.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub(super) fn write_batch(
    group: &Group<'_>,
    episodes: Vec<Episode>,
    folder: &Path,
    written: &mut Written,
    losses: &mut Counts,
) -> anyhow::Result<()> {
    let mut predictions = Map::new();
    for episode in episodes {
        let source = Source::read(&group.run, episode)?;
        let id = source.episode.instance_id.clone();
        let name = file_name(&id);
        let of_instance = folder.join(&name);
        std::fs::create_dir_all(&of_instance).with_context(|| format!("cannot make `{}`", of_instance.display()))?;
        let value = trajectory(&source, losses);
        write_whole(&of_instance.join(format!("{name}.traj.json")), &serde_json::to_vec_pretty(&value)?)?;
        let by = source.episode.prediction.as_ref().map(|prediction| prediction.model_name_or_path.clone());
        let by = by.unwrap_or_else(|| source.model().to_owned());
        let patch = source.patch().unwrap_or_default();
        predictions.insert(id.clone(), json!({ "model_name_or_path": by, "instance_id": id, "model_patch": patch }));
        written.episodes += 1;
    }
    if predictions.is_empty() {
        return Ok(());
    }
    write_whole(&folder.join("preds.json"), &serde_json::to_vec_pretty(&predictions)?)
}

/// Returns the trajectory of an episode.
fn trajectory(source: &Source<'_>, losses: &mut Counts) -> Value {
    let spending = source.spending();
    let (exit_status, submission) = (exit_word(source), source.patch());
    losses.count("patches that are not known, which stand as empty ones", usize::from(submission.is_none()));
    let mut messages = Messages { source, messages: Vec::new(), next: OfStep::default() };
    source.trajectory.records.iter().for_each(|record| messages.take(record, losses));
    let mut messages = messages.messages;
    let ends = messages.last().is_some_and(|last| last.get("role").is_some_and(|role| role == "exit"));
    if !ends && !exit_status.is_empty() {
        let extra = json!({ "exit_status": exit_status, "submission": submission.unwrap_or_default() });
        let exit = json!({ "role": "exit", "content": exit_status, "extra": extra });
        messages.extend(exit.as_object().cloned());
    }
    let segments = source.trajectory.segments().len();
    losses.count("conversations that stand behind an earlier one in one list", segments.saturating_sub(1));
    let tools = source.header().map(|header| json!(header.tools)).unwrap_or_default();
    let mut info = json!({
        "model_stats": { "instance_cost": spending.cost, "api_calls": spending.queries },
        "config": {
            "agent": { "tools": tools }, "agent_type": source.agent(), "model": { "model_name": source.model() },
            "environment": {},
        },
        "exit_status": exit_status,
        "submission": submission.unwrap_or_default(),
        "resolved": source.resolved(),
    });
    if let (Some(info), Some(whole)) = (info.as_object_mut(), beside::written(&source.whole())) {
        info.extend(whole);
    }
    json!({
        "info": info,
        "messages": messages,
        "trajectory_format": "mini-swe-agent-1.1",
        "instance_id": source.episode.instance_id,
    })
}

/// Returns how an episode ended, in mini-swe-agent's word where it has one.
fn exit_word(source: &Source<'_>) -> String {
    match source.outcome().map(|outcome| &outcome.exit_status) {
        Some(ExitStatus::Submitted) => "Submitted".to_owned(),
        Some(ExitStatus::Limit(Limit::Cost | Limit::Steps)) => "LimitsExceeded".to_owned(),
        Some(ExitStatus::Limit(Limit::Time)) => "TimeExceeded".to_owned(),
        _ => source.exit_status(),
    }
}

/// The messages up to a record.
struct Messages<'a> {
    source: &'a Source<'a>,
    messages: Vec<Map<String, Value>>,
    /// What is said of the next message.
    next: OfStep,
}

impl Messages<'_> {
    fn take(&mut self, record: &Record, losses: &mut Counts) {
        match record {
            Record::Header(_) if self.messages.is_empty() => {}
            Record::Header(_) => self.next.conversations.push(String::new()),
            Record::Conversation { name, .. } => self.next.conversations.push(name.clone()),
            Record::TooLong { .. } => self.next.too_long += 1,
            Record::RecordCut { .. } => losses.count("marks where the record of a killed attempt was given up", 1),
            Record::Message { message, extra, .. } => self.say(message, extra),
            Record::Completion { completion, view, .. } => self.answer(completion, view.as_ref()),
            Record::Observation { call, observation, shown, seconds, extra, .. } => {
                let text = shown.as_ref().unwrap_or(&observation.text);
                let mut message = message_value(&Message::tool(call, text.as_str()));
                let mut of_call = extra_of(extra);
                let raw = shown.as_ref().map(|_| observation.text.clone());
                of_call.extend(raw.map(|text| ("raw_output".to_owned(), text.into())));
                of_call.extend(observation.exit_code.map(|code| ("returncode".to_owned(), code.into())));
                of_call.extend((*seconds > 0.0).then(|| ("seconds".to_owned(), (*seconds).into())));
                put(&mut message, of_call);
                self.messages.push(message);
            }
            Record::Outcome(_) => {}
        }
    }

    fn say(&mut self, said: &Message, extra: &Map<String, Value>) {
        let mut message = message_value(said);
        // A role that is none of ours was kept beside.
        let role = extra.get("role").filter(|role| role.is_string() && said.role != Role::Tool);
        message.extend(role.map(|role| ("role".to_owned(), role.clone())));
        let mut kept = extra_of(extra);
        kept.extend(beside::written(&std::mem::take(&mut self.next)).unwrap_or_default());
        put(&mut message, kept);
        self.messages.push(message);
    }

    fn answer(&mut self, completion: &Completion, view: Option<&View>) {
        let served = completion.served.as_deref();
        let id = format!("{}/{}", self.source.name(), self.messages.len());
        let mut message = message_value(&completion.message);
        let mut extra = match served.and_then(|served| served.message.get("extra")) {
            Some(Value::Object(extra)) => extra.clone(),
            _ => Map::new(),
        };
        let actions = completion.message.tool_calls.iter().filter_map(|call| {
            let arguments: Value = serde_json::from_str(&call.arguments).ok()?;
            Some(json!({ "command": arguments.get("command")?.as_str()?, "tool_call_id": call.id }))
        });
        let actions: Vec<Value> = actions.collect();
        extra.entry("actions").or_insert_with(|| actions.into());
        extra.extend(completion.cost.map(|cost| ("cost".to_owned(), cost.into())));
        let recorded = served.filter(|served| served.body.contains_key("choices"));
        let response = match recorded {
            Some(served) => Value::Object(served.body.clone()),
            None => response_value(completion, self.source.model(), &id),
        };
        extra.insert("response".to_owned(), response);
        let answered = served.map(|served| served.answered_at).filter(|at| iso(*at).is_some());
        extra.extend(answered.map(|at| ("timestamp".to_owned(), at.into())));
        let beside = OfStep { view: view.cloned(), ..std::mem::take(&mut self.next) };
        extra.extend(beside::written(&beside).unwrap_or_default());
        put(&mut message, extra);
        self.messages.push(message);
    }
}

/// Returns what a record says beside, as the `extra` of a message.
fn extra_of(extra: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = extra.clone();
    rest.shift_remove("role");
    match rest.shift_remove("extra") {
        Some(Value::Object(mut extra)) => {
            extra.extend(rest);
            extra
        }
        _ => rest,
    }
}

fn put(message: &mut Map<String, Value>, extra: Map<String, Value>) {
    if !extra.is_empty() {
        message.insert("extra".to_owned(), Value::Object(extra));
    }
}
