//! Calls in text over real HTTP.

use agent_core::{FinishReason, Message, Request, ToolCall};
use expect_test::expect;
use llm::{ModelConfig, SeveralCalls, ToolCalls};
use serde_json::{Value, json};

use crate::server::{answer, bash, body, config, model, ok, seen, serve};

fn in_text(url: &str) -> ModelConfig {
    ModelConfig { tool_calls: ToolCalls::Text, ..config(url) }
}

fn request() -> Request {
    let call =
        |id: &str| ToolCall { id: id.into(), name: "execute_bash".into(), arguments: r#"{"command":"ls"}"#.into() };
    let calls = vec![call("call_0"), call("call_1")];
    let results = [Message::tool(&calls[0], "a.py"), Message::tool(&calls[1], "a.py")];
    let start = [Message::system("Be good."), Message::user("Mend it."), Message::assistant("Both.", calls)];
    Request { messages: start.into_iter().chain(results).collect(), tools: vec![bash()] }
}

#[tokio::test]
async fn calls_travel_in_text_and_end_at_the_stop_word() {
    let reply = "I list.\n\n<function=execute_bash>\n<parameter=command>\nls \\\n  -l\n</parameter>\n<parameter=view>[1, 2]</parameter>\n";
    let server = serve(vec![ok(answer(reply))]).await;
    let completion = model(&in_text(&server.uri())).complete(&request()).await.unwrap();
    expect![[r#"
        Message {
            role: Assistant,
            content: "I list.",
            tool_calls: [
                ToolCall {
                    id: "call_2",
                    name: "execute_bash",
                    arguments: "{\"command\":\"ls \\\\\\n  -l\",\"view\":\"[1, 2]\"}",
                },
            ],
            tool_call_id: None,
            name: None,
            extras: None,
        }
    "#]]
    .assert_debug_eq(&completion.message);
    assert_eq!((completion.finish_reason, completion.malformed), (FinishReason::ToolCalls, None));
    assert!(completion.cost.is_some());
    let body = seen(&server, 0).await;
    assert_eq!((&body["stop"], body.get("tools")), (&json!(["</function"]), None));
    let messages = body["messages"].as_array().unwrap();
    assert!(messages[0]["content"].as_str().unwrap().starts_with("Be good.\n\n"));
    expect![[r#"
        [
          {
            "role": "user",
            "content": "Mend it."
          },
          {
            "role": "assistant",
            "content": "Both.\n\n<function=execute_bash>\n<parameter=command>ls</parameter>\n</function>\n\n<function=execute_bash>\n<parameter=command>ls</parameter>\n</function>"
          },
          {
            "role": "user",
            "content": "EXECUTION RESULT of [execute_bash]:\na.py"
          },
          {
            "role": "user",
            "content": "EXECUTION RESULT of [execute_bash]:\na.py"
          }
        ]"#]].assert_eq(&serde_json::to_string_pretty(&messages[1..]).unwrap());
}

#[tokio::test]
async fn what_cannot_be_read_is_told_to_the_model() {
    let text = "<function=execute_bash>\n<parameter=command>ls\n";
    for (finish_reason, expected) in [
        ("stop", expect!["In the call of `execute_bash`, the parameter `command` does not end with </parameter>."]),
        (
            "length",
            expect![
                "The message reached its length limit in the middle of the call. Say less before the call, or do the work in smaller parts, such as a file written in several edits."
            ],
        ),
    ] {
        let server = serve(vec![ok(body(json!({ "content": text }), Value::from(finish_reason)))]).await;
        let completion = model(&in_text(&server.uri())).complete(&request()).await.unwrap();
        assert_eq!(completion.message, Message::assistant(text, Vec::new()));
        expected.assert_eq(&completion.malformed.unwrap());
    }
}

#[tokio::test]
async fn several_calls_in_text_are_kept_cut_or_refused() {
    let one = "<function=execute_bash>\n<parameter=command>ls</parameter>\n</function>\n";
    let server = serve(vec![ok(answer(&one.repeat(3)))]).await;
    for (several_calls, expected) in [(SeveralCalls::All, 3), (SeveralCalls::First, 1), (SeveralCalls::Refuse, 0)] {
        let model = model(&ModelConfig { several_calls, ..in_text(&server.uri()) });
        let completion = model.complete(&request()).await.unwrap();
        let ids: Vec<&str> = completion.message.tool_calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(ids, ["call_2", "call_3", "call_4"][..expected]);
        assert_eq!(completion.malformed.is_some(), expected == 0);
    }
}

#[tokio::test]
async fn without_tools_text_is_text() {
    let text = "<function=execute_bash>\n<parameter=command>ls</parameter>\n</function>";
    let server = serve(vec![ok(answer(text))]).await;
    let plain = Request { tools: Vec::new(), ..request() };
    let completion = model(&in_text(&server.uri())).complete(&plain).await.unwrap();
    assert_eq!(completion.message, Message::assistant(text, Vec::new()));
    assert_eq!(seen(&server, 0).await["messages"][0]["content"], "Be good.");
}
