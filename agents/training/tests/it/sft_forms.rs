//! What a row is, and how files hold it.

use std::fs;
use std::path::Path;

use agent_core::{Extras, Header, Message, Record, Request, ToolSpec};
use expect_test::expect;
use serde_json::{Map, Value, json};
use training::sft::{Arguments, By, CallForm, Card, Format, Settings, Target, export};
use training::tokens::Counter;

use crate::written::{Written, answered, call, episode, header, observed, outcome, replaced, run, said};

fn of(records: Vec<Record>) -> Written {
    Written { instance: "o__r-1", sample: 0, resolved: true, records }
}

fn exported(folder: &Path, written: &[Written], settings: &Settings) -> Card {
    let runs = folder.join("run");
    if runs.exists() {
        fs::remove_dir_all(&runs).unwrap();
    }
    export(&[run(folder, written)], settings, &Counter::Estimate, replaced(&folder.join("out"))).unwrap()
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
    // Tokens and thoughts are recorded of one answer, which is a row of its own.
    let mut known = answered("thought over", &[call("c", "ls")], Some((&[1, 2], &[3])));
    if let Record::Completion { completion, .. } = &mut known {
        let message = Map::from_iter([("thinking".to_owned(), json!("because"))]);
        completion.message = completion.message.clone().with_extras(Extras { message, calls: Vec::new() });
    }
    let recorded = || Written {
        instance: "o__r-3",
        sample: 0,
        resolved: true,
        records: vec![header(), said(Message::user("u")), known.clone(), outcome()],
    };
    let written = || [episode("o__r-1", 0, true, "one", 3), episode("p__q-2", 0, true, "two", 1), recorded()];
    let by_target = Target::ALL.into_iter().filter(|target| *target != Target::Openai).map(Settings::new);
    let others = [
        Settings { by: By::Call, ..Settings::new(Target::Trl) },
        Settings { arguments: Arguments::Text, ..Settings::new(Target::Unsloth) },
        Settings { arguments: Arguments::Object, ..Settings::new(Target::Axolotl) },
        Settings { reasoning: true, ..Settings::new(Target::Axolotl) },
        Settings { calls: CallForm::Text, ..Settings::new(Target::MsSwift) },
        Settings { pretokenized: true, ..Settings::new(Target::Trl) },
    ];
    for of_case in by_target.chain(others) {
        let settings = |format| Settings { format, ..of_case.clone() };
        settings(Format::Parquet).check().unwrap();
        let lines = exported(folder.path(), &written(), &settings(Format::Jsonl));
        let expected: Vec<Value> = rows(folder.path()).iter().map(plain).collect();
        let card = exported(folder.path(), &written(), &settings(Format::Parquet));
        assert_eq!((card.files[0].name.as_str(), card.files[0].rows), ("train.parquet", lines.files[0].rows));
        assert_eq!(lines.files[0].rows, Some(expected.len()));
        let mut found = Vec::new();
        dataset::each_record(&folder.path().join("out/train.parquet"), |_, row| -> Result<(), dataset::DatasetError> {
            found.push(plain(&Value::Object(row.unwrap())));
            Ok(())
        })
        .unwrap();
        assert_eq!(found, expected, "{of_case:?}");
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

/// An answer before which the model thought, with what its server recorded of its tokens.
fn thought_over(text: &str, tokens: Option<(&[u64], &[u64])>) -> Record {
    let mut answer = answered(text, &[], tokens);
    if let Record::Completion { completion, .. } = &mut answer {
        let message = Map::from_iter([("reasoning".to_owned(), json!("because"))]);
        completion.message = completion.message.clone().with_extras(Extras { message, calls: Vec::new() });
    }
    answer
}

#[test]
fn thoughts_are_missed_in_rows_that_are_written_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let of = |instance: &'static str, text: &str, answer: Record| Written {
        instance,
        sample: 0,
        resolved: true,
        records: vec![header(), said(Message::user(text)), answer, outcome()],
    };
    let left = |tokens: Option<(&[u64], &[u64])>, settings: Settings| -> usize {
        let long = "long ".repeat(100);
        let answer = || thought_over("a", tokens);
        let written = [of("o__r-1", "u", answer()), of("o__r-2", &long, answer()), of("o__r-3", "u", answer())];
        exported(folder.path(), &written, &settings).reasoning_left_out
    };
    // Of one row more than the limit allows, and of a duplicate, nothing is lost.
    let short = Settings { max_tokens: Some(60), ..Settings::new(Target::Openai) };
    assert_eq!(left(None, short), 1);
    // Recorded tokens are all that was sampled.
    let recorded = Settings { pretokenized: true, ..Settings::new(Target::Trl) };
    assert_eq!(left(Some((&[1], &[2])), recorded), 0);
}

