//! Rows for trainers of supervised fine-tuning.

use std::fs;
use std::path::Path;

use agent_core::{Message, ToolCall};
use expect_test::{Expect, expect};
use journal::Run;
use serde_json::Value;
use training::sft::{CallForm, Card, Order, Settings, Target, export};
use training::tokens::Counter;

use crate::written::{Written, answered, call, episode, header, observed, outcome, replaced, run, said, shown_less};

fn exported(runs: &Run, settings: &Settings, out: &Path) -> Card {
    export(std::slice::from_ref(runs), settings, &Counter::Estimate, replaced(out)).unwrap()
}

/// Returns the rows of a file, an array of them or one a line.
fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    if path.extension().unwrap() == "json" {
        return serde_json::from_str(&text).unwrap();
    }
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn row_of(target: Target, calls: CallForm) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[episode("o__r-1", 0, true, "it", 2)]);
    let card = exported(&run, &Settings { calls, ..Settings::new(target) }, &folder.path().join("out"));
    rows(&folder.path().join("out").join(&card.files[0].name)).remove(0)
}

/// Returns the keys of an object and, of arrays in it, of each element.
fn shape(value: &Value) -> String {
    let Value::Object(object) = value else { return String::new() };
    let key = |(key, value): (&String, &Value)| match value {
        Value::Array(items) if !items.is_empty() => {
            format!("{key}[{}]", items.iter().map(shape).collect::<Vec<_>>().join(" | "))
        }
        Value::Bool(value) => format!("{key}={value}"),
        Value::String(text) if key == "role" || key == "from" => text.clone(),
        Value::Object(_) => format!("{key}{{{}}}", shape(value)),
        _ => key.clone(),
    };
    object.iter().map(key).collect::<Vec<_>>().join(" ")
}

#[test]
fn each_target_has_its_columns() {
    let check = |target: Target, expected: Expect| expected.assert_eq(&shape(&row_of(target, target.calls())));
    check(
        Target::Openai,
        expect![
            "messages[system content | user content | assistant content tool_calls[id type function{name arguments} | id type function{name arguments}] | tool content tool_call_id | tool content tool_call_id | assistant content tool_calls[id type function{name arguments}]] tools[type function{name description parameters{type properties{command{type}}}}]"
        ],
    );
    check(
        Target::Trl,
        expect![
            "messages[system content | user content | assistant content tool_calls[id type function{name arguments{command}} | id type function{name arguments{command}}] | tool content tool_call_id name | tool content tool_call_id name | assistant content tool_calls[id type function{name arguments{command}}]] tools[type function{name description parameters{type properties{command{type}}}}]"
        ],
    );
    check(
        Target::Axolotl,
        expect![
            "messages[system content | user content | assistant content tool_calls[id type function{name arguments} | id type function{name arguments}] training=true | tool content tool_call_id name | tool content tool_call_id name | assistant content tool_calls[id type function{name arguments}] training=true] tools[type function{name description parameters{type properties{command{type}}}}]"
        ],
    );
    check(
        Target::MsSwift,
        expect![
            "messages[system content | user content | assistant content tool_calls[id type function{name arguments} | id type function{name arguments}] loss=true | tool content tool_call_id name | tool content tool_call_id name | assistant content tool_calls[id type function{name arguments}] loss=true] tools"
        ],
    );
    check(
        Target::LlamaFactory,
        expect![
            "conversations[human value | gpt value | human value | gpt value | human value | gpt value] system tools"
        ],
    );
    check(
        Target::Sharegpt,
        expect![
            "conversations[system value | human value | gpt value | human value | gpt value | human value | gpt value]"
        ],
    );
    check(
        Target::Torchtune,
        expect![
            "messages[system content | user content | assistant content | user content | assistant content | user content | assistant content]"
        ],
    );
    assert_eq!(row_of(Target::Unsloth, CallForm::Native), row_of(Target::Trl, CallForm::Native));
}

