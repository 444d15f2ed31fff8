//! Rows that verifiers are trained on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use journal::Run;
use prompts::Prompts;
use serde_json::Value;
use training::sft::Target;
use training::tokens::Counter;
use training::verifier::{Card, Form, Settings, export};

use crate::written::{Written, answered, call, episode, header, observed, outcome, replaced, run, said};

fn exported(runs: &[(Run, bool)], settings: &Settings, out: &Path) -> anyhow::Result<Card> {
    export(runs, settings, &Counter::Estimate, &Prompts::new(BTreeMap::new()).unwrap(), replaced(out))
}

/// Returns the rows of a file, an array of them or one a line.
fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    match path.extension().unwrap() == "json" {
        true => serde_json::from_str(&text).unwrap(),
        false => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
    }
}

/// Returns the texts of a row, the last one that of the answer.
fn texts(row: &Value) -> Vec<&str> {
    let turns = row.get("messages").or_else(|| row.get("conversations")).unwrap().as_array().unwrap();
    turns.iter().map(|turn| turn.get("content").or_else(|| turn.get("value")).unwrap().as_str().unwrap()).collect()
}

/// Four repositories, of which each has one resolved episode and three that are not; no two are alike.
fn episodes() -> Vec<Written> {
    let all = (0..16_usize).map(|at| {
        let (id, sample) = (["o__a-1", "o__b-1", "o__c-1", "o__d-1"][at / 4], (at % 4) as u32);
        episode(id, sample, sample == 0, &format!("w{at}"), 1)
    });
    all.collect()
}

#[test]
fn rows_are_balanced_split_by_repository_and_the_same_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let runs = [(run(folder.path(), &episodes()), false)];
    for target in Target::ALL {
        let settings = Settings { validation: 0.25, ..Settings::new(target) };
        let [one, two] = ["one", "two"].map(|name| folder.path().join(format!("{}-{name}", target.name())));
        let card = exported(&runs, &settings, &one).unwrap();
        assert_eq!(card, exported(&runs, &settings, &two).unwrap());
        assert_eq!((card.train.resolved, card.train.unresolved), (3, 3), "{target:?}");
        assert_eq!((card.validation.resolved, card.validation.unresolved), (1, 1), "{target:?}");
        assert!(card.train.repositories.keys().all(|name| !card.validation.repositories.contains_key(name)));
        assert_eq!(card.episodes_dropped.values().sum::<usize>(), 8);
        for file in card.files.iter().filter(|file| file.rows.is_some()) {
            let rows = rows(&one.join(&file.name));
            assert_eq!(Some(rows.len()), file.rows);
            for row in &rows {
                let texts = texts(row);
                // Only those of the first sample of each repository are resolved.
                let is_right =
                    ["w0.", "w4.", "w8.", "w12."].iter().any(|word| texts.iter().any(|text| text.contains(word)));
                let word = if is_right { "YES" } else { "NO" };
                assert_eq!(
                    texts.last().copied(),
                    Some(format!("<judgement>{word}</judgement>").as_str()),
                    "{target:?}"
                );
            }
        }
    }
    let all = Settings { negatives_per_positive: None, per_instance: Some(2), ..Settings::new(Target::Trl) };
    let card = exported(&runs, &all, &folder.path().join("all")).unwrap();
    assert_eq!((card.train.resolved, card.train.unresolved), (4, 8));
    for wrong in [
        Settings { on_policy_share: Some(1.5), ..Settings::new(Target::Trl) },
        Settings { negatives_per_positive: Some(0.0), ..Settings::new(Target::Trl) },
        Settings { validation: 1.0, ..Settings::new(Target::Trl) },
    ] {
        let err = exported(&runs, &wrong, &folder.path().join("wrong")).unwrap_err();
        assert!(format!("{err:#}").contains("hint: "), "{err:#}");
    }
}

#[test]
fn the_share_of_on_policy_episodes_is_met_and_told() {
    let [own, other] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let ids = ["o__a-1", "o__b-1", "o__c-1", "o__d-1", "o__e-1", "o__f-1"];
    let of = |from: usize| -> Vec<Written> {
        (0..6).map(|at| episode(ids[at], from as u32, at % 2 == 0, ["on", "off"][from], at + 1)).collect()
    };
    let runs = [(run(own.path(), &of(0)), true), (run(other.path(), &of(1)[..4]), false)];
    let out = own.path().join("out");
    let settings = Settings { on_policy_share: Some(0.5), ..Settings::new(Target::Trl) };
    let card = exported(&runs, &settings, &out).unwrap();
    assert_eq!((card.train.resolved, card.train.unresolved, card.train.on_policy), (4, 4, 4));
    let readme = fs::read_to_string(out.join("README.md")).unwrap();
    assert!(readme.contains("On-policy are 50.0 % of the rows; 50.0 % were asked for"), "{readme}");
}

/// A record that shows the file which the patch changes, and more of it.
fn shown(instance: &'static str, sample: u32, resolved: bool, word: &str) -> Written {
    let look = call("c", "cat -n /r/a");
    let text = format!("     1\ta\n     2\tsecond\n     3\t{word}\n");
    let records = vec![
        header(),
        said(agent_core::Message::system("Rules.")),
        said(agent_core::Message::user(format!("Repair {word}."))),
        answered("I look.", std::slice::from_ref(&look), None),
        observed(&look, &text),
        answered("Done.", &[], None),
        outcome(),
    ];
    Written { instance, sample, resolved, records }
}

#[test]
fn spans_show_the_patch_before_and_after_with_what_the_record_shows_around_it() {
    let folder = tempfile::tempdir().unwrap();
    let episodes =
        [shown("o__a-1", 0, true, "one"), shown("o__a-1", 1, false, "two"), shown("o__a-1", 2, false, "six")];
    let runs = [(run(folder.path(), &episodes), false)];
    let out = folder.path().join("out");
    let settings = Settings { form: Form::Spans, ..Settings::new(Target::Trl) };
    let card = exported(&runs, &settings, &out).unwrap();
    assert_eq!((card.train.resolved, card.train.unresolved), (1, 1));
    for row in rows(&out.join("train.jsonl")) {
        let texts = texts(&row);
        let word = if texts[1].contains("Repair one.") {
            "one"
        } else if texts[1].contains("two") {
            "two"
        } else {
            "six"
        };
        assert_eq!(texts[2], if word == "one" { "True" } else { "False" });
        let parts = [
            format!("<issue_description>\nRepair {word}.\n</issue_description>"),
            format!("<before_patch>\na/a\na\nsecond\n{word}\n</before_patch>"),
            format!("<after_patch>\nb/a\nb\nsecond\n{word}\n</after_patch>"),
            format!(
                "<code_span file_path=\"a\" span_id=\"lines 1-3\">\n(0001) a\n(0002) second\n(0003) {word}\n</code_span>"
            ),
        ];
        for part in parts {
            assert!(texts[1].contains(&part), "{part} is not in {}", texts[1]);
        }
    }
}
