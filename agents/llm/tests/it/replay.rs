//! Recordings, replays and resumed episodes.

use std::io::Write;
use std::sync::{Arc, Mutex};

use agent_core::{Completion, Message, Model, ModelError, Request, Trajectory};
use expect_test::expect;
use llm::{OnDivergence, Record, Replay, Script};
use serde_json::json;

const SCRIPT: &str = r#"
turns:
  - { content: "looking at {root}", calls: [{ name: bash, arguments: { command: "cat '{root}/a.py'" } }] }
  - error: context_length
  - { content: "done in {root}", usage: { prompt_tokens: 5, completion_tokens: 5 }, cost: 0.25 }
"#;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Plays three queries of a conversation in which `said` is what the first call showed.
async fn converse(model: &dyn Model, root: &str, said: &str) -> Vec<Result<Completion, ModelError>> {
    let mut request = Request { messages: vec![Message::user(format!("mend {root}"))], tools: Vec::new() };
    let first = model.complete(&request).await;
    let mut results = vec![first.clone()];
    let Ok(first) = first else { return results };
    let observation = Message::tool(&first.message.tool_calls[0], said);
    request.messages.extend([first.message, observation]);
    for _ in 0..2 {
        results.push(model.complete(&request).await);
    }
    results
}

fn plain(results: &[Result<Completion, ModelError>]) -> Vec<String> {
    let text = |result: &Result<Completion, ModelError>| match result {
        Ok(completion) => serde_json::to_string(completion).unwrap(),
        Err(err) => format!("{err:?}"),
    };
    results.iter().map(text).collect()
}

/// Records the script in one place and returns the recording.
async fn recorded() -> String {
    let out = Shared::default();
    let script = Arc::new(Script::parse(SCRIPT, "/testbed").unwrap());
    let record = Record::new(script, "/testbed", Box::new(out.clone()));
    converse(&record, "/testbed", "took 0.5 s\nin /testbed").await;
    let bytes = out.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_recording_is_replayed_elsewhere_word_for_word() {
    let text = recorded().await;
    assert_eq!(text.lines().count(), 3);
    let here = "/tmp/some where/testbed";
    let replay = Replay::parse(&text, here, OnDivergence::Fail).unwrap();
    let replayed = converse(&replay, here, &format!("took 12.0 s\nin {here}")).await;
    let script = Script::parse(SCRIPT, here).unwrap();
    assert_eq!(plain(&replayed), plain(&converse(&script, here, "").await));
    let over = replay.complete(&Request { messages: Vec::new(), tools: Vec::new() }).await.unwrap_err();
    expect!["the replay has no more answers, all 3 were used"].assert_eq(&over.to_string());
}

#[tokio::test]
async fn a_divergence_says_where_and_what() {
    let text = recorded().await;
    let replay = Replay::parse(&text, "/testbed", OnDivergence::Fail).unwrap();
    let results = converse(&replay, "/testbed", "took 0.7 s\nin /elsewhere").await;
    assert!(matches!(results[1], Err(ModelError::Permanent(_))));
    expect![[r#"
        the replay diverges at answer 2: message 3 (tool) differs
        recorded: `…in /testbed`
        now: `…in /elsewhere`
        hint: `model.on_divergence=ignore` continues regardless"#]]
    .assert_eq(&results[1].as_ref().unwrap_err().to_string());
    let replay = Replay::parse(&text, "/testbed", OnDivergence::Ignore).unwrap();
    let results = converse(&replay, "/testbed", "took 0.7 s\nin /elsewhere").await;
    assert_eq!(results[2].as_ref().unwrap().message.content, "done in /testbed");
}

#[tokio::test]
async fn a_recording_of_interleaved_episodes_is_matched_by_request() {
    let line = |question: &str, answer: &str| {
        let request = Request { messages: vec![Message::user(question)], tools: Vec::new() };
        let response = json!({ "message": { "role": "assistant", "content": answer }, "finish_reason": "stop" });
        format!("{}\n", json!({ "model": "m", "root": "/r", "request": request, "response": response }))
    };
    let text = line("a", "1") + &line("b", "2") + &line("a", "3") + "{\"model\": \"m\", \"ro";
    let replay = Replay::parse(&text, "/r", OnDivergence::Fail).unwrap();
    let mut answers = String::new();
    for question in ["b", "a", "a"] {
        let request = Request { messages: vec![Message::user(question)], tools: Vec::new() };
        answers += &replay.complete(&request).await.unwrap().message.content;
    }
    assert_eq!((answers.as_str(), replay.name()), ("213", "m"));
}

/// Returns the trajectory of the first `answers` queries of a conversation.
fn trajectory(answers: usize) -> Trajectory {
    let header = json!({
        "type": "header", "version": 1, "instance_id": "i", "environment": "e", "agent": "a", "model": "gpt-4o",
        "config": "c", "root": "/testbed", "sandbox": "local", "isolated": false, "history_kept": false, "tools": [],
    });
    let user = Message::user("mend /testbed");
    let call = json!({ "id": "c", "name": "bash", "arguments": "{\"command\":\"ls /testbed\"}" });
    let first = json!({ "role": "assistant", "content": "look", "tool_calls": [call] });
    let second = json!({ "role": "assistant", "content": "done" });
    let seen: Message = serde_json::from_value(json!({ "role": "tool", "content": "a.py", "name": "bash" })).unwrap();
    let mut messages = vec![user.clone()];
    let mut lines = vec![header, json!({ "type": "message", "step": 0, "message": user })];
    for (step, message) in [first, second].into_iter().enumerate().take(answers) {
        let request = Request { messages: messages.clone(), tools: Vec::new() }.fingerprint("/testbed");
        let completion = json!({ "message": message, "finish_reason": "stop", "cost": 0.5 });
        lines.push(json!({ "type": "completion", "step": step + 1, "request": request, "completion": completion, "seconds": 1.0 }));
        messages.push(serde_json::from_value(message).unwrap());
        if step == 0 {
            messages.push(seen.clone());
            let observation = json!({ "text": "a.py" });
            lines.push(
                json!({ "type": "observation", "step": 1, "call": call, "observation": observation, "seconds": 1.0 }),
            );
        }
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Trajectory::parse(&(text + "{\"type\": \"compl")).unwrap()
}

#[tokio::test]
async fn a_trajectory_is_replayed_and_its_divergence_named_by_step() {
    let here = "/tmp/x";
    let replay = Replay::of_trajectory(&trajectory(2), here, OnDivergence::Fail);
    assert_eq!(replay.name(), "gpt-4o");
    let results = converse(&replay, here, "a.py").await;
    let first = results[0].as_ref().unwrap();
    assert_eq!(first.message.tool_calls[0].arguments, "{\"command\":\"ls /tmp/x\"}");
    assert_eq!(results[1].as_ref().unwrap().message.content, "done");
    let replay = Replay::of_trajectory(&trajectory(2), here, OnDivergence::Fail);
    let results = converse(&replay, here, "b.py").await;
    expect![[r#"
        the replay diverges at answer 2 (step 2): message 3 (tool) differs
        recorded: `a.py`
        now: `b.py`
        hint: `model.on_divergence=ignore` continues regardless"#]]
    .assert_eq(&results[1].as_ref().unwrap_err().to_string());
}
