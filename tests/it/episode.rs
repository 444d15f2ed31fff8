//! Episodes of the CodeAct agent with scripted models in a local sandbox.

use std::time::Duration;

use agent_core::{ContextConfig, ContextStrategy, ExitStatus, Limit, Limits, Record, Role};
use codeact::{CodeAct, Config};
use serde_json::{Value, json};

use crate::scripted::{call, say};

type Case = crate::case::Case<CodeAct>;

fn bash(command: &str) -> Value {
    call("bash", json!({ "command": command }))
}

fn finish() -> Value {
    call("finish", json!({}))
}

#[tokio::test]
async fn a_submission_carries_the_patch_and_every_event_is_recorded() {
    let ran = Case::of(vec![bash("echo 'X = 1' > lru/new.py"), finish()]).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let patch = ran.outcome.patch.unwrap().0;
    assert!(patch.contains("+++ b/lru/new.py") && patch.contains("+X = 1"), "{patch}");
    let kinds: Vec<&str> = ran
        .records
        .iter()
        .map(|record| match record {
            Record::Header(_) => "header",
            Record::Conversation { .. } => "conversation",
            Record::Message { .. } => "message",
            Record::TooLong { .. } => "too long",
            Record::RecordCut { .. } => "cut",
            Record::Completion { .. } => "completion",
            Record::Observation { .. } => "observation",
            Record::Outcome(_) => "outcome",
        })
        .collect();
    let expected =
        ["header", "message", "message", "completion", "observation", "completion", "observation", "outcome"];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn each_limit_ends_the_episode_and_keeps_the_patch() {
    let edit = || bash("echo changed >> README.md");
    let turns = || vec![edit(), bash("sleep 20"), bash("true"), finish()];
    let cases = [
        (Limits { steps: Some(1), ..Limits::default() }, Limit::Steps),
        (Limits { tokens: Some(10), ..Limits::default() }, Limit::Tokens),
        (Limits { cost: Some(0.01), ..Limits::default() }, Limit::Cost),
        (Limits { time: Some(1.5), ..Limits::default() }, Limit::Time),
    ];
    for (limits, limit) in cases {
        let begun = std::time::Instant::now();
        let ran = Case { limits, ..Case::of(turns()) }.run().await;
        assert_eq!(ran.outcome.exit_status, ExitStatus::Limit(limit));
        assert!(ran.outcome.patch.unwrap().0.contains("+changed"), "{limit:?} lost the patch");
        assert!(begun.elapsed() < Duration::from_secs(15), "{limit:?} waited for the command");
    }
}

#[tokio::test]
async fn an_answer_without_a_call_is_nudged_and_in_the_end_given_up() {
    let config = Config { max_idle: 3, ..Config::default() };
    let turns = vec![say("one"), say("two"), say("three"), finish()];
    let ran = Case { config, ..Case::of(turns) }.run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Limit(Limit::Idle));
    let nudges = ran.told().iter().filter(|text| text.starts_with("No tool was called")).count();
    assert_eq!(nudges, 2);
    assert!(ran.told().iter().any(|text| text.contains("the last reminder")));
}

#[tokio::test]
async fn a_call_that_cannot_be_run_is_answered_with_what_was_wrong() {
    let raw = |name: &str, arguments: &str| json!({ "calls": [{ "name": name, "raw": arguments }] });
    let turns = vec![
        raw("bash", "{\"command\": "),
        raw("grep", "{}"),
        raw("str_replace_editor", "{\"command\": \"erase\", \"path\": \"/x\"}"),
        raw("bash", "[1]"),
        raw("str_replace_editor", "{\"command\": \"view\", \"path\": \"README.md\", \"view_range\": \"[1, 2]\"}"),
        json!({ "calls": [], "malformed": "`<parameter=command>` is not closed" }),
        finish(),
    ];
    let ran = Case::of(turns).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let told = ran.told().join("\n---\n");
    for words in [
        "the arguments of `bash` are not valid JSON",
        "unknown tool `grep`; the tools are `bash`, `str_replace_editor`",
        "unknown variant `erase`",
        "must be a JSON object",
        "`<parameter=command>` is not closed",
    ] {
        assert!(told.contains(words), "`{words}` is missing in\n{told}");
    }
    assert!(ran.outcome.patch.unwrap().is_empty());
}

