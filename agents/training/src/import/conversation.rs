//! Messages of the chat completions interface to the records of an episode.

use std::collections::HashMap;

use agent_core::{
    CallExtras, Completion, Extras, FinishReason, Message, Record, Role, Served, ToolCall, ToolSpec, Usage, View,
};
use serde_json::{Map, Value};
use tool_core::Observation;

use super::content::content;
use super::foreign::{take_objects, take_text};
use crate::reasoning::KEYS;
use dataset::kind;

/// Fields of a model's message that are its own words, and that a server may want back, beside what it thought.
const OWN: [&str; 3] = ["reasoning_details", "thinking_blocks", "provider_specific_fields"];

/// What is known of an answer beside its message.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) usage: Usage,
    pub(crate) cost: Option<f64>,
    pub(crate) seconds: f64,
    pub(crate) finish_reason: Option<String>,
    /// What a server or the record says of it beside.
    pub(crate) served: Option<Served>,
    /// What of the conversation its request did not hold.
    pub(crate) view: Option<View>,
    /// What was wrong with a call that could not be read.
    pub(crate) malformed: Option<String>,
}

/// The records of an episode, made from messages one by one.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    records: Vec<Record>,
    step: u64,
    /// The calls that were made, by id.
    calls: HashMap<String, ToolCall>,
}

impl Conversation {
    /// Returns the records.
    pub(crate) fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// Adds all messages of a record under this key.
    pub(crate) fn say_all(&mut self, map: &mut Map<String, Value>, key: &str) -> Result<(), String> {
        for (index, message) in take_objects(map, key)?.into_iter().enumerate() {
            self.say(message).map_err(|err| format!("`{key}[{index}]`: {err}"))?;
        }
        Ok(())
    }

    /// Adds a message, of which nothing is known beside.
    pub(crate) fn say(&mut self, mut message: Map<String, Value>) -> Result<(), String> {
        let role = take_text(&mut message, "role")?.ok_or("has no `role`")?;
        match role.as_str() {
            "assistant" => self.answer(message, Answer::default()),
            "tool" | "function" => self.observe(message, 0.0),
            "system" => self.tell(Role::System, message),
            "user" => self.tell(Role::User, message),
            // Shown as the nearest role that there is, and what it was is kept.
            other => {
                let role = if other == "developer" { Role::System } else { Role::User };
                message.insert("role".to_owned(), other.into());
                self.tell(role, message)
            }
        }
    }

    /// Adds a message that is no answer of the model under way and shows no call.
    pub(crate) fn tell(&mut self, role: Role, mut message: Map<String, Value>) -> Result<(), String> {
        message.retain(|_, value| !value.is_null());
        let found = content(message.shift_remove("content"))?;
        if let Some(parts) = found.parts {
            message.insert("content".to_owned(), parts);
        }
        let (tool_calls, extras) = calls(&mut message)?;
        let blank = match role {
            Role::System => Message::system(found.text),
            Role::Assistant => Message::assistant(found.text, tool_calls),
            Role::User | Role::Tool => Message::user(found.text),
        };
        let told = blank.with_extras(Extras { message: Map::new(), calls: extras });
        self.records.push(Record::Message { step: self.step, message: told, extra: message, restored: false });
        Ok(())
    }

    /// Adds an answer of the model.
    pub(crate) fn answer(&mut self, mut message: Map<String, Value>, answer: Answer) -> Result<(), String> {
        message.retain(|_, value| !value.is_null());
        self.step += 1;
        let found = content(message.shift_remove("content"))?;
        let (tool_calls, call_extras) = calls(&mut message)?;
        self.calls.extend(tool_calls.iter().map(|call| (call.id.clone(), call.clone())));
        let own = KEYS.iter().chain(&OWN).filter_map(|key| Some(((*key).to_owned(), message.shift_remove(*key)?)));
        let own: Map<String, Value> = own.filter(|(_, value)| !value.is_null()).collect();
        message.shift_remove("role");
        if let Some(parts) = found.parts {
            message.insert("content".to_owned(), parts);
        }
        let mut served = answer.served;
        if !message.is_empty() {
            served.get_or_insert_default().message = Value::Object(message);
        }
        let finish_reason = finish(answer.finish_reason.as_deref(), !tool_calls.is_empty());
        if let (Some(word), Some(served)) = (answer.finish_reason, served.as_mut()) {
            served.finish_reason = Some(word);
        }
        let completion = Completion {
            message: Message::assistant(found.text, tool_calls)
                .with_extras(Extras { message: own, calls: call_extras }),
            finish_reason,
            usage: answer.usage,
            cost: answer.cost,
            malformed: answer.malformed,
            served: served.map(Box::new),
        };
        self.records.push(Record::Completion {
            step: self.step,
            request: String::new(),
            completion,
            seconds: answer.seconds,
            view: answer.view,
            restored: false,
        });
        Ok(())
    }

    /// Begins a new conversation: what came before is no longer shown.
    pub(crate) fn begin(&mut self, name: String) {
        self.records.push(Record::Conversation { step: self.step, name, restored: false });
    }

