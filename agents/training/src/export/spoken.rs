//! Messages as the chat completions interface has them.

use agent_core::{CallExtras, Completion, FinishReason, Message, Served};
use serde_json::{Map, Value, json};

use super::source::usage_value;

/// Returns a message.
pub(super) fn message_value(message: &Message) -> Map<String, Value> {
    let mut out = Map::from_iter([
        ("role".to_owned(), message.role.word().into()),
        ("content".to_owned(), message.content.as_str().into()),
    ]);
    if let Some(extras) = &message.extras {
        out.extend(extras.message.clone());
    }
    if !message.tool_calls.is_empty() {
        let calls = message.tool_calls.iter().enumerate().map(|(index, call)| {
            let extras = message.extras.as_ref().and_then(|extras| extras.calls.get(index)).cloned();
            let CallExtras { call: of_call, function: of_function } = extras.unwrap_or_default();
            let mut function = Map::from_iter([
                ("name".to_owned(), call.name.as_str().into()),
                ("arguments".to_owned(), call.arguments.as_str().into()),
            ]);
            function.extend(of_function);
            let mut out = Map::from_iter([
                ("id".to_owned(), call.id.as_str().into()),
                ("type".to_owned(), "function".into()),
                ("function".to_owned(), Value::Object(function)),
            ]);
            out.extend(of_call);
            Value::Object(out)
        });
        out.insert("tool_calls".to_owned(), calls.collect::<Vec<_>>().into());
    }
    let texts = [("tool_call_id", &message.tool_call_id), ("name", &message.name)];
    out.extend(texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text.clone()?.into()))));
    out
}

/// Returns an answer as the server's whole response; `id` stands in where the record has none.
pub(super) fn response_value(completion: &Completion, model: &str, id: &str) -> Value {
    let served = completion.served.as_deref();
    let of = |field: fn(&Served) -> Option<String>| served.and_then(field);
    let mut choice = Map::from_iter([
        ("index".to_owned(), 0.into()),
        ("finish_reason".to_owned(), finish_word(&completion.finish_reason).into()),
        ("message".to_owned(), Value::Object(message_value(&completion.message))),
    ]);
    choice.extend(served.and_then(|served| Some(("logprobs".to_owned(), served.logprobs.clone()?))));
    let created = served.map_or(0.0, |served| served.answered_at);
    let mut response = json!({
        "id": of(|served| served.id.clone()).unwrap_or_else(|| id.to_owned()),
        "object": "chat.completion",
        "created": created as u64,
        "model": of(|served| served.model.clone()).unwrap_or_else(|| model.to_owned()),
        "choices": [choice],
    });
    let counted = served.and_then(|served| served.usage.clone());
    let counted = counted.or_else(|| (completion.usage.total() > 0).then(|| usage_value(completion.usage)));
    if let (Some(counted), Some(map)) = (counted, response.as_object_mut()) {
        map.insert("usage".to_owned(), counted);
    }
    response
}

/// Returns the interface's word for why a model stopped.
pub(super) fn finish_word(reason: &FinishReason) -> &str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(word) => word,
    }
}
