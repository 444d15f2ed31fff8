//! A request as the chat completions interface wants it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use agent_core::{Message, Request, Role, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

use crate::server::extras::Returned;
use crate::{ModelConfig, SendReasoning, SystemRole};

/// How a request is written: the settings, and what the server was found to want.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Style {
    pub(crate) system_role: SystemRole,
    pub(crate) merge_roles: bool,
    pub(crate) send_reasoning: SendReasoning,
    /// Name of the field with the limit on the output.
    pub(crate) limit_name: String,
    /// Whether a message of calls has an empty text rather than none.
    pub(crate) empty_content: bool,
    /// Fields of the request, and of the messages, that are not sent.
    pub(crate) left_out: BTreeSet<String>,
    /// Whether the limit on the output was given its other name.
    pub(crate) limit_renamed: bool,
    /// A field of reasoning that the server wants with every answer, be it empty.
    pub(crate) wanted_reasoning: Option<String>,
}

impl Style {
    /// Returns the style of the settings. `ours` says that the server is OpenAI's own, which knows only the newer name
    /// of the limit on the output.
    pub(crate) fn new(config: &ModelConfig, ours: bool) -> Self {
        let limit = config.limit_name.as_deref().unwrap_or(if ours { NEW_LIMIT } else { OLD_LIMIT });
        Self {
            system_role: config.system_role,
            merge_roles: config.merge_roles,
            send_reasoning: config.send_reasoning,
            limit_name: limit.to_owned(),
            empty_content: false,
            left_out: config.leave_out.iter().cloned().collect(),
            limit_renamed: false,
            wanted_reasoning: None,
        }
    }
}

pub(crate) const OLD_LIMIT: &str = "max_tokens";
pub(crate) const NEW_LIMIT: &str = "max_completion_tokens";

/// Returns the body of a request.
pub(crate) fn request_body(config: &ModelConfig, model: &str, request: &Request, style: &Style) -> Map<String, Value> {
    let tools = (!request.tools.is_empty()).then(|| request.tools.iter().map(tool).collect());
    fields(config, model, style, (Value::Array(messages(&request.messages, style)), tools))
}

/// Returns the fields of a request with this conversation and these tools.
pub(crate) fn fields(
    config: &ModelConfig,
    model: &str,
    style: &Style,
    (messages, tools): (Value, Option<Value>),
) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("model", Some(json!(model)));
    put("messages", Some(messages));
    put("tools", tools);
    put("temperature", config.temperature.map(Value::from));
    put("top_p", config.top_p.map(Value::from));
    put(&style.limit_name, config.max_output_tokens.map(Value::from));
    put("seed", config.seed.map(Value::from));
    put("stop", (!config.stop.is_empty()).then(|| json!(config.stop)));
    put("stream", Some(Value::Bool(config.stream)));
    put("stream_options", config.stream.then(|| json!({ "include_usage": true })));
    put("return_token_ids", config.token_ids.then_some(Value::Bool(true)));
    put("logprobs", config.logprobs.then_some(Value::Bool(true)));
    body.extend(config.extra.clone());
    body.retain(|key, _| !style.left_out.contains(key));
    body
}

/// Returns whether a message tells the model anything: servers refuse an answer of the model that does not.
pub(crate) fn says_something(message: &&Message) -> bool {
    message.role != Role::Assistant || !message.content.trim().is_empty() || !message.tool_calls.is_empty()
}

/// Returns the conversation as the server wants it.
fn messages(messages: &[Message], style: &Style) -> Vec<Value> {
    let mut written: Vec<Value> =
        messages.iter().filter(says_something).map(|message| self::message(message, style)).collect();
    if style.system_role == SystemRole::User {
        without_system(&mut written);
    }
    if style.merge_roles { merged(written) } else { written }
}