#[tokio::test]
async fn calls_beside_finish_are_run_and_answered_in_order() {
    let both = |first: Value, second: Value| json!({ "calls": [first["calls"][0], second["calls"][0]] });
    for turn in [both(bash("echo a >> README.md"), finish()), both(finish(), bash("echo a >> README.md"))] {
        let ran = Case::of(vec![turn.clone(), say("more")]).run().await;
        assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
        assert!(ran.outcome.patch.unwrap().0.contains("+a"), "{turn}");
        let answered = ran.records.iter().filter_map(|record| match record {
            Record::Observation { call, .. } => Some(call.name.as_str()),
            _ => None,
        });
        let called = turn["calls"].as_array().unwrap().iter().map(|call| call["name"].as_str().unwrap());
        assert_eq!(answered.collect::<Vec<_>>(), called.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_tools_tell_may_be_overridden() {
    let turns = || vec![bash("true"), bash("exit 3"), finish()];
    let prompts = &[("texts/bash.md", "## no_output\n\nall quiet\n")];
    let ran = Case { prompts, ..Case::of(turns()) }.run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let told = ran.told();
    assert!(told.iter().any(|text| text == "[all quiet]"), "{told:?}");
    assert!(told.iter().any(|text| text.contains("[exit code 3]")), "{told:?}");
    // As with every template, a value that there is not ends the episode.
    let prompts = &[("texts/bash.md", "## no_output\n\nall quiet in {{ town }}\n")];
    let ran = Case { prompts, ..Case::of(turns()) }.run().await;
    let ExitStatus::AgentFailed(why) = ran.outcome.exit_status else { panic!("{:?}", ran.outcome.exit_status) };
    assert!(why.contains("bash/no_output"), "{why}");
}

#[tokio::test]
async fn an_answer_that_was_cut_off_is_told_as_that() {
    let cut = |raw: &str| json!({ "calls": [{ "name": "bash", "raw": raw }], "cut": true });
    let turns = vec![cut("{\"command\": \"echo 1"), json!({ "content": "So I", "cut": true }), finish()];
    let ran = Case::of(turns).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    assert_eq!(ran.told().iter().filter(|text| text.contains("was cut off at its length limit")).count(), 2);
    let ran = Case::of(vec![cut("{\"command\": \"echo whole\"}"), finish()]).run().await;
    assert!(ran.told().iter().any(|text| text.trim() == "whole"), "{:?}", ran.told());
}

#[tokio::test]
async fn a_key_that_a_command_prints_is_neither_shown_nor_recorded() {
    let print = "key=sk-of-the; echo $key-test-1; echo $key-test-1 > key.txt";
    let ran = Case::of(vec![bash(print), finish()]).run().await;
    assert!(ran.told().iter().any(|text| text.trim() == "[redacted TEST_KEY]"), "{:?}", ran.told());
    let patch = ran.outcome.patch.unwrap().0;
    assert!(patch.contains("+[redacted TEST_KEY]"), "{patch}");
    let requests = format!("{:?}", ran.requests);
    let records = serde_json::to_string(&ran.records).unwrap();
    assert!(!requests.contains("sk-of-the-test-1") && !records.contains("sk-of-the-test-1"));
}

#[tokio::test]
async fn an_agent_in_circles_is_stopped_unless_told_otherwise() {
    let turns = || vec![bash("false"), bash("false"), bash("false"), bash("false"), finish()];
    let ran = Case::of(turns()).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Limit(Limit::Stuck));
    let limits = Limits { stuck: false, ..Limits::default() };
    let ran = Case { limits, ..Case::of(turns()) }.run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
}

#[tokio::test]
async fn a_long_observation_is_cut_for_the_model_and_whole_in_the_record() {
    let limits = Limits { observation: 100, ..Limits::default() };
    let ran = Case { limits, ..Case::of(vec![bash("seq 1000"), finish()]) }.run().await;
    let shown = ran.last().iter().find(|message| message.role == Role::Tool).unwrap();
    assert!(shown.content.len() < 200 && shown.content.contains("characters left out"), "{}", shown.content);
    assert!(shown.content.starts_with("1\n2\n") && shown.content.contains("1000"), "{}", shown.content);
    assert!(ran.told().iter().any(|text| text.len() > 3000 && text.contains("\n500\n")));
}

#[tokio::test]
async fn each_context_strategy_does_what_it_says() {
    let overflow = || json!({ "error": "context_length" });
    let turns = || vec![bash("echo one"), bash("echo two"), bash("echo three"), overflow(), finish()];
    let context = |strategy| ContextConfig { strategy, keep_observations: 2, ..ContextConfig::default() };

    let ran = Case { context: context(ContextStrategy::Fail), ..Case::of(turns()) }.run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Limit(Limit::Context));

    let ran = Case { context: context(ContextStrategy::DropOldest), ..Case::of(turns()) }.run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let texts: Vec<&str> = ran.last().iter().map(|message| message.content.trim()).collect();
    assert!(texts[1].contains("<issue>") && texts.contains(&"three") && !texts.contains(&"one"), "{texts:?}");

    let ran = Case { context: context(ContextStrategy::MaskObservations), ..Case::of(turns()) }.run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let texts: Vec<&str> = ran.last().iter().map(|message| message.content.trim()).collect();
    assert!(texts.contains(&"three") && !texts.contains(&"two") && !texts.contains(&"one"), "{texts:?}");
    assert_eq!(texts.iter().filter(|text| text.contains("no longer shown")).count(), 2);
}

#[tokio::test]
async fn a_model_that_fails_is_infrastructure() {
    let ran = Case::of(vec![bash("true"), json!({ "error": "permanent" })]).run().await;
    assert!(matches!(ran.outcome.exit_status, ExitStatus::ModelFailed(_)));
    assert_eq!(ran.outcome.exit_status.class(), agent_core::OutcomeClass::Infrastructure);
}

#[tokio::test]
async fn the_environment_of_the_program_stays_out_of_a_local_sandbox() {
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok());
    let ran = Case::of(vec![bash("env; tr '\\0' '\\n' < /proc/self/environ"), finish()]).run().await;
    let shown = ran.told().join("\n");
    assert!(shown.contains("PATH="), "{shown}");
    for name in ["CARGO_MANIFEST_DIR", "OPENAI", "API_KEY"] {
        assert!(!shown.contains(name), "`{name}` is in the sandbox:\n{shown}");
    }
}

#[tokio::test]
async fn a_deleted_baseline_is_put_back_and_a_file_too_large_is_told_and_left_out() {
    let turns = vec![bash("echo changed >> README.md; rm -rf ../../scratch/base.git"), finish()];
    let ran = Case::of(turns).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    assert!(ran.outcome.patch.unwrap().0.contains("+changed"));

    let turns = vec![bash("echo fix >> README.md; head -c 80000000 /dev/urandom > large.bin"), finish(), finish()];
    let ran = Case::of(turns).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let patch = ran.outcome.patch.clone().unwrap().0;
    assert!(patch.contains("+fix") && !patch.contains("large.bin"), "{patch}");
    assert_eq!(ran.outcome.left_out.len(), 1);
    let told = ran.told();
    assert!(told.iter().any(|text| text.contains("`large.bin` (80000000 bytes, too large for a patch)")), "{told:?}");
}

#[tokio::test]
async fn what_still_runs_in_the_background_does_not_keep_the_patch_from_being_taken() {
    let turns =
        vec![bash("echo kept > kept.txt; (while :; do echo more >> growing.txt; done) & echo started"), finish()];
    let ran = Case::of(turns).run().await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    assert!(ran.outcome.patch.unwrap().0.contains("+kept"));
}