#[test]
fn calls_as_text_stand_one_in_an_answer_and_lose_nothing() {
    let row = row_of(Target::Torchtune, CallForm::Text);
    let messages = row["messages"].as_array().unwrap();
    let text: Vec<&str> = messages.iter().map(|message| message["content"].as_str().unwrap()).collect();
    assert!(text[0].starts_with("Rules.\n\n") && text[0].contains("bash"), "{}", text[0]);
    expect![[r#"
        Repair it.
        --
        thought 0

        <function=bash>
        <parameter=command>run 0 0</parameter>
        </function>
        --
        EXECUTION RESULT of [bash]:
        shown
        --
        <function=bash>
        <parameter=command>run 0 1</parameter>
        </function>
        --
        EXECUTION RESULT of [bash]:
        shown
        --
        thought 1

        <function=bash>
        <parameter=command>run 1 0</parameter>
        </function>"#]]
    .assert_eq(&text[1..].join("\n--\n"));
}

fn dropped(card: &Card) -> String {
    let all = card.episodes_dropped.iter().chain(&card.rows_dropped);
    all.map(|(why, number)| format!("{number} {why}")).collect::<Vec<_>>().join("\n")
}

/// An episode with two segments, as the second answer's request leaves out what the first one said.
fn in_two_segments(word: &str) -> Written {
    let first = call("c1", "one");
    let records = vec![
        header(),
        said(Message::user(word)),
        answered("a1", std::slice::from_ref(&first), None),
        observed(&first, "o1"),
        answered("a2", &[], None),
        said(Message::user("go on")),
        shown_less(answered("a3", &[], None), 2),
    ];
    Written { instance: "o__two-1", sample: 0, resolved: true, records }
}

#[test]
fn an_answer_that_is_not_trained_again_is_masked_or_its_row_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &[in_two_segments("u")]);
    let masked = exported(&run, &Settings::new(Target::Axolotl), &folder.path().join("axolotl"));
    assert_eq!(masked.rows, 2);
    let trained: Vec<Vec<bool>> = rows(&folder.path().join("axolotl/train.jsonl"))
        .iter()
        .map(|row| row["messages"].as_array().unwrap().iter().filter_map(|one| one["training"].as_bool()).collect())
        .collect();
    assert_eq!(trained, [vec![true, true], vec![false, true]]);
    let refused = exported(&run, &Settings::new(Target::Trl), &folder.path().join("trl"));
    expect!["1 an earlier answer must not be trained again, which the target's rows cannot say"]
        .assert_eq(&dropped(&refused));
}

#[test]
fn what_is_left_out_is_counted_by_reason() {
    let folder = tempfile::tempdir().unwrap();
    let lone = call("c", "x");
    let broken = ToolCall { arguments: "{".to_owned(), ..call("c", "x") };
    let of = |instance, records: Vec<agent_core::Record>| Written { instance, sample: 0, resolved: true, records };
    let asked = |call: &ToolCall, then: agent_core::Record| {
        let user = said(Message::user("u"));
        vec![header(), user, answered("a", std::slice::from_ref(call), None), then, answered("b", &[], None), outcome()]
    };
    let hidden = call("c", "cat /eval.sh");
    let run = run(
        folder.path(),
        &[
            episode("o__r-1", 0, true, "it", 2),
            episode("o__r-1", 1, true, "it", 2),
            episode("o__r-1", 2, true, "other", 1),
            episode("o__r-2", 0, false, "two", 2),
            episode("django__django-1", 0, true, "three", 2),
            episode("o__r-3", 0, true, "a long one", 40),
            of("o__r-4", asked(&lone, said(Message::user("no answer")))),
            of("o__r-5", asked(&broken, observed(&broken, "refused"))),
            of("o__r-6", asked(&hidden, observed(&hidden, "tests"))),
        ],
    );
    let settings = Settings { max_tokens: Some(200), per_instance: Some(1), ..Settings::new(Target::Openai) };
    let out = folder.path().join("out");
    let card = exported(&run, &settings, &out);
    expect![[r#"
        1 a duplicate
        1 an answer names hidden tests
        1 an instance of a repository of SWE-bench's test set
        1 enough of its instance
        3 no row is left
        1 not resolved
        1 a call has no answer
        1 a duplicate
        1 more than 200 tokens
        1 the arguments of a call are no JSON object"#]]
    .assert_eq(&dropped(&card));
    let kept = rows(&out.join("train.jsonl"));
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["messages"][1]["content"], "Repair other.", "the episode of the fewest calls is kept");
    let all = Settings { all_verdicts: true, allow_benchmarks: true, ..Settings::new(Target::Openai) };
    assert_eq!(exported(&run, &all, &out).episodes, 5);
}

fn of_repositories() -> Vec<Written> {
    let names = ["a__a-1", "a__a-2", "b__b-1", "b__b-2", "c__c-1", "c__c-2", "d__d-1", "d__d-2"];
    names.into_iter().enumerate().map(|(number, name)| episode(name, 0, true, name, 1 + number % 3)).collect()
}

#[test]
fn the_same_command_writes_the_same_bytes_and_no_repository_is_in_both_sets() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &of_repositories());
    for target in Target::ALL {
        let settings = Settings { validation: 0.25, subset: 0.9, ..Settings::new(target) };
        let [one, two] = ["one", "two"].map(|name| folder.path().join(target.name()).join(name));
        let card = exported(&run, &settings, &one);
        exported(&run, &settings, &two);
        let files = card.files.iter().map(|file| file.name.as_str()).chain(["card.json"]);
        for name in files {
            assert_eq!(fs::read(one.join(name)).unwrap(), fs::read(two.join(name)).unwrap(), "{name}");
        }
        let held = &card.validation_repositories;
        assert!(!held.is_empty() && held.keys().all(|name| !card.train_repositories.contains_key(name)));
    }
}