/// Puts the rules at the start before the first message of the user.
fn without_system(messages: &mut Vec<Value>) {
    let is = |message: &Value, role: &str| message.get("role").and_then(Value::as_str) == Some(role);
    while let Some(at) = messages.iter().position(|message| is(message, "system")) {
        let mut rules = messages.remove(at);
        match messages.get_mut(at..).and_then(|rest| rest.iter_mut().find(|message| is(message, "user"))) {
            Some(user) => {
                let text = format!("{}\n\n{}", text_of(&rules).trim_end(), text_of(user));
                set(user, "content", Value::String(text));
            }
            None => {
                set(&mut rules, "role", json!("user"));
                messages.insert(at, rules);
            }
        }
    }
}

/// Returns the messages with neighbours of one role as one. Answers of tools stay: each belongs to its own call. What
/// the user says right after one goes with it, since servers on which roles alternate want an answer of the model
/// between.
fn merged(messages: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::with_capacity(messages.len());
    for message in messages {
        let role = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_owned);
        let has_calls = |message: &Value| message.get("tool_calls").is_some();
        match merged.last_mut() {
            Some(last)
                if role(last) == role(&message)
                    && role(last).as_deref() != Some("tool")
                    && !has_calls(last)
                    && !has_calls(&message) =>
            {
                join(last, &message);
            }
            Some(last) if role(last).as_deref() == Some("tool") && role(&message).as_deref() == Some("user") => {
                join(last, &message);
            }
            _ => merged.push(message),
        }
    }
    merged
}

/// Puts the text of a message after that of another.
fn join(message: &mut Value, next: &Value) {
    let text = format!("{}\n\n{}", text_of(message).trim_end(), text_of(next));
    set(message, "content", Value::String(text));
}

/// Returns the text of a message, of which that of a model may be a list of parts.
fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

fn set(message: &mut Value, key: &str, value: Value) {
    if let Some(fields) = message.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// Returns the role of the rules at the start.
pub(crate) fn system_word(style: &Style) -> &'static str {
    if style.system_role == SystemRole::Developer { "developer" } else { "system" }
}

/// Returns the text of a message of calls. Blanks are refused like an empty text.
pub(crate) fn text_of_calls<'a>(content: &'a str, style: &Style) -> Option<&'a str> {
    Some(content).filter(|text| !text.trim().is_empty()).or(style.empty_content.then_some(""))
}

/// Returns a message as the server wants it.
pub(crate) fn message(message: &Message, style: &Style) -> Value {
    let mut body = match message.role {
        Role::System => json!({ "role": system_word(style), "content": message.content }),
        Role::User => json!({ "role": "user", "content": message.content }),
        Role::Tool => json!({
            "role": "tool",
            "tool_call_id": message.tool_call_id.as_deref().unwrap_or_default(),
            "content": message.content,
        }),
        Role::Assistant if message.tool_calls.is_empty() => json!({ "role": "assistant", "content": message.content }),
        Role::Assistant => {
            let content = text_of_calls(&message.content, style);
            let calls: Vec<Value> = message.tool_calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
    };
    Returned { reasoning: style.send_reasoning, refused: &style.left_out }.put(message, &mut body);
    if let Some(field) = style.wanted_reasoning.as_ref().filter(|_| message.role == Role::Assistant)
        && let Some(body) = body.as_object_mut()
    {
        body.entry(field.clone()).or_insert_with(|| json!(""));
    }
    body
}

fn call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": readable(&call.arguments) },
    })
}

/// Returns arguments that every server can read back. Several parse those of earlier calls and refuse the whole request
/// when a model once wrote something else than a JSON object.
pub(crate) fn readable(arguments: &str) -> Cow<'_, str> {
    match serde_json::from_str::<Map<String, Value>>(arguments) {
        Ok(_) => Cow::Borrowed(arguments),
        Err(_) if arguments.trim().is_empty() => Cow::Borrowed("{}"),
        Err(_) => Cow::Owned(json!({ "malformed_arguments": arguments }).to_string()),
    }
}

fn tool(tool: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters },
    })
}
