//! Data sets of runs, by the commands that make them.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Program, Ran};

/// Returns a program with the run `r` of released rows: instances of three repositories, the last of them not resolved.
fn program() -> Program {
    let program = Program::new();
    let row = |id: &str, resolved: bool| {
        let call = json!({ "id": "c", "type": "function", "function": { "name": "bash", "arguments": "{\"command\": \"ls\"}" } });
        let messages = json!([
            { "role": "system", "content": "Rules." },
            { "role": "user", "content": format!("Repair {id}.") },
            { "role": "assistant", "content": "I look.", "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c", "name": "bash", "content": "a.py" },
            { "role": "assistant", "content": "Done." },
        ]);
        let parameters = json!({ "type": "object", "properties": { "command": { "type": "string" } } });
        let tool = json!({ "type": "function", "function": { "name": "bash", "description": "Runs.", "parameters": parameters } });
        let report =
            json!({ "git_patch": "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n", "report": {} });
        json!({ "instance_id": id, "run_id": "x", "resolved": resolved, "messages": messages, "tools": [tool], "test_result": report })
            .to_string()
    };
    let rows = [row("a__a-1", true), row("a__a-2", true), row("b__b-1", true), row("c__c-1", false)];
    fs::write(program.path("rows.jsonl"), rows.join("\n")).unwrap();
    let ran = program.run(&["import", "rows.jsonl", "--run", "r"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    program
}

fn export(program: &Program, arguments: &[&str]) -> Ran {
    program.run(&[&["export", "sft", "r", "--out", "out", "--force"], arguments].concat())
}

fn rows(program: &Program, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(program.path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_export_writes_rows_a_recipe_and_a_card_and_tells_what_it_left_out() {
    let program = program();
    let ran = export(&program, &["--for", "trl", "--validation", "0.3"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""), "{ran:?}");
    for told in [
        "3 rows of 3 episodes on 3 instances, of 4 episodes read",
        "left out, episodes: 1: not resolved",
        "validation: 1 of 3 episodes, as near to the share as whole repositories allow",
        "written to `out`",
    ] {
        assert!(ran.stderr.contains(told), "{told}: {ran:?}");
    }
    let names = ["train.jsonl", "validation.jsonl", "train.yaml", "README.md", "card.json"];
    assert!(names.iter().all(|name| program.path(&format!("out/{name}")).is_file()));
    assert_eq!((rows(&program, "out/train.jsonl").len(), rows(&program, "out/validation.jsonl").len()), (2, 1));
    let card: Value = serde_json::from_str(&fs::read_to_string(program.path("out/card.json")).unwrap()).unwrap();
    assert_eq!(card["settings"]["target"], "trl");
}

#[test]
fn switches_choose_what_a_row_is_and_how_it_is_written() {
    let program = program();
    let ran = export(&program, &["--for", "axolotl", "--by", "call"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(rows(&program, "out/train.jsonl").len(), 6, "each of three episodes has two answers");
    let ran = export(&program, &["--for", "trl", "--arguments", "text"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let row = rows(&program, "out/train.jsonl").remove(0);
    assert!(row["messages"][2]["tool_calls"][0]["function"]["arguments"].is_string(), "{row}");
    let ran = export(&program, &["--for", "torchtune", "--format", "parquet"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(fs::read(program.path("out/train.parquet")).unwrap().starts_with(b"PAR1"));
    assert!(fs::read_to_string(program.path("out/train.yaml")).unwrap().contains("data_files: train.parquet"));
}

#[test]
fn what_is_asked_for_wrongly_is_told_with_a_hint() {
    let program = program();
    for (arguments, code, told) in [
        (&["--for", "openai", "--format", "parquet"][..], 2, "`openai` takes no Parquet\nhint: "),
        (&["--for", "torchtune", "--calls", "native"], 2, "`torchtune` takes calls only as text\nhint: "),
        (&["--for", "sharegpt", "--reasoning"], 2, "`sharegpt` has no column for reasoning\nhint: "),
        (&["--for", "openai", "--pretokenized"], 2, "`openai` takes no tokens\nhint: "),
        (&["--subset", "0"], 2, "a subset of 0 is none\nhint: "),
        (&["--validation", "1"], 2, "a validation set of 1 is none\nhint: "),
        (&["--for", "trrl"], 2, "invalid value 'trrl'"),
        (&["--tokenizer", "none.json"], 2, "cannot read `none.json`"),
        (&["--per-instance", "0"], 2, "--per-instance"),
        (&["--max-tokens", "1"], 1, "no row is left of 4 episodes\nhint: left out: "),
    ] {
        let ran = export(&program, arguments);
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{arguments:?}: {ran:?}");
        assert!(!program.path("out").exists(), "{arguments:?} leaves nothing behind");
    }
    let ran = program.run(&["export", "sft", "q", "--out", "out"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("`.runs/q`") || ran.stderr.contains("`q`"), "{ran:?}");
}