#[test]
fn tokens_are_counted_for_each_row_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let user = |text: &str| said(Message::user(text));
    let records = vec![
        header(),
        user("u"),
        answered("a", &[], Some((&[1, 2], &[3, 4]))),
        user("v"),
        answered("b", &[], Some((&[9], &[7]))),
    ];
    let settings = Settings { pretokenized: true, ..Settings::new(Target::Trl) };
    let card = exported(folder.path(), &[of(records)], &settings);
    assert_eq!((card.rows, card.files[0].rows, card.trained_tokens), (1, Some(2), Some(3)));
    assert_eq!((card.tokens_per_row.min, card.tokens_per_row.max), (2, 4));
}

#[test]
fn words_of_the_user_behind_a_result_are_kept_from_ms_swift() {
    let folder = tempfile::tempdir().unwrap();
    let look = call("c", "ls");
    let nudged = || {
        let nudge = [observed(&look, "x"), user_says("go on"), answered("b", &[], None), outcome()];
        let start = [header(), user_says("u"), answered("a", std::slice::from_ref(&look), None)];
        Written { instance: "o__r-2", ..of(start.into_iter().chain(nudge).collect()) }
    };
    let rows = |settings: Settings| {
        let card = exported(folder.path(), &[episode("o__r-1", 0, true, "one", 2), nudged()], &settings);
        (card.rows, card.rows_dropped.into_iter().next())
    };
    let why = "the target's template takes no words of the user behind a result; `--calls text` keeps them";
    assert_eq!(rows(Settings::new(Target::MsSwift)), (1, Some((why.to_owned(), 1))));
    assert_eq!(rows(Settings { calls: CallForm::Text, ..Settings::new(Target::MsSwift) }), (2, None));
    assert_eq!(rows(Settings::new(Target::Axolotl)), (2, None));
}

#[test]
fn settings_that_would_be_passed_over_are_refused() {
    let refused = [
        Settings { arguments: Arguments::Object, ..Settings::new(Target::Openai) },
        Settings { arguments: Arguments::Text, pretokenized: true, ..Settings::new(Target::Trl) },
        Settings { arguments: Arguments::Object, ..Settings::new(Target::Torchtune) },
        Settings { arguments: Arguments::Text, calls: CallForm::Text, ..Settings::new(Target::Trl) },
        Settings { format: Format::Json, pretokenized: true, ..Settings::new(Target::Axolotl) },
    ];
    for settings in refused {
        let told = settings.check().unwrap_err().to_string();
        assert!(told.contains("hint: "), "{told}");
    }
    for settings in [
        Settings { arguments: Arguments::Object, ..Settings::new(Target::Axolotl) },
        Settings { format: Format::Parquet, pretokenized: true, ..Settings::new(Target::Trl) },
        Settings { calls: CallForm::Text, ..Settings::new(Target::Trl) },
    ] {
        settings.check().unwrap();
    }
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
    assert_eq!(card.rows_dropped.len(), 1);
    let row = rows(folder.path()).remove(0);
    let said: Vec<&str> =
        row["messages"].as_array().unwrap().iter().map(|one| one["content"].as_str().unwrap()).collect();
    assert_eq!(said, ["u", "a"]);
    // One drop is counted where nothing is left before it.
    let refused = Record::TooLong { step: 1, request: String::new(), restored: false };
    let alone = vec![header(), user_says("w"), refused, answered("b", &[], None), outcome()];
    let kept =
        Written { instance: "o__r-2", ..of(vec![header(), user_says("u"), answered("a", &[], None), outcome()]) };
    let card = exported(folder.path(), &[of(alone), kept], &Settings::new(Target::Openai));
    assert_eq!(card.rows_dropped.values().sum::<usize>(), 1);
}

fn user_says(text: &str) -> Record {
    said(Message::user(text))
}
