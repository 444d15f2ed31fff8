//! Answers written by hand.

use agent_core::{FinishReason, Model, ModelError, Usage};
use expect_test::expect;
use llm::Script;

use crate::server::hello;

const TEXT: &str = r#"
model: puppet
turns:
  - content: look around {root}
    calls:
      - { name: bash, arguments: { command: "ls '{root}'", depth: 2 } }
      - { name: bash, arguments: "{not json {root}" }
      - { name: finish }
    usage: { prompt_tokens: 7, completion_tokens: 3 }
  - { content: done, finish_reason: length, cost: 0.5, malformed: torn }
  - error: transient
  - error: context_length
  - error: permanent
"#;

#[tokio::test]
async fn turns_are_played_in_order_and_then_end() {
    let script = Script::parse(TEXT, "/tmp/a \"b\"").unwrap();
    assert_eq!(script.name(), "puppet");
    let first = script.complete(&hello()).await.unwrap();
    expect![[r#"
        Message {
            role: Assistant,
            content: "look around /tmp/a \"b\"",
            tool_calls: [
                ToolCall {
                    id: "call_0",
                    name: "bash",
                    arguments: "{\"command\":\"ls '/tmp/a \\\"b\\\"'\",\"depth\":2}",
                },
                ToolCall {
                    id: "call_1",
                    name: "bash",
                    arguments: "{not json /tmp/a \\\"b\\\"",
                },
                ToolCall {
                    id: "call_2",
                    name: "finish",
                    arguments: "{}",
                },
            ],
            tool_call_id: None,
            name: None,
            extras: None,
        }
    "#]]
    .assert_debug_eq(&first.message);
    assert_eq!(first.usage, Usage { prompt_tokens: 7, completion_tokens: 3, cached_tokens: 0 });
    assert_eq!((first.finish_reason, first.cost), (FinishReason::ToolCalls, Some(0.0)));
    let second = script.complete(&hello()).await.unwrap();
    assert_eq!((second.finish_reason, second.cost), (FinishReason::Length, Some(0.5)));
    assert_eq!(second.malformed.as_deref(), Some("torn"));
    assert!(matches!(script.complete(&hello()).await, Err(ModelError::Transient { .. })));
    assert!(matches!(script.complete(&hello()).await, Err(ModelError::ContextLength(_))));
    assert!(matches!(script.complete(&hello()).await, Err(ModelError::Permanent(_))));
    let ended = script.complete(&hello()).await.unwrap_err();
    expect!["the script ended, all 5 turns were used"].assert_eq(&ended.to_string());
}

#[test]
fn a_script_with_an_unknown_key_is_refused() {
    let err = Script::parse("turns: [{contents: x}]", "/").unwrap_err();
    expect!["turns[0]: unknown field `contents`, expected one of `content`, `calls`, `usage`, `cost`, `finish_reason`, `malformed`, `error` at line 1 column 10"].assert_eq(&err);
}
