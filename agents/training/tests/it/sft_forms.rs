//! What a row is, and how files hold it.

use std::fs;
use std::path::Path;

use agent_core::{Extras, Header, Message, Record, Request, ToolSpec};
use expect_test::expect;
use serde_json::{Map, Value, json};
use training::sft::{Arguments, By, Card, Format, Settings, Target, export};
use training::tokens::Counter;

use crate::written::{Written, answered, call, episode, header, observed, outcome, run, said};

fn of(records: Vec<Record>) -> Written {
    Written { instance: "o__r-1", sample: 0, resolved: true, records }
}

fn exported(folder: &Path, written: &[Written], settings: &Settings) -> Card {
    let runs = folder.join("run");
    if runs.exists() {
        fs::remove_dir_all(&runs).unwrap();
    }
    export(&[run(folder, written)], settings, &Counter::Estimate, &folder.join("out")).unwrap()
}

fn rows(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("out/train.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads text that holds JSON, and leaves out what is null, as a table has a value for each key of any row.
fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let there = map.iter().filter(|(_, value)| !value.is_null());
            let read = |key: &str, value: &Value| match value.as_str().filter(|_| key == "arguments" || key == "tools")
            {
                Some(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
                None => plain(value),
            };
            there.map(|(key, value)| (key.clone(), read(key, value))).collect()
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        other => other.clone(),
    }
}

#[test]
fn parquet_holds_what_json_holds() {
    let folder = tempfile::tempdir().unwrap();
    let written = || [episode("o__r-1", 0, true, "one", 3), episode("p__q-2", 0, true, "two", 1)];
    for target in Target::ALL.into_iter().filter(|target| *target != Target::Openai) {
        let settings = |format| Settings { format, ..Settings::new(target) };
        exported(folder.path(), &written(), &settings(Format::Jsonl));
        let expected: Vec<Value> = rows(folder.path()).iter().map(plain).collect();
        let card = exported(folder.path(), &written(), &settings(Format::Parquet));
        assert_eq!((card.files[0].name.as_str(), card.files[0].rows), ("train.parquet", Some(2)));
        let mut found = Vec::new();
        dataset::each_record(&folder.path().join("out/train.parquet"), |_, row| -> Result<(), dataset::DatasetError> {
            found.push(plain(&Value::Object(row.unwrap())));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, expected, "{}", target.name());
    }
    let refused = Settings { format: Format::Parquet, ..Settings::new(Target::Openai) }.check().unwrap_err();
    expect!["`openai` takes no Parquet\nhint: leave `--format` out, or use `--for trl`"]
        .assert_eq(&refused.to_string());
}

#[test]
fn arguments_are_text_or_objects() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = |arguments| {
        exported(
            folder.path(),
            &[episode("o__r-1", 0, true, "x", 1)],
            &Settings { arguments, ..Settings::new(Target::Trl) },
        );
        rows(folder.path())[0]["messages"][2]["tool_calls"][0]["function"]["arguments"].clone()
    };
    assert_eq!(arguments(Arguments::Object), json!({ "command": "run 0 0" }));
    assert_eq!(arguments(Arguments::Text), json!(r#"{"command":"run 0 0"}"#));
}

/// Three answers, of which the second could not be read.
fn with_a_refused_answer() -> Vec<Record> {
    let mut refused = answered("b", &[], None);
    if let Record::Completion { completion, .. } = &mut refused {
        completion.malformed = Some("no call".to_owned());
    }
    let user = |text: &str| said(Message::user(text));
    let records = [header(), user("u"), answered("a", &[], None), user("v"), refused, user("w")];
    records.into_iter().chain([answered("c", &[], None), outcome()]).collect()
}

#[test]
fn by_call_each_answer_is_a_row_of_its_own_and_alone_trained() {
    let folder = tempfile::tempdir().unwrap();
    let by_call = |target| Settings { by: By::Call, ..Settings::new(target) };
    let card = exported(folder.path(), &[of(with_a_refused_answer())], &by_call(Target::Axolotl));
    assert_eq!((card.rows, card.rows_dropped.get("an answer that could not be read")), (2, Some(&1)));
    let said = |list: &Value| -> String {
        let one = |message: &Value| {
            let trained = if message["training"] == true { "*" } else { "" };
            format!("{}{trained}", message["content"].as_str().unwrap())
        };
        list.as_array().unwrap().iter().map(one).collect::<Vec<_>>().join(" ")
    };
    let shown: Vec<String> = rows(folder.path()).iter().map(|row| said(&row["messages"])).collect();
    assert_eq!(shown, ["u a*", "u a v b w c*"]);
    exported(folder.path(), &[of(with_a_refused_answer())], &by_call(Target::Trl));
    let split: Vec<[String; 2]> =
        rows(folder.path()).iter().map(|row| ["prompt", "completion"].map(|column| said(&row[column]))).collect();
    assert_eq!(split, [["u", "a"], ["u a v b w", "c"]]);
    assert!(fs::read_to_string(folder.path().join("out/train.yaml")).unwrap().contains("completion_only_loss: true"));
    // A format without a mask takes only what needs none.
    let card = exported(folder.path(), &[of(with_a_refused_answer())], &by_call(Target::Sharegpt));
    assert_eq!(card.rows, 1);
    exported(folder.path(), &[of(with_a_refused_answer())], &by_call(Target::LlamaFactory));
    let recipe = fs::read_to_string(folder.path().join("out/train.yaml")).unwrap();
    assert!(recipe.contains("mask_history: true") && recipe.contains("cutoff_len: 10240"), "{recipe}");
}

/// An episode whose agent has two tools and offers those of `offered` to its only answer.
fn offering(offered: &[&str]) -> Vec<Record> {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({ "type": "object" }),
    };
    let Record::Header(head) = header() else { unreachable!() };
    let head = Header { tools: vec![tool("bash"), tool("edit")], ..head };
    let request =
        Request { messages: vec![Message::user("u")], tools: offered.iter().map(|name| tool(name)).collect() };
    let mut answer = answered("a", &[call("c", "ls")], None);
    if let Record::Completion { request: fingerprint, .. } = &mut answer {
        *fingerprint = request.fingerprint(&head.root);
    }
    vec![Record::Header(head), said(Message::user("u")), answer, outcome()]
}

#[test]
fn a_row_has_the_tools_that_its_request_had() {
    let folder = tempfile::tempdir().unwrap();
    let tools = |offered: &[&str]| -> Vec<String> {
        exported(folder.path(), &[of(offering(offered))], &Settings::new(Target::Openai));
        let row = rows(folder.path()).remove(0);
        let tools = row["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(tools(&["bash", "edit"]), ["bash", "edit"]);
    assert_eq!(tools(&["bash"]), ["bash"]);
    assert_eq!(tools(&["edit"]), ["edit"]);
    assert_eq!(tools(&["another"]), ["bash", "edit"], "what is not proved is what the header says");
}

#[test]
fn what_the_model_thought_is_kept_where_it_is_asked_for_and_told_where_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut answer = answered("a", &[], None);
    if let Record::Completion { completion, .. } = &mut answer {
        let message = Map::from_iter([("reasoning_content".to_owned(), json!("because"))]);
        completion.message = completion.message.clone().with_extras(Extras { message, calls: Vec::new() });
    }
    let records = || vec![header(), said(Message::user("u")), answer.clone(), outcome()];
    let card = exported(folder.path(), &[of(records())], &Settings::new(Target::Trl));
    assert_eq!(card.reasoning_left_out, 1);
    assert_eq!(rows(folder.path())[0]["messages"][1].get("reasoning_content"), None);
    for target in [Target::Trl, Target::Axolotl, Target::Unsloth] {
        let card = exported(folder.path(), &[of(records())], &Settings { reasoning: true, ..Settings::new(target) });
        assert_eq!(card.reasoning_left_out, 0);
        assert_eq!(rows(folder.path())[0]["messages"][1]["reasoning_content"], "because");
    }
    let refused = Settings { reasoning: true, ..Settings::new(Target::Torchtune) }.check().unwrap_err();
    assert!(refused.to_string().contains("no column for reasoning"), "{refused}");
}

#[test]
fn behind_a_refusal_without_a_view_nothing_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let first = call("c1", "one");
    let records = vec![
        header(),
        said(Message::user("u")),
        answered("a", std::slice::from_ref(&first), None),
        observed(&first, "o"),
        Record::TooLong { step: 2, request: String::new(), restored: false },
        answered("b", &[], None),
        outcome(),
    ];
    let card = exported(folder.path(), &[of(records)], &Settings::new(Target::Openai));
    assert_eq!(card.rows_dropped.get("what was left out of a long conversation is not on record"), Some(&1));
    let row = rows(folder.path()).remove(0);
    let said: Vec<&str> =
        row["messages"].as_array().unwrap().iter().map(|one| one["content"].as_str().unwrap()).collect();
    assert_eq!(said, ["u", "a"]);
}
