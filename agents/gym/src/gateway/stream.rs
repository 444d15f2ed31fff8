//! An answer in the form of a stream, for clients that asked for one.

use serde_json::{Value, json};

/// Returns the events of a whole answer: all that was said in one piece, the reason why it ended, and the count of tokens.
/// Tokens come whole only in answers that are not streamed, so that one is never asked for.
pub(super) fn pieces(answer: &Value) -> Vec<String> {
    let head = |choices: Value| {
        json!({
            "id": answer.get("id"),
            "object": "chat.completion.chunk",
            "created": answer.get("created"),
            "model": answer.get("model"),
            "choices": choices,
        })
    };
    let choice = answer.pointer("/choices/0").cloned().unwrap_or_default();
    let mut delta = choice.get("message").cloned().unwrap_or_else(|| json!({}));
    if let Some(calls) = delta.get_mut("tool_calls").and_then(Value::as_array_mut) {
        for (index, call) in calls.iter_mut().enumerate() {
            call["index"] = json!(index);
        }
    }
    let logprobs = choice.get("logprobs").cloned().unwrap_or_default();
    let said = json!([{ "index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": null }]);
    let ended = json!([{ "index": 0, "delta": {}, "finish_reason": choice.get("finish_reason") }]);
    let mut counted = head(json!([]));
    counted["usage"] = answer.get("usage").cloned().unwrap_or_default();
    let pieces = [head(said), head(ended), counted].map(|piece| piece.to_string());
    pieces.into_iter().chain(["[DONE]".to_owned()]).collect()
}
