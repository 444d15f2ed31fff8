//! Requests and answers over real HTTP.

use agent_core::{FinishReason, Message, Request, ToolCall};
use expect_test::expect;
use llm::ModelConfig;
use serde_json::{Value, json};

use crate::server::{ask_once, bash, body, config, hello, model, ok, seen, serve};

fn call(id: &str, name: &str, arguments: Value) -> Value {
    json!({ "id": id, "type": "function", "function": { "name": name, "arguments": arguments } })
}

#[tokio::test]
async fn the_body_carries_settings_history_and_tools() {
    let server = serve(vec![ok(crate::server::answer("hi"))]).await;
    let config = ModelConfig {
        top_p: Some(0.5),
        max_output_tokens: Some(64),
        seed: Some(1),
        stop: vec!["END".to_owned()],
        extra: json!({ "repetition_penalty": 1.1, "seed": 2 }).as_object().unwrap().clone(),
        ..config(&server.uri())
    };
    let call = |arguments: &str| ToolCall { id: "c1".into(), name: "execute_bash".into(), arguments: arguments.into() };
    let calls = vec![call(r#"{"command":"ls"}"#), call("ls {"), call("")];
    let answer = Message::tool(&calls[0], "a.py");
    let request = Request { messages: vec![Message::assistant("", calls), answer], tools: vec![bash()] };
    model(&config).complete(&request).await.unwrap();
    let mut body = seen(&server, 0).await;
    body["tools"][0]["function"]["parameters"] = json!("…");
    let lines: Vec<String> = body.as_object().unwrap().iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    expect![[r#"
        model: "gpt-4o-2024-08-06"
        messages: [{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"execute_bash","arguments":"{\"command\":\"ls\"}"}},{"id":"c1","type":"function","function":{"name":"execute_bash","arguments":"{\"malformed_arguments\":\"ls {\"}"}},{"id":"c1","type":"function","function":{"name":"execute_bash","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"a.py"}]
        tools: [{"type":"function","function":{"name":"execute_bash","description":"Runs a command.","parameters":"…"}}]
        temperature: 0.0
        top_p: 0.5
        max_tokens: 64
        seed: 2
        stop: ["END"]
        stream: false
        repetition_penalty: 1.1
    "#]].assert_eq(&lines.concat());
}

#[tokio::test]
async fn content_comes_in_many_shapes_and_reasoning_is_no_part_of_it() {
    for (message, expected, kept) in [
        (json!({ "content": null }), "", 0),
        (json!({}), "", 0),
        (json!({ "content": "a", "reasoning_content": "secret thoughts", "reasoning": "more" }), "a", 2),
        (json!({ "content": [{ "type": "text", "text": "a" }, { "type": "thinking", "text": "x" }, "b"] }), "ab", 1),
        (json!({ "content": null, "refusal": "no" }), "no", 0),
    ] {
        let completion = ask_once(ok(body(message, json!("stop")))).await.unwrap();
        assert_eq!(completion.message.content, expected);
        let extras = completion.message.extras.map(|extras| extras.message.len()).unwrap_or_default();
        assert_eq!(extras, kept);
    }
}

#[tokio::test]
async fn an_unknown_finish_reason_is_kept_as_it_is() {
    for (reason, expected) in [
        (json!("stop"), FinishReason::Stop),
        (json!("length"), FinishReason::Length),
        (json!("tool_calls"), FinishReason::ToolCalls),
        (json!("content_filter"), FinishReason::ContentFilter),
        (json!("cosmic_ray"), FinishReason::Other("cosmic_ray".into())),
        (json!(null), FinishReason::Other(String::new())),
    ] {
        let completion = ask_once(ok(body(json!({ "content": "a" }), reason))).await.unwrap();
        assert_eq!(completion.finish_reason, expected);
    }
}

#[tokio::test]
async fn arguments_that_are_not_json_are_passed_on() {
    let calls = json!([
        call("a", "execute_bash", json!("{\"command\": \"ls")),
        call("b", "execute_bash", json!({ "command": "ls" })),
        call("c", "finish", json!(null)),
    ]);
    let completion = ask_once(ok(body(json!({ "content": "", "tool_calls": calls }), json!(null)))).await.unwrap();
    let arguments: Vec<&str> = completion.message.tool_calls.iter().map(|call| call.arguments.as_str()).collect();
    assert_eq!(arguments, ["{\"command\": \"ls", r#"{"command":"ls"}"#, ""]);
    assert_eq!(completion.finish_reason, FinishReason::ToolCalls);
    assert_eq!(completion.malformed, None);
}

#[tokio::test]
async fn missing_and_repeated_ids_are_made_unique_in_the_whole_conversation() {
    let nameless = json!({ "function": { "name": "x", "arguments": "{}" } });
    let calls = json!([call("same", "x", json!("{}")), call("same", "x", json!("{}")), nameless]);
    let server = serve(vec![ok(body(json!({ "tool_calls": calls }), json!("tool_calls")))]).await;
    let mut request = hello();
    let earlier = ["same", "call_5"].map(|id| ToolCall { id: id.into(), name: "x".into(), arguments: "{}".into() });
    request.messages.push(Message::assistant("", earlier.to_vec()));
    let completion = model(&config(&server.uri())).complete(&request).await.unwrap();
    let ids: Vec<&str> = completion.message.tool_calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["same_2", "same_3", "call_4"]);
}

#[tokio::test]
async fn several_calls_are_kept_cut_or_refused() {
    let calls = json!([call("a", "ls", json!("{}")), call("b", "rm", json!("{}"))]);
    let server = serve(vec![ok(body(json!({ "content": "now", "tool_calls": calls }), json!("tool_calls")))]).await;
    for (several_calls, expected) in
        [(llm::SeveralCalls::All, 2), (llm::SeveralCalls::First, 1), (llm::SeveralCalls::Refuse, 0)]
    {
        let model = model(&ModelConfig { several_calls, ..config(&server.uri()) });
        let completion = model.complete(&hello()).await.unwrap();
        assert_eq!(completion.message.tool_calls.len(), expected);
        assert_eq!(completion.message.content, "now");
        if expected == 0 {
            expect!["The message holds 2 tool calls (`ls`, `rm`), but only one at a time is allowed here. Send only the first one and wait for its result."].assert_eq(&completion.malformed.unwrap());
        }
    }
}
