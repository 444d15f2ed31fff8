//! Messages and answers.

use agent_core::{Completion, FinishReason, Message, Role, ToolCall};
use serde_json::{Map, Value, json};

use super::usage::usage;
use crate::counts::Counts;
use crate::reasoning;

/// Returns a message under an id; `model` is who sampled it, for an answer.
pub(super) fn message(message: &Message, id: String, model: Option<&str>, losses: &mut Counts) -> Value {
    let text = message.content.as_str();
    match message.role {
        Role::System => json!({ "id": id, "role": "system", "content": text }),
        Role::User => json!({ "id": id, "role": "user", "content": text, "source": "input" }),
        Role::Tool => json!({
            "id": id, "role": "tool", "content": text,
            "tool_call_id": message.tool_call_id.as_deref().filter(|id| !id.is_empty()),
            "function": message.name.as_deref().filter(|name| !name.is_empty()),
        }),
        Role::Assistant => {
            let own = message.extras.as_ref().map(|extras| extras.message.clone()).unwrap_or_default();
            let (content, left) = said(text, own);
            let calls: Vec<Value> = message.tool_calls.iter().map(|call| tool_call(call, losses)).collect();
            let of_calls = message.extras.as_ref().map(|extras| json!(extras.calls)).filter(|calls| {
                calls
                    .as_array()
                    .is_some_and(|calls| calls.iter().any(|call| call.as_object().is_some_and(|map| !map.is_empty())))
            });
            let mut metadata = left;
            metadata.extend(of_calls.map(|calls| ("tool_calls".to_owned(), calls)));
            let mut out = json!({ "id": id, "role": "assistant", "content": content });
            if let Some(out) = out.as_object_mut() {
                out.extend((!calls.is_empty()).then(|| ("tool_calls".to_owned(), calls.into())));
                if let Some(model) = model {
                    out.insert("source".to_owned(), "generate".into());
                    out.insert("model".to_owned(), model.into());
                }
                out.extend((!metadata.is_empty()).then(|| ("metadata".to_owned(), Value::Object(metadata))));
            }
            out
        }
    }
}

/// Returns the text, with the reasoning before it where there is some, and the fields that are neither.
fn said(text: &str, mut own: Map<String, Value>) -> (Value, Map<String, Value>) {
    let Some(reasoning) = reasoning::take(&mut own) else { return (text.into(), own) };
    let mut content = vec![json!({ "type": "reasoning", "reasoning": reasoning })];
    if !text.is_empty() {
        content.push(json!({ "type": "text", "text": text }));
    }
    (content.into(), own)
}

fn tool_call(call: &ToolCall, losses: &mut Counts) -> Value {
    let read: Option<Map<String, Value>> = match call.arguments.as_str() {
        "" => Some(Map::new()),
        text => serde_json::from_str(text).ok(),
    };
    losses.count("calls whose arguments are no JSON object, which stand as `parse_error`", usize::from(read.is_none()));
    let mut out = json!({ "id": call.id, "function": call.name, "type": "function" });
    if let Some(out) = out.as_object_mut() {
        let error = read.is_none().then(|| format!("no JSON object: {}", call.arguments));
        out.insert("arguments".to_owned(), Value::Object(read.unwrap_or_default()));
        out.extend(error.map(|error| ("parse_error".to_owned(), error.into())));
    }
    out
}

/// Returns an answer as the output of a model; `said` is its message.
pub(super) fn output(completion: &Completion, seconds: f64, model: &str, said: &Value) -> Value {
    let reason = match &completion.finish_reason {
        FinishReason::Stop => "stop",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Length => "max_tokens",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(_) => "unknown",
    };
    let mut choice = json!({ "message": said, "stop_reason": reason });
    let served = completion.served.as_deref();
    let logprobs = served.and_then(|served| served.logprobs.as_ref()).and_then(content_of);
    if let (Some(content), Some(choice)) = (logprobs, choice.as_object_mut()) {
        choice.insert("logprobs".to_owned(), json!({ "content": content }));
    }
    let mut out = json!({
        "model": model, "choices": [choice], "completion": completion.message.content,
        "usage": usage(completion.usage, completion.cost),
    });
    let mut metadata = Map::new();
    if let Some(served) = served {
        let ids =
            [("prompt_token_ids", &served.prompt_token_ids), ("completion_token_ids", &served.completion_token_ids)];
        metadata.extend(ids.into_iter().filter_map(|(key, ids)| Some((key.to_owned(), json!(ids.as_ref()?)))));
        metadata.extend(served.usage.clone().map(|usage| ("usage".to_owned(), usage)));
    }
    metadata.extend(completion.malformed.clone().map(|why| ("malformed".to_owned(), why.into())));
    if let Some(out) = out.as_object_mut() {
        out.extend((seconds > 0.0).then(|| ("time".to_owned(), seconds.into())));
        out.extend(served.and_then(|served| Some(("response_id".to_owned(), served.id.clone()?.into()))));
        out.extend((!metadata.is_empty()).then(|| ("metadata".to_owned(), Value::Object(metadata))));
    }
    out
}

/// Returns log probabilities in the interface's form; `None` where they are in another one.
fn content_of(logprobs: &Value) -> Option<Vec<Value>> {
    let tokens = logprobs.get("content")?.as_array()?;
    let fits = |token: &Value| {
        token.get("token").is_some_and(Value::is_string) && token.get("logprob").is_some_and(Value::is_number)
    };
    tokens.iter().all(fits).then(|| tokens.clone())
}
