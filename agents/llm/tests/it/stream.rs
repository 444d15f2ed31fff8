//! Streamed answers.

use agent_core::{Extras, FinishReason, Message, ModelError, ToolCall, Usage};
use llm::{ModelConfig, RetryConfig};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::server::{Deed, broken, config, hello, model, raw, seen, serve};

fn events(chunks: &[Value]) -> String {
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

fn piece(delta: Value, finish_reason: Value) -> Value {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish_reason }] })
}

fn streaming(url: &str) -> ModelConfig {
    let retry = RetryConfig { max_elapsed: 0.0, ..RetryConfig::default() };
    ModelConfig { stream: true, retry, ..config(url) }
}

#[tokio::test]
async fn pieces_are_put_together() {
    let fragment = |index: u64, id: &str, name: Value, arguments: &str| {
        let function = json!({ "name": name, "arguments": arguments });
        piece(json!({ "tool_calls": [{ "index": index, "id": id, "function": function }] }), json!(null))
    };
    let text = events(&[
        piece(json!({ "role": "assistant", "content": "", "reasoning_content": "hm" }), json!(null)),
        piece(json!({ "content": "Let me " }), json!(null)),
        piece(json!({ "content": "look" }), json!(null)),
        fragment(0, "a", json!("ls"), "{\"pa"),
        fragment(1, "b", json!("cat"), ""),
        fragment(0, "", json!(null), "th\": 1}"),
        fragment(1, "", json!("cat"), "{}"),
        piece(json!({}), json!("tool_calls")),
        json!({ "choices": [], "usage": { "prompt_tokens": 100, "completion_tokens": 10 } }),
    ]);
    let body = format!(": a comment\n\n{text}data: [DONE]\n\n");
    let server = serve(vec![ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")]).await;
    let completion = model(&streaming(&server.uri())).complete(&hello()).await.unwrap();
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let calls = vec![call("a", "ls", "{\"path\": 1}"), call("b", "cat", "{}")];
    let extras =
        Extras { message: json!({ "reasoning_content": "hm" }).as_object().unwrap().clone(), calls: Vec::new() };
    assert_eq!(completion.message, Message::assistant("Let me look", calls).with_extras(extras));
    assert_eq!(completion.finish_reason, FinishReason::ToolCalls);
    assert_eq!(completion.usage, Usage { prompt_tokens: 100, completion_tokens: 10, cached_tokens: 0 });
    assert!(completion.cost.is_some());
    let body = seen(&server, 0).await;
    assert_eq!((&body["stream"], &body["stream_options"]["include_usage"]), (&json!(true), &json!(true)));
}

async fn is_transient(text: String, length: usize) {
    let (url, _) = broken(vec![Deed::Send(raw("text/event-stream", &text, length))]).await;
    let err = model(&streaming(&url)).complete(&hello()).await.unwrap_err();
    assert!(matches!(err, ModelError::Transient { .. }), "{text}: {err:?}");
}

#[tokio::test]
async fn what_goes_wrong_in_mid_stream_is_transient() {
    let start = events(&[piece(json!({ "content": "half of" }), json!(null))]);
    is_transient(start.clone(), start.len()).await;
    is_transient(start.clone(), start.len() + 100).await;
    let done = format!("{start}data: [DONE]\n\n");
    is_transient(done.clone(), done.len()).await;
    let torn = format!("{start}data: {{\"choices\n\n");
    is_transient(torn.clone(), torn.len()).await;
    let failed = format!("{start}data: {}\n\n", json!({ "error": { "message": "overloaded" } }));
    is_transient(failed.clone(), failed.len()).await;
}

#[tokio::test]
async fn a_refusal_before_the_stream_is_typed() {
    let refusal = json!({ "error": { "message": "no", "code": "context_length_exceeded" } });
    let server = serve(vec![ResponseTemplate::new(400).set_body_json(refusal)]).await;
    let err = model(&streaming(&server.uri())).complete(&hello()).await.unwrap_err();
    assert!(matches!(err, ModelError::ContextLength(_)), "{err:?}");
}
