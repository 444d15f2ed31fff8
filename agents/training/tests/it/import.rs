//! Each format from a small file, and what is the same for all.

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use journal::Run;
use serde_json::{Value, json};

use crate::shown::{held, imported};

/// Imports one file of this name and content, and checks what the run holds then.
fn check(name: &str, content: &str, expected: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, content).unwrap();
    let counts = imported(folder.path(), &[file]);
    assert!(counts[0].errors.is_empty(), "{:?}", counts[0].errors);
    expected.assert_eq(&held(&folder.path().join("run")));
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

fn call(id: &str) -> Value {
    json!([{ "id": id, "type": "function", "function": { "name": "bash", "arguments": "{\"command\": \"ls\"}" } }])
}

#[test]
fn labelled_rows() {
    let row = json!({
        "traj_id": "t/1", "scaffold": "some agent 1.0", "model": "m/x", "run": 1, "instance_id": "a__b-1", "resolved": true,
        "patch": "diff --git a/x b/x\n", "exit_status": "submitted (exit_cost)",
        "messages": [
            { "role": "system", "content": [{ "type": "text", "text": "rules", "cache_control": {} }] },
            { "role": "user", "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] },
            { "role": "assistant", "content": null, "tool_calls": call("c1") },
            { "role": "tool", "content": "x.py", "tool_call_id": "c1", "name": "bash" },
            { "role": "assistant", "content": "done" },
            { "role": "exit", "content": "Submitted" },
        ],
    });
    check(
        "rows.jsonl",
        &lines(&[row]),
        &expect![[r#"
            some-agent-1.0+m-x a__b-1 0: limit_cost, Solved, patch Some("diff --git a/x b/x\n")
              system "rules"
              user "one\ntwo"
              assistant "" [c1 bash {"command": "ls"}]*
              tool "x.py" <c1>
              assistant "done"*
              user "Submitted"
        "#]],
    );
}

#[test]
fn trajectories_of_mini_swe_agent() {
    let file = json!({
        "info": {
            "exit_status": "LimitsExceeded", "submission": "", "mini_version": "2.0",
            "model_stats": { "instance_cost": 0.5, "api_calls": 1 }, "config": { "model": { "model_name": "m" } },
        },
        "messages": [
            { "role": "user", "content": "u" },
            {
                "role": "assistant", "content": "", "tool_calls": call("c1"),
                "extra": { "cost": 0.25, "response": { "usage": { "prompt_tokens": 7, "completion_tokens": 3 } } },
            },
            { "role": "tool", "tool_call_id": "c1", "content": "no", "extra": { "returncode": 1 } },
        ],
        "trajectory_format": "mini-swe-agent-1.1",
    });
    // Written over many lines, and named after its instance.
    check(
        "a__b-1.traj.json",
        &serde_json::to_string_pretty(&file).unwrap(),
        &expect![[r#"
            mini-swe-agent-2.0+m a__b-1 0: limit_cost, Empty, patch Some("")
              user "u"
              assistant "" [c1 bash {"command": "ls"}]*
              tool "no" <c1>
        "#]],
    );
}

#[test]
fn trajectories_of_swe_agent() {
    let file = json!({
        "environment": "main",
        "trajectory": [
            { "action": "ls\n", "observation": "x.py", "response": "r", "state": "{}", "execution_time": 0.5 },
            { "action": "submit\n", "observation": "", "response": "left", "state": "{}" },
        ],
        "history": [
            { "role": "system", "content": "s", "agent": "primary" },
            { "role": "assistant", "content": "a demonstration", "is_demo": true },
            { "role": "assistant", "content": "r", "thought": "r", "action": "ls\n", "tool_calls": call("c1") },
            { "role": "tool", "content": [{ "type": "text", "text": "x.py" }], "tool_call_ids": ["c1"] },
        ],
        "info": { "exit_status": "exit_context", "submission": "d", "model_stats": { "tokens_sent": 9 } },
    });
    check(
        "a__b.c-12.traj",
        &file.to_string(),
        &expect![[r#"
            SWE-agent a__b.c-12 0: limit_context, Unfinished, patch Some("d")
              system "s"
              assistant "a demonstration"
              assistant "r" [c1 bash {"command": "ls"}]*
              tool "x.py" <c1>
        "#]],
    );
}

#[test]
fn candidate_patches() {
    let rows = [
        json!({ "instance_id": "a__b-1", "source": "s", "run": 1, "patch": "d", "resolved": true }),
        json!({ "instance_id": "a__b-1", "source": "s", "run": 1, "patch": "d", "resolved": true }),
        json!({ "instance_id": "a__b-1", "source": "s", "run": 2, "patch": "", "resolved": false }),
        json!({ "instance_id": "a__b-2", "issue": "i", "patches": ["d", "e"], "success_id": [0, 1] }),
    ];
    check(
        "candidates.jsonl",
        &lines(&rows),
        &expect![[r#"
            imported a__b-2 0: -, Unsolved, patch Some("d")
            imported a__b-2 1: -, Solved, patch Some("e")
            s a__b-1 0: -, Solved, patch Some("d")
            s a__b-1 1: -, Solved, patch Some("d")
            s a__b-1 2: -, Empty, patch Some("")
        "#]],
    );
}

#[test]
fn trajectories_of_moatless() {
    let rows = [
        json!({
            "name": "AgenticLoop", "initial_message": "issue",
            "transitions": [
                { "name": "Pending", "actions": [] },
                { "name": "Search", "state": { "model": "m" }, "actions": [
                    { "action": { "query": "q" }, "retry_message": "no", "input_tokens": 5, "output_tokens": 2 },
                    { "action": { "query": "r" }, "output": { "message": "found" }, "completion_cost": 0.5 },
                ] },
            ],
            "info": { "instance_id": "a__b-1", "submission": "d", "status": "finished" },
        }),
        json!({
            "name": "moatless", "input": { "problem_statement": "issue" },
            "steps": [{ "name": "Loop", "thought": "t", "actions": [{ "name": "finish", "input": { "reason": "r" } }] }],
            "info": { "instance_id": "a__b-2", "error": "broke" },
        }),
    ];
    check(
        "trajs.jsonl",
        &lines(&rows),
        &expect![[r#"
            moatless-tools a__b-2 0: gave_up, Unfinished, patch None
              user "issue"
              assistant "t" [action-1 finish {"reason":"r"}]*
            moatless-tools+m a__b-1 0: submitted, Unfinished, patch Some("d")
              user "issue"
              assistant "" [action-1 Search {"query":"q"}]*
              tool "no" <action-1>
              assistant "" [action-2 Search {"query":"r"}]*
              tool "found" <action-2>
        "#]],
    );
}

#[test]
fn rollouts_of_nemo_gym() {
    let text = |text: &str| json!([{ "type": "output_text", "text": text, "annotations": [], "logprobs": null }]);
    let row = json!({
        "responses_create_params": {
            "input": [{ "role": "user", "content": "u" }], "model": "m",
            "tools": [{ "type": "function", "name": "bash", "parameters": {} }],
            "metadata": { "instance_id": "a__b-1", "golden_patch": "secret" },
        },
        "response": { "output": [
            { "type": "message", "role": "assistant", "content": text("a"), "id": "m1" },
            { "type": "function_call", "call_id": "c1", "name": "bash", "arguments": "{}" },
            { "type": "function_call", "call_id": "c2", "name": "bash", "arguments": "{}" },
            { "type": "function_call_output", "call_id": "c1", "output": "o1" },
            { "type": "function_call_output", "call_id": "c2", "output": "o2" },
            { "type": "message", "role": "assistant", "content": text("b") },
        ] },
        "resolved": 1.0, "metadata": { "agent_framework": "openhands" },
    });
    check(
        "rollouts.jsonl",
        &lines(&[row]),
        &expect![[r#"
            openhands+m a__b-1 0: submitted, Solved, patch None
              user "u"
              assistant "a" [c1 bash {}] [c2 bash {}]*
              tool "o1" <c1>
              tool "o2" <c2>
              assistant "b"*
        "#]],
    );
}

#[test]
fn released_rows_of_swe_gym() {
    let row = json!({
        "instance_id": "a__b-1", "run_id": "CodeActAgent/gpt-4o-2024-08-06_maxiter_30_N_v2.1-no-hint-run_1",
        "resolved": false, "tools": "[{\"type\": \"function\", \"function\": {\"name\": \"bash\"}}]",
        "messages": [
            { "role": "user", "content": "u", "tool_calls": null },
            { "role": "assistant", "content": "", "tool_calls": call("c1"), "function_call": null },
            { "role": "tool", "content": "o", "tool_call_id": "c1", "name": "bash" },
        ],
        "test_result": { "git_patch": "d", "report": { "resolved": false } },
    });
    check(
        "train.json",
        &json!([row]).to_string(),
        &expect![[r#"
            CodeActAgent+gpt-4o-2024-08-06 a__b-1 0: submitted, Unsolved, patch Some("d")
              user "u"
              assistant "" [c1 bash {"command": "ls"}]*
              tool "o" <c1>
        "#]],
    );
}

#[test]
fn trajectories_of_harbor() {
    let file = json!({
        "schema_version": "ATIF-v1.8", "agent": { "name": "a", "version": "1", "model_name": "m" },
        "steps": [
            { "step_id": 1, "source": "user", "message": "u" },
            { "step_id": 2, "source": "agent", "message": "copied", "is_copied_context": true },
            {
                "step_id": 3, "source": "agent", "message": "a", "reasoning_content": "why",
                "tool_calls": [{ "tool_call_id": "c1", "function_name": "bash", "arguments": { "command": "ls" } }],
                "observation": { "results": [{ "source_call_id": "c1", "content": "o" }] },
                "metrics": { "prompt_tokens": 7, "completion_tokens": 3, "cost_usd": 0.5, "completion_token_ids": [1, 2] },
            },
        ],
    });
    check(
        "a__b-1.json",
        &file.to_string(),
        &expect![[r#"
            a+m a__b-1 0: submitted, Unfinished, patch None
              user "u"
              assistant "copied"
              assistant "a" [c1 bash {"command":"ls"}]*
              tool "o" <c1>
        "#]],
    );
}

#[test]
fn output_of_openhands() {
    let response = json!({ "id": "r1", "choices": [{ "message": {
        "role": "assistant", "content": "a", "tool_calls": call("c1") }, "finish_reason": "tool_calls" }] });
    let metadata = json!({ "tool_call_id": "c1", "function_name": "bash", "model_response": response });
    let of = |id: &str| {
        json!({ "instance_id": id, "metadata": { "agent_class": "CodeActAgent", "llm_config": { "model": "m" } },
            "test_result": { "git_patch": "d" }, "report": { "resolved": true },
            "instance": { "patch": "secret", "FAIL_TO_PASS": "['t']" } })
    };
    let mut rows = [of("a__b-1"), of("a__b-2"), of("a__b-3")];
    rows[0]["history"] = json!([
        { "id": 0, "source": "user", "action": "message", "args": { "content": "u" } },
        { "id": 1, "source": "agent", "action": "run", "args": { "command": "ls" }, "tool_call_metadata": metadata },
        { "id": 2, "source": "agent", "observation": "run", "content": "o", "cause": 1, "tool_call_metadata": metadata },
        { "id": 3, "source": "environment", "observation": "agent_state_changed", "content": "", "extras": {} },
    ]);
    rows[1]["history"] = json!([
        [{ "id": 0, "source": "user", "action": "message", "args": { "content": "u" } }, { "observation": "null" }],
        [
            { "id": 1, "source": "agent", "action": "run", "args": { "command": "ls", "thought": "t" } },
            { "id": 2, "source": "agent", "observation": "run", "content": "o", "cause": 1 },
        ],
    ]);
    rows[2]["history"] = json!([]);
    rows[2]["completions"] = json!([{ "messages": [{ "role": "user", "content": "u" }], "response": response }]);
    check(
        "output.jsonl",
        &lines(&rows),
        &expect![[r#"
            OpenHands-CodeActAgent+m a__b-1 0: submitted, Solved, patch Some("d")
              user "u"
              assistant "a" [c1 bash {"command": "ls"}]*
              tool "o" <c1>
            OpenHands-CodeActAgent+m a__b-2 0: submitted, Solved, patch Some("d")
              user "u"
              assistant "t" [event-1 run {"command":"ls","thought":"t"}]*
              tool "o" <event-1>
            OpenHands-CodeActAgent+m a__b-3 0: submitted, Solved, patch Some("d")
              user "u"
              assistant "a" [c1 bash {"command": "ls"}]*
        "#]],
    );
}

#[test]
fn a_file_is_taken_in_once_and_another_one_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let row = |text: &str| json!({ "instance_id": "a__b-1", "messages": [{ "role": "user", "content": text }], "resolved": true });
    let write = |name: &str, rows: &[Value]| {
        let path = folder.path().join(name);
        fs::write(&path, lines(rows)).unwrap();
        path
    };
    // The same row twice is two samples.
    let (one, other) = (write("1.jsonl", &[row("u"), row("u")]), write("2.jsonl", &[row("u"), row("v")]));
    let figures = |counts: &training::FileCounts| (counts.imported, counts.known);
    assert_eq!(figures(&imported(folder.path(), std::slice::from_ref(&one))[0]), (2, 0));
    let before = held(&folder.path().join("run"));
    assert_eq!(figures(&imported(folder.path(), &[one])[0]), (0, 2));
    assert_eq!(held(&folder.path().join("run")), before);
    assert_eq!(figures(&imported(folder.path(), &[other])[0]), (1, 1));
    let run = Run::open(&folder.path().join("run")).unwrap();
    let samples: Vec<u32> = run.episodes("imported").iter().map(|episode| episode.sample).collect();
    assert_eq!(samples, [0, 1, 2]);
    assert_eq!(run.asked("imported").len(), 3);
}

#[test]
fn what_cannot_be_read_is_told_by_line_and_the_rest_is_taken_in() {
    let good = json!({ "instance_id": "a__b-1", "messages": [{ "role": "user", "content": "u" }] });
    let bad = [
        ("{\"instance_id\": ", "the row does not end on its line"),
        ("[]", "is not a JSON object"),
        ("{\"a\": 1, \"b\": 2}", "is of no format that is known; it has a, b"),
        ("{\"messages\": [], \"instance_id\": null}", "has no `instance_id`"),
        ("{\"messages\": [{\"content\": 1}], \"instance_id\": \"i\"}", "`messages[0]`: has no `role`"),
        ("{\"messages\": [{\"role\": \"user\", \"content\": 1}], \"instance_id\": \"i\"}", "`content` is a number"),
        ("{\"instance_id\": \"i\", \"patch\": \"d\", \"resolved\": \"yes\"}", "`resolved` is \"yes\""),
        ("{\"instance_id\": \"i\", \"patches\": [\"d\"], \"success_id\": []}", "no list of 1"),
        ("{\"schema_version\": \"ATIF-v1.3\"}", "is of version `ATIF-v1.3`"),
        ("{\"instance_id\": \"i\", \"patch\": \"d\", \"test_patch\": \"t\"}", "is an instance of a dataset"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let text: String = bad.iter().map(|(line, _)| format!("{good}\n{line}\n")).collect();
    fs::write(&file, text).unwrap();
    let counts = &imported(folder.path(), std::slice::from_ref(&file))[0];
    assert_eq!((counts.imported, counts.errors.len()), (bad.len(), bad.len()), "{:?}", counts.errors);
    for (index, (error, (_, expected))) in counts.errors.iter().zip(bad).enumerate() {
        let place = format!("{}:{}: ", file.display(), 2 * (index + 1));
        assert!(error.starts_with(&place) && error.contains(expected), "{error}");
    }
}

#[test]
fn what_only_a_judge_may_know_is_not_in_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let row = json!({
        "instance_id": "a__b-1", "messages": [{ "role": "user", "content": "u" }], "note": "kept",
        "instance": { "patch": "secret", "test_patch": "secret", "FAIL_TO_PASS": ["secret"] },
        "deep": { "metadata": [{ "golden_patch": "secret" }] },
        "tests_status": { "FAIL_TO_PASS": { "success": ["secret", "secret"], "failure": [] } },
    });
    fs::write(&file, row.to_string()).unwrap();
    imported(folder.path(), &[file]);
    let text = fs::read_to_string(folder.path().join("run/imported/a__b-1/trajectory.jsonl")).unwrap();
    assert!(!text.contains("secret") && text.contains("kept"), "{text}");
    assert!(text.contains(r#""FAIL_TO_PASS":{"success":2,"failure":0}"#), "{text}");
    assert!(!Path::new(&folder.path().join("run/imported/a__b-1/patch.diff")).exists());
}

#[test]
fn a_file_that_cannot_be_read_costs_no_other_one() {
    let folder = tempfile::tempdir().unwrap();
    let good = |id: &str| json!({ "instance_id": id, "messages": [{ "role": "user", "content": "u" }] });
    let files =
        ["one.jsonl", "torn.json", "torn.jsonl.zst", "none.parquet", "two.jsonl"].map(|name| folder.path().join(name));
    fs::write(&files[0], good("a__b-1").to_string()).unwrap();
    fs::write(&files[1], "{\n  \"trajectory\": [").unwrap();
    fs::write(&files[2], &zstd::encode_all(lines(&[good("a__b-3")]).as_bytes(), 1).unwrap()[..20]).unwrap();
    fs::write(&files[3], "").unwrap();
    fs::write(&files[4], good("a__b-2").to_string()).unwrap();
    let counts = imported(folder.path(), &files);
    let found: Vec<(usize, usize)> = counts.iter().map(|counts| (counts.imported, counts.errors.len())).collect();
    assert_eq!(found, [(1, 0), (0, 1), (0, 1), (0, 1), (1, 0)], "{counts:?}");
    let run = Run::open(&folder.path().join("run")).unwrap();
    assert_eq!(run.episodes("imported").len(), 2);
}

#[test]
fn a_raw_record_that_leaves_the_instance_to_its_row_is_read() {
    let raw = json!({ "trajectory": [], "history": [{ "role": "user", "content": "u" }], "info": { "exit_status": "submitted" } });
    let mini = json!({ "messages": [{ "role": "user", "content": "v" }], "trajectory_format": "mini-swe-agent-1", "info": {} });
    let row = |raw: &Value| json!({ "traj_id": "t", "instance_id": "a__b-1", "scaffold": "s", "raw": raw, "patch": "d", "resolved": true });
    check(
        "rows.jsonl",
        &lines(&[row(&raw), row(&mini)]),
        &expect![[r#"
            s a__b-1 0: submitted, Solved, patch Some("d")
              user "u"
            s a__b-1 1: submitted, Solved, patch Some("d")
              user "v"
        "#]],
    );
}

#[test]
fn an_exit_status_that_is_null_is_no_submission() {
    let of = |info: Value| json!({ "trajectory": [], "history": [{ "role": "user", "content": "u" }], "info": info });
    for (info, expected) in [
        (json!({ "exit_status": null, "submission": null }), "gave_up, Empty"),
        (json!({ "exit_status": "submitted", "submission": "d" }), "submitted, Unfinished"),
        (json!({ "exit_status": "TimeExceeded", "submission": "d" }), "limit_time, Unfinished"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a__b-1.traj");
        fs::write(&file, of(info).to_string()).unwrap();
        imported(folder.path(), &[file]);
        let held = held(&folder.path().join("run"));
        assert!(held.contains(expected), "{held}");
    }
}

#[test]
fn a_resolved_row_that_does_not_keep_its_patch_is_solved() {
    let row = |patch: Value| json!({ "instance_id": "a__b-1", "patch": patch, "resolved": true, "source": "s" });
    check(
        "rows.jsonl",
        &lines(&[row(json!("")), row(json!("d"))]),
        &expect![[r#"
            s a__b-1 0: -, Solved, patch None
            s a__b-1 1: -, Solved, patch Some("d")
        "#]],
    );
}

#[test]
fn condensed_completions_of_openhands_lose_no_turn() {
    let message = |role: &str, text: &str| json!({ "role": role, "content": text });
    let completion = |messages: &[Value], answer: &str| {
        let response =
            json!({ "id": answer, "choices": [{ "message": message("assistant", answer), "finish_reason": "stop" }] });
        json!({ "messages": messages, "response": response, "kwargs": { "tools": [] } })
    };
    let (u, a1, v, a2) =
        (message("user", "u"), message("assistant", "a1"), message("user", "v"), message("assistant", "a2"));
    let row = json!({
        "instance_id": "a__b-1", "history": [], "metadata": { "agent_class": "CodeActAgent" },
        "completions": [
            completion(std::slice::from_ref(&u), "a1"),
            completion(&[u.clone(), a1, v], "a2"),
            // The first turn is condensed, and the second answer stands on.
            completion(&[u, message("user", "summary"), a2], "a3"),
        ],
    });
    check(
        "output.jsonl",
        &lines(&[row]),
        &expect![[r#"
            OpenHands-CodeActAgent a__b-1 0: submitted, Unfinished, patch None
              user "u"
              assistant "a1"*
              user "v"
              assistant "a2"*
              user "u"
              user "summary"
              assistant "a2"
              assistant "a3"*
        "#]],
    );
}

#[test]
fn each_patch_of_many_keeps_what_the_row_says_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.jsonl");
    let row = json!({ "instance_id": "i", "issue": "x", "patches": ["d", "e"], "success_id": [0, 1], "regressions": [["t"], []] });
    fs::write(&file, row.to_string()).unwrap();
    imported(folder.path(), &[file]);
    let episodes = Run::open(&folder.path().join("run")).unwrap().episodes("imported");
    let records: Vec<Value> = episodes.iter().map(|one| json!(one.imported.as_ref().unwrap().record)).collect();
    assert_eq!(records, [json!({ "issue": "x", "regressions": ["t"] }), json!({ "issue": "x", "regressions": [] })]);
}
