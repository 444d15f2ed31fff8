//! Reads completions from the responses of servers.

use std::collections::HashSet;

use agent_core::{
    Completion, FinishReason, Message, ModelError, Request, Served, ToolCall, Usage, without_lone_surrogates,
};
use serde_json::{Map, Value};

use crate::ModelConfig;
use crate::server::endpoint::Endpoint;
use crate::server::extras::extras;
use crate::server::failure::{Failure, shorten};
use crate::server::prices::Price;
use crate::server::token_ids::checked;

/// Reasons for stopping by which servers say that the answer is none.
const GAVE_UP: [&str; 4] = ["error", "network_error", "insufficient_system_resource", "abort"];

/// Fields of a choice that are kept by their names.
const OF_CHOICE: [&str; 9] = [
    "index",
    "message",
    "delta",
    "finish_reason",
    "logprobs",
    "token_ids",
    "completion_token_ids",
    "prompt_token_ids",
    "usage",
];

/// Returns the completion that `body` holds, at the cost that the provider reports, else at `price`.
///
/// Servers differ; whatever can be understood is. Reasoning that comes in a field of its own is no part of the text; it
/// is kept beside it.
pub(crate) fn read_response(body: &Value, request: &Request, price: Option<&Price>) -> Result<Completion, ModelError> {
    if let Some(failure) = embedded_failure(body) {
        return Err(failure.into_error(Endpoint::Chat));
    }
    let choice = body.get("choices").and_then(|choices| choices.get(0)).filter(|choice| choice.is_object());
    let Some(choice) = choice else {
        let start: String = shorten(&body.to_string()).chars().take(200).collect();
        let message = format!("the model's server sent an answer without `choices`\nit begins: `{start}`");
        return Err(ModelError::Transient { message, retry_after: None });
    };
    if choice.get("error").is_some_and(says_something) {
        let failure = Failure { status: None, retry_after: None, body: choice.to_string() };
        return Err(failure.into_error(Endpoint::Chat));
    }
    // A single piece of a stream has a `delta`.
    let message = ["message", "delta"].iter().find_map(|key| choice.get(*key).filter(|message| message.is_object()));
    let message = message.unwrap_or(&Value::Null);
    let content = content(message);
    let tool_calls = tool_calls(message, request);
    let reason = choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !reason.is_empty());
    if let Some(reason) = reason.filter(|reason| GAVE_UP.contains(&reason.to_lowercase().as_str())) {
        let message = format!("the model's server stopped early and gave the reason `{reason}`");
        return Err(ModelError::Transient { message, retry_after: None });
    }
    let finish_reason = finish_reason(reason, &tool_calls);
    let places = [body.get("usage"), choice.get("usage"), body.pointer("/x_groq/usage")];
    let reported = places.into_iter().flatten().find(|usage| usage.is_object());
    let cost = |reported: &Value| {
        let billed = reported.get("cost").and_then(Value::as_f64);
        billed.or_else(|| price.map(|price| price.cost(&usage(reported))))
    };
    Ok(Completion {
        message: Message::assistant(content, tool_calls).with_extras(extras(message)),
        finish_reason,
        usage: reported.map(usage).unwrap_or_default(),
        cost: reported.and_then(cost),
        malformed: None,
        served: Some(Box::new(served(body, choice, message, reported))),
    })
}

/// Reads the body of a chat completion that another program asked for, as one that is asked for here is read: with the tokens
/// that the server sent, as far as they fit together.
///
/// # Errors
/// When it is no answer; see [`ModelError`].
pub fn read_answer(body: &Value) -> Result<Completion, ModelError> {
    let request = Request { messages: Vec::new(), tools: Vec::new() };
    let mut completion = read_response(body, &request, None)?;
    // Whoever asked says what of it has to be there.
    let _ = checked(&mut completion, &ModelConfig { stream: false, ..ModelConfig::default() });
    Ok(completion)
}

/// Returns what the server sent, as it came.
fn served(body: &Value, choice: &Value, message: &Value, usage: Option<&Value>) -> Served {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let ids = |places: &[(&Value, &str)]| {
        let found = places.iter().find_map(|(value, key)| value.get(key)?.as_array());
        // A list with something else in it is none.
        found.and_then(|ids| ids.iter().map(Value::as_u64).collect())
    };
    let field = |value: &Value, key: &str| value.get(key).filter(|value| !value.is_null()).cloned();
    Served {
        message: message.clone(),
        finish_reason: text(choice, "finish_reason"),
        id: text(body, "id"),
        model: text(body, "model"),
        system_fingerprint: text(body, "system_fingerprint"),
        prompt_token_ids: ids(&[
            (body, "prompt_token_ids"),
            (choice, "prompt_token_ids"),
            (message, "prompt_token_ids"),
        ]),
        completion_token_ids: ids(&[
            (choice, "token_ids"),
            (choice, "completion_token_ids"),
            (message, "token_ids"),
            (message, "generation_token_ids"),
            (body, "token_ids"),
        ]),
        logprobs: field(choice, "logprobs").or_else(|| field(message, "generation_log_probs")),
        usage: usage.cloned(),
        choice: further(choice, &OF_CHOICE),
        body: further(
            body,
            &["choices", "id", "model", "system_fingerprint", "prompt_token_ids", "token_ids", "usage"],
        ),
        asked_at: 0.0,
        answered_at: 0.0,
    }
}

