//! Usage, configuration and their errors.

use expect_test::{Expect, expect};

use crate::program::Program;

fn check(arguments: &[&str], code: i32, expected: &Expect) {
    let ran = Program::new().run(arguments);
    assert_eq!(ran.code, Some(code), "{ran:?}");
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&ran.stderr);
}

#[test]
fn a_wrong_id_names_the_nearest() {
    check(
        &["solve", "demo__lro-1"],
        2,
        &expect![[r#"
        error: unknown instance `demo__lro-1`
        hint: did you mean `demo__lru-1`?
    "#]],
    );
}

#[test]
fn a_wrong_key_names_the_nearest() {
    check(
        &["solve", "demo__lru-1", "-c", "limits.step=5"],
        2,
        &expect![[r#"
        error: in `limits.step`: unknown key `limits.step`
        hint: did you mean `limits.steps`?
    "#]],
    );
    check(
        &["solve", "demo__lru-1", "-c", "no.yaml"],
        2,
        &expect![[r#"
        error: no such configuration file: `no.yaml`
        hint: a single setting is written `key.path=value`
    "#]],
    );
}

#[test]
fn a_wrong_value_names_its_key() {
    check(
        &["solve", "demo__lru-1", "-c", "limits.steps=many"],
        2,
        &expect![[r#"
        error: the configuration is not valid: limits.steps: invalid type: string "many", expected u64
    "#]],
    );
}

#[test]
fn a_far_name_is_not_suggested() {
    for arguments in [
        &["solve", "demo__something-12"][..],
        &["evaluate", "-d", "demo", "-p", "empty", "psf__requests-6028"],
        &["solve", "demo__lru-1", "-c", "elsewhere.path=1"],
        &["instances", "-d", "nowhere"],
        &["solve", "demo__lru-1", "-a", "nobody"],
    ] {
        let ran = Program::new().run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(!ran.stderr.contains("did you mean"), "{ran:?}");
    }
}

#[test]
fn no_worker_and_no_time_at_all_are_refused() {
    for arguments in [
        &["evaluate", "-d", "demo", "-p", "gold", "-w", "0"][..],
        &["validate", "-d", "demo", "--workers=-1"],
        &["evaluate", "-d", "demo", "-p", "gold", "--timeout", "0"],
        &["validate", "-d", "demo", "--timeout", "-5"],
        &["images", "build", "-d", "demo", "--workers", "0"],
        &["images", "pull", "-d", "demo", "--workers", "many"],
    ] {
        let ran = Program::new().run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("it must be a whole number") && ran.stderr.contains("hint: "), "{ran:?}");
    }
}

#[test]
fn a_file_of_settings_may_begin_with_a_byte_order_mark() {
    let program = Program::new();
    std::fs::write(program.path("mine.yaml"), "\u{feff}limits: {steps: 7}\n").unwrap();
    let ran = program.run(&["config", "-c", "mine.yaml"]);
    assert!(ran.code == Some(0) && ran.stdout.contains("steps: 7"), "{ran:?}");
    std::fs::write(program.path("mine.yaml"), b"\xff\xfel\0").unwrap();
    let ran = program.run(&["config", "-c", "mine.yaml"]);
    assert!(ran.code == Some(2) && ran.stderr.contains("UTF-16\nhint: save the file as UTF-8"), "{ran:?}");
}

#[test]
fn instances_are_listed_and_filtered() {
    let ran = Program::new().run(&["instances", "--dataset", "demo", "--filter", "(lru|tables)"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "demo__lru-1\ndemo__tables-1\n"), "{ran:?}");
}

#[test]
fn the_configuration_shows_every_layer() {
    let program = Program::new();
    std::fs::write(program.path("mine.yaml"), "limits: {steps: 7}\ncodeact: {bash_name: execute_bash}\n").unwrap();
    let ran = program.run(&["config", "-c", "mine.yaml", "-c", "limits.cost=null", "--model", "m"]);
    for line in ["steps: 7", "cost: null", "bash_name: execute_bash", "name: m"] {
        assert!(ran.stdout.contains(line), "`{line}` is missing: {ran:?}");
    }
}

#[test]
fn ids_match_in_any_case() {
    let ran = Program::new().run(&["solve", "DEMO__LRU-1"]);
    assert_eq!(ran.line("demo__lru-1")["resolved"], true);
}

#[test]
fn gold_resolves_empty_does_not_and_predictions_are_judged_from_a_file() {
    let program = Program::new();
    let gold =
        program.run(&["evaluate", "--dataset", "demo", "--predictions", "gold", "--run", "gold", "--workers", "2"]);
    let empty = program.run(&["evaluate", "--dataset", "demo", "--predictions", "empty", "--run", "empty"]);
    let lines = std::fs::read_to_string(program.path(".runs/gold/evaluate/preds.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 3);
    for id in ["demo__durations-1", "demo__lru-1", "demo__tables-1"] {
        assert_eq!(gold.report(id)["resolved"], true, "{gold:?}");
        assert_eq!(empty.report(id)["resolved"], false, "{empty:?}");
    }
    let again = program.run(&[
        "evaluate",
        "--dataset",
        "demo",
        "--predictions",
        ".runs/gold/evaluate/preds.jsonl",
        "demo__lru-1",
        "DEMO__lru-1",
    ]);
    assert_eq!(again.stdout.lines().count(), 1, "{again:?}");
    assert_eq!(again.report("demo__lru-1")["resolved"], true, "{again:?}");
}

#[test]
fn settings_that_cannot_work_are_refused_before_anything_runs() {
    for (setting, words) in [
        ("codeact.bash_name=finish", "two tools are named `finish`"),
        ("codeact.bash_name=a b", "is not a valid tool name"),
        ("limits.time=-1", "`limits.time` must be a number above 0, not -1"),
        ("limits.time=.nan", "`limits.time` must be a number above 0, not .nan"),
        ("limits.cost=0", "`limits.cost` must be a number above 0, not 0\nhint: `-c limits.cost=null` sets no limit"),
        ("limits.steps=0", "hint: `-c limits.steps=null` sets no limit"),
        (
            "evaluation.retries=-1",
            "`evaluation.retries` must be a number of at least 0, not -1\nhint: 0 retries nothing",
        ),
        ("model.retry.base=-1", "`model.retry.base` must be a number of at least 0"),
        ("sandbox.memory=0g", "`sandbox.memory` must be a number above 0, not 0g"),
        ("codeact.max_idle=-1", "`codeact.max_idle` must be a number of at least 0"),
        ("codeact.max_idle=many", "max_idle: invalid type"),
    ] {
        let ran = Program::new().run(&["solve", "demo__lru-1", "-c", setting]);
        assert_eq!(ran.code, Some(2), "{setting}: {ran:?}");
        assert!(ran.stderr.contains(words), "{setting}: {ran:?}");
    }
    let ran = Program::new().run(&["config", "-c", "model.extra.a=1", "-c", "model.extra.b=2"]);
    assert!(ran.stdout.contains("a: 1") && ran.stdout.contains("b: 2"), "{ran:?}");
}

#[test]
fn answers_that_cannot_be_read_are_refused_by_name() {
    for (provider, text, words) in [
        ("replay", "garbage", "it holds no answers"),
        ("replay", "", "it holds no answers"),
        ("script", "turns: 5", "turns"),
    ] {
        let program = Program::new();
        std::fs::write(program.path("answers"), text).unwrap();
        let provider = format!("model.provider={provider}");
        let ran = program.run(&["solve", "demo__lru-1", "-c", &provider, "-c", "model.path=answers"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains("`answers`") && ran.stderr.contains(words), "{ran:?}");
    }
}

#[test]
fn predictions_that_differ_for_one_id_or_are_of_an_unknown_one_are_refused() {
    let line =
        |id: &str| format!("{{\"instance_id\": \"{id}\", \"model_name_or_path\": \"m\", \"model_patch\": \"x\"}}\n");
    for (text, words) in [
        (
            line("demo__lru-1") + "\n" + &line("DEMO__lru-1").replace("\"x\"", "\"y\""),
            "two predictions that differ for one instance\n  `demo__lru-1` by `m`: lines 1 and 3\nhint: ",
        ),
        ("\u{feff}".to_owned() + &line("demo__lrr-1"), "did you mean `demo__lru-1`"),
        (line("demo__lrr-1"), "did you mean `demo__lru-1`"),
        ("{}".to_owned(), "predictions `p.jsonl`: line 1: missing field `instance_id`"),
    ] {
        let program = Program::new();
        std::fs::write(program.path("p.jsonl"), text).unwrap();
        let ran = program.run(&["evaluate", "--dataset", "demo", "-p", "p.jsonl"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(words), "{ran:?}");
    }
}