    /// Adds that a request was refused as too long.
    pub(crate) fn refuse(&mut self) {
        self.records.push(Record::TooLong { step: self.step + 1, request: String::new(), restored: false });
    }

    /// Returns whether a call of this id was made.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.calls.contains_key(id)
    }

    /// Adds what a call showed.
    pub(crate) fn observe(&mut self, message: Map<String, Value>, seconds: f64) -> Result<(), String> {
        let code = message.get("extra").and_then(|extra| extra.get("returncode")).and_then(Value::as_i64);
        let exit_code = code.and_then(|code| i32::try_from(code).ok());
        self.observe_as(message, seconds, exit_code)
    }

    /// Adds what a call showed, with the exit code of its command.
    pub(crate) fn observe_as(
        &mut self,
        mut message: Map<String, Value>,
        seconds: f64,
        exit_code: Option<i32>,
    ) -> Result<(), String> {
        message.retain(|_, value| !value.is_null());
        let found = content(message.shift_remove("content"))?;
        if let Some(parts) = found.parts {
            message.insert("content".to_owned(), parts);
        }
        let id = take_text(&mut message, "tool_call_id")?.unwrap_or_default();
        let name = take_text(&mut message, "name")?;
        let known = self.calls.get(&id).cloned();
        let mut call = known.unwrap_or_else(|| ToolCall { id, name: String::new(), arguments: String::new() });
        call.name = name.unwrap_or(call.name);
        let observation = Observation { exit_code, ..Observation::text(found.text) };
        let step = self.step;
        let record =
            Record::Observation { step, call, observation, shown: None, seconds, extra: message, restored: false };
        self.records.push(record);
        Ok(())
    }
}

fn finish(word: Option<&str>, has_calls: bool) -> FinishReason {
    match word {
        None if has_calls => FinishReason::ToolCalls,
        None | Some("stop") => FinishReason::Stop,
        Some("tool_calls" | "function_call") => FinishReason::ToolCalls,
        Some("length") => FinishReason::Length,
        Some("content_filter") => FinishReason::ContentFilter,
        Some(other) => FinishReason::Other(other.to_owned()),
    }
}

/// Takes the calls out of a message, and their further fields.
fn calls(message: &mut Map<String, Value>) -> Result<(Vec<ToolCall>, Vec<CallExtras>), String> {
    if message.get("tool_calls").is_none_or(Value::is_null) {
        message.shift_remove("tool_calls");
        return Ok((Vec::new(), Vec::new()));
    }
    let objects = take_objects(message, "tool_calls")?;
    let read = objects
        .into_iter()
        .enumerate()
        .map(|(index, call)| read_call(call).map_err(|err| format!("`tool_calls[{index}]`: {err}")));
    Ok(read.collect::<Result<Vec<_>, String>>()?.into_iter().unzip())
}

fn read_call(mut call: Map<String, Value>) -> Result<(ToolCall, CallExtras), String> {
    let id = take_text(&mut call, "id")?.unwrap_or_default();
    if call.get("type").is_none_or(|kind| kind == "function" || kind.is_null()) {
        call.shift_remove("type");
    }
    let mut function = match call.shift_remove("function") {
        Some(Value::Object(function)) => function,
        Some(other) => return Err(format!("`function` is {} and not an object", kind(&other))),
        None => return Err("has no `function`".to_owned()),
    };
    let name = take_text(&mut function, "name")?.ok_or("has no `name`")?;
    let arguments = arguments(function.shift_remove("arguments"));
    Ok((ToolCall { id, name, arguments }, CallExtras { call, function }))
}

/// Returns arguments as JSON text.
pub(crate) fn arguments(value: Option<Value>) -> String {
    match value {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

/// Returns the tokens that a `usage` of the chat completions interface, or of the responses interface, counts.
pub(crate) fn usage(value: &Value) -> Usage {
    let number = |path: &str| value.pointer(path).and_then(Value::as_u64);
    let first = |paths: &[&str]| paths.iter().find_map(|path| number(path)).unwrap_or_default();
    Usage {
        prompt_tokens: first(&["/prompt_tokens", "/input_tokens"]),
        completion_tokens: first(&["/completion_tokens", "/output_tokens"]),
        cached_tokens: first(&[
            "/prompt_tokens_details/cached_tokens",
            "/input_tokens_details/cached_tokens",
            "/cache_read_input_tokens",
        ]),
    }
}

/// Returns tools as other programs list them: bare, or wrapped as `{"type": "function", "function": …}`.
pub(crate) fn tools(list: &[Value]) -> Result<Vec<ToolSpec>, String> {
    let tool = |(index, tool): (usize, &Value)| {
        let tool = tool.get("function").unwrap_or(tool);
        let text = |key: &str| tool.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text("name").ok_or_else(|| format!("`tools[{index}]` has no `name`"))?;
        let parameters = tool.get("parameters").cloned().unwrap_or_default();
        Ok(ToolSpec { name, description: text("description").unwrap_or_default(), parameters })
    };
    list.iter().enumerate().map(tool).collect()
}
