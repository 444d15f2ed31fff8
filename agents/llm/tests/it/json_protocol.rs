//! Calls in JSON over real HTTP.

use agent_core::{FinishReason, Message, Request, ToolCall};
use expect_test::{Expect, expect};
use llm::{ModelConfig, SeveralCalls, ToolCalls};
use serde_json::{Value, json};

use crate::server::{answer, bash, body, config, model, ok, seen, serve};

fn in_json(url: &str) -> ModelConfig {
    ModelConfig { tool_calls: ToolCalls::Json, several_calls: SeveralCalls::Refuse, ..config(url) }
}

fn request() -> Request {
    let arguments = r#"{"command":"ls\npwd"}"#.to_owned();
    let call = ToolCall { id: "call_0".into(), name: "execute_bash".into(), arguments };
    let result = Message::tool(&call, "a.py");
    let start = [Message::system("Be good."), Message::user("Mend it.")];
    let messages = start.into_iter().chain([Message::assistant("Both.", vec![call]), result]).collect();
    Request { messages, tools: vec![bash()] }
}

#[tokio::test]
async fn calls_travel_in_json() {
    let reply = "I list.\n\n```json\n{\"view\": [1, 2],}\n```\n<command>\nls \\\n  -l\n</command>\n";
    let server = serve(vec![ok(answer(reply))]).await;
    let completion = model(&in_json(&server.uri())).complete(&request()).await.unwrap();
    expect![[r#"
        Message {
            role: Assistant,
            content: "I list.",
            tool_calls: [
                ToolCall {
                    id: "call_1",
                    name: "execute_bash",
                    arguments: "{\"view\":[1,2],\"command\":\"ls \\\\\\n  -l\"}",
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
    assert_eq!((body.get("stop"), body.get("tools")), (None, None));
    let messages = body["messages"].as_array().unwrap();
    assert!(messages[0]["content"].as_str().unwrap().starts_with("Be good.\n\nYou work with a tool."));
    expect![[r#"
        [
          {
            "role": "user",
            "content": "Mend it."
          },
          {
            "role": "assistant",
            "content": "Both.\n\n<command>\nls\npwd\n</command>"
          },
          {
            "role": "user",
            "content": "EXECUTION RESULT of [execute_bash]:\na.py"
          }
        ]"#]]
    .assert_eq(&serde_json::to_string_pretty(&messages[1..]).unwrap());
}

/// Checks what is told to a model that answered with `text`.
async fn told(text: &str, finish_reason: &str, several: bool, expected: Expect) {
    let server = serve(vec![ok(body(json!({ "content": text }), Value::from(finish_reason)))]).await;
    let mut request = request();
    if several {
        request.tools.push(agent_core::ToolSpec { name: "finish".to_owned(), ..bash() });
    }
    let completion = model(&in_json(&server.uri())).complete(&request).await.unwrap();
    assert_eq!(completion.message, Message::assistant(text, Vec::new()));
    expected.assert_eq(&completion.malformed.unwrap_or_default());
}

#[tokio::test]
async fn what_cannot_be_read_is_told_to_the_model() {
    told("{\"command\": \"ls", "length", false, expect!["The message reached its length limit in the middle of the call. Say less before the call, or do the work in smaller parts, such as a file written in several edits."]).await;
    told("{\"command\": \"ls", "stop", false, expect![[r#"The JSON object is broken at line 1, column 13 of the message, at `"ls`: the string that begins there has no closing quote. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("{\"command\": \"echo \"a\"\"}", "stop", false, expect![[r#"The JSON object is broken at line 1, column 20 of the message, at `a""}`: a comma, or the end of the object or list, is expected. A quote inside a string is written as \". A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("So:\n{\"command\": ls}", "stop", false, expect![[r#"The JSON object is broken at line 2, column 13 of the message, at `ls}`: a value is expected. Strings are written in double quotes. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("{\"command\": [1, {\"a\": 2}", "stop", true, expect![[r#"The JSON object is broken at line 1, column 13 of the message, at `[1, {"a": 2}`: the object or list that opens there is not closed. A call has this form: {"tool": "name", "arguments": {"parameter": "value"}}; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told(&"{\"command\":".repeat(200), "stop", false, expect![[r#"The JSON object is broken at line 1, column 1420 of the message, at `{"command":{"command":{"command":{"comma`: values are nested too deeply. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("{\"command\": 1, ]}", "stop", false, expect![[r#"The JSON object is broken at line 1, column 16 of the message, at `]}`: a key in double quotes is expected. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("{\"command\" 1}", "stop", false, expect![[r#"The JSON object is broken at line 1, column 12 of the message, at `1}`: a colon is expected after the key. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("{\"cmd\": 1}", "stop", false, expect![[r#"The JSON object has none of the parameters of `execute_bash`, which are: `command`, `view`, `mode`. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("<mode>\nfast\n</mode>", "stop", false, expect![[r#"Between tags, these required parameters are missing: `command`. Give them in the JSON object before the tags. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("<mode>\nfast\n<command>\nls\n</command>", "stop", false, expect![[r#"The value of `mode` does not end: <mode> needs </mode> on a separate line after the value. A call has this form: {"parameter": "value"}, with the parameters of `execute_bash`; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("{\"command\": \"ls\"}", "stop", true, expect![[r#"The call does not name a tool, of which there are several: `execute_bash`, `finish`. A call has this form: {"tool": "name", "arguments": {"parameter": "value"}}; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("```\nls\n```", "stop", true, expect![[r#"There is no JSON object with a call in the message. A call has this form: {"tool": "name", "arguments": {"parameter": "value"}}; text of several lines may follow it between tags with the name of the parameter."#]]).await;
    told("I am done.", "stop", true, expect![""]).await;
}

#[tokio::test]
async fn without_tools_json_is_text() {
    let text = "{\"command\": \"ls\"}";
    let server = serve(vec![ok(answer(text))]).await;
    let plain = Request { tools: Vec::new(), ..request() };
    let completion = model(&in_json(&server.uri())).complete(&plain).await.unwrap();
    assert_eq!(completion.message, Message::assistant(text, Vec::new()));
    assert_eq!(seen(&server, 0).await["messages"][0]["content"], "Be good.");
}