#[test]
fn a_subset_is_a_share_by_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &of_repositories());
    let chosen = |order: Order, seed: u64| {
        let settings = Settings { subset: 0.5, order, seed, ..Settings::new(Target::Openai) };
        exported(&run, &settings, &folder.path().join("out"))
    };
    assert_eq!(chosen(Order::Random, 1).episodes, 4);
    assert_eq!(chosen(Order::Repository, 1).train_repositories.len(), 2);
    // Of eight episodes, three have one answer, three have two, and two have three; the first answer has two calls.
    assert_eq!(chosen(Order::Sorted, 1).messages_per_row.max, 6);
    let seeds: Vec<_> = (0..6).map(|seed| chosen(Order::Repository, seed).train_repositories).collect();
    assert!(seeds.iter().any(|one| *one != seeds[0]), "the seed decides");
}

#[test]
fn tokens_that_a_server_recorded_go_in_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let records = vec![
        header(),
        said(Message::user("u")),
        answered("a", &[], Some((&[1, 2], &[3, 4]))),
        said(Message::user("v")),
        answered("b", &[], Some((&[1, 2, 3, 4, 5], &[6]))),
        said(Message::user("w")),
        answered("c", &[], Some((&[1, 2, 9], &[7]))),
    ];
    let run = run(folder.path(), &[Written { instance: "o__r-1", sample: 0, resolved: true, records }]);
    let settings = Settings { pretokenized: true, ..Settings::new(Target::Trl) };
    exported(&run, &settings, &folder.path().join("out"));
    expect![[r#"
        {"input_ids":[1,2,3,4,5,6],"labels":[-100,-100,3,4,-100,6]}
        {"input_ids":[1,2,9,7],"labels":[-100,-100,-100,7]}
    "#]]
    .assert_eq(&fs::read_to_string(folder.path().join("out/train.jsonl")).unwrap());
}

/// Writes a tokenizer of whole words, with its chat template, and returns its path.
fn tokenizer(folder: &Path) -> std::path::PathBuf {
    let words = ["<unk>", "<system>", "<user>", "<assistant>", "<end>", "u", "a", "v", "b"];
    let vocab: serde_json::Map<String, Value> =
        words.iter().enumerate().map(|(id, word)| ((*word).to_owned(), id.into())).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocab, "unk_token": "<unk>" },
    });
    let template = "{% for one in messages %}<{{ one.role }}> {% generation %}{{ one.content.strip() }} <end>\n\
                    {% endgeneration %}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let config = serde_json::json!({ "chat_template": template });
    fs::write(folder.join("tokenizer_config.json"), config.to_string()).unwrap();
    folder.join("tokenizer.json")
}

#[test]
fn a_chat_template_tells_which_tokens_are_trained() {
    let folder = tempfile::tempdir().unwrap();
    let user = |text: &str| said(Message::user(text));
    let records = vec![header(), user("u"), answered("a", &[], None), user("v"), answered("b", &[], None), outcome()];
    let run = run(folder.path(), &[Written { instance: "o__r-1", sample: 0, resolved: true, records }]);
    let counter = Counter::load(&tokenizer(folder.path())).unwrap();
    let settings = Settings { pretokenized: true, ..Settings::new(Target::Trl) };
    let out = folder.path().join("out");
    let card = export(std::slice::from_ref(&run), &settings, &counter, replaced(&out)).unwrap();
    expect![[r#"
        {"input_ids":[2,5,4,3,6,4,2,7,4,3,8,4],"labels":[-100,-100,-100,-100,6,4,-100,-100,-100,-100,8,4]}
    "#]]
    .assert_eq(&fs::read_to_string(out.join("train.jsonl")).unwrap());
    assert_eq!(card.tokens_per_row.max, 12);
    let short = Settings { max_tokens: Some(11), ..settings };
    let refused = export(std::slice::from_ref(&run), &short, &counter, replaced(&out)).unwrap_err();
    assert!(refused.to_string().contains("more than 11 tokens"), "{refused}");
}