/// Returns the fields of an answer that are not kept elsewhere.
fn further(value: &Value, known: &[&str]) -> Map<String, Value> {
    let mut fields = value.as_object().cloned().unwrap_or_default();
    fields.retain(|key, value| !known.contains(&key.as_str()) && !value.is_null());
    fields
}

/// Returns the error that some servers put into a successful answer.
pub(crate) fn embedded_failure(body: &Value) -> Option<Failure> {
    let body = body.as_array().and_then(|list| list.first()).unwrap_or(body);
    let has = |key: &str| body.get(key).is_some_and(says_something);
    let is_list = |key: &str| body.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let is_answer = is_list("choices") || is_list("data");
    let is_text = |key: &str| body.get(key).is_some_and(|value| value.is_string() || value.is_object());
    // Some proxies hand on `{"code": 401, "message": …}`, or `{"detail": …}`, with a 200.
    let is_bare = || ["message", "detail", "error_msg", "msg"].into_iter().any(is_text);
    let base = body.pointer("/base_resp/status_code").and_then(Value::as_i64).is_some_and(|code| code != 0);
    let is_failure = has("error") || (!is_answer && (has("errors") || base || is_bare()));
    is_failure.then(|| Failure { status: None, retry_after: None, body: body.to_string() })
}

/// Returns whether an `error` says anything. Good answers of some servers have one that does not.
fn says_something(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(is_error) => *is_error,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(says_something),
        Value::Object(fields) => fields.values().any(says_something),
    }
}

/// Returns the text of a message: a string, a list of parts, or a refusal in its place.
fn content(message: &Value) -> String {
    let text = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(part).collect(),
        _ => String::new(),
    };
    match message.get("refusal").and_then(Value::as_str) {
        Some(refusal) if text.is_empty() => refusal.to_owned(),
        _ => text,
    }
}

fn part(part: &Value) -> Option<&str> {
    match part.get("type").and_then(Value::as_str) {
        None | Some("text" | "output_text") => part.as_str().or_else(|| part.get("text")?.as_str()),
        Some(_) => None,
    }
}

/// Returns the calls in order, each with an id that no other call of the conversation has.
fn tool_calls(message: &Value, request: &Request) -> Vec<ToolCall> {
    let earlier = || request.messages.iter().flat_map(|message| &message.tool_calls);
    let mut taken: HashSet<String> = earlier().map(|call| call.id.clone()).collect();
    let mut calls = Vec::new();
    let listed = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let legacy = message.get("function_call").filter(|call| listed.is_empty() && call.is_object());
    for (number, call) in (earlier().count()..).zip(listed.iter().chain(legacy)) {
        let function = call.get("function").unwrap_or(call);
        let given = call.get("id").and_then(Value::as_str).unwrap_or_default();
        let id = unique(given, number, &mut taken);
        let name = function.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let arguments = match function.get("arguments") {
            // The arguments are JSON in a text of JSON, and may have half characters of their own.
            Some(Value::String(text)) => without_lone_surrogates(text, r"\ufffd").into_owned(),
            None | Some(Value::Null) => String::new(),
            Some(value) => value.to_string(),
        };
        calls.push(ToolCall { id, name, arguments });
    }
    calls
}

/// Returns `given`, or `call_N` where there is none, with a number after it when it is taken.
pub(crate) fn unique(given: &str, number: usize, taken: &mut HashSet<String>) -> String {
    let wanted = if given.is_empty() { format!("call_{number}") } else { given.to_owned() };
    let mut id = wanted.clone();
    let mut copy = 2;
    while !taken.insert(id.clone()) {
        id = format!("{wanted}_{copy}");
        copy += 1;
    }
    id
}

fn finish_reason(reason: Option<&str>, tool_calls: &[ToolCall]) -> FinishReason {
    let lower = reason.map(str::to_lowercase);
    match lower.as_deref() {
        Some("stop" | "end_turn" | "eos" | "eos_token" | "stop_sequence") => FinishReason::Stop,
        Some("tool_calls" | "function_call" | "tool_use") => FinishReason::ToolCalls,
        Some("length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded") => {
            FinishReason::Length
        }
        Some("content_filter" | "safety" | "sensitive") => FinishReason::ContentFilter,
        None if !tool_calls.is_empty() => FinishReason::ToolCalls,
        _ => FinishReason::Other(reason.unwrap_or_default().to_owned()),
    }
}

fn usage(usage: &Value) -> Usage {
    let number = |paths: &[&str]| {
        let count = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()? as u64));
        paths.iter().find_map(|path| usage.pointer(path).and_then(count)).unwrap_or_default()
    };
    Usage {
        prompt_tokens: number(&["/prompt_tokens", "/input_tokens"]),
        completion_tokens: number(&["/completion_tokens", "/output_tokens"]),
        cached_tokens: number(&[
            "/prompt_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/cache_read_input_tokens",
        ]),
    }
}
