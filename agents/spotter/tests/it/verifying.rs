//! `verify` and `best-of` on candidates that were imported.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::program::{Program, Ran};

/// Returns a program whose run `made` has candidates of three repositories: patches of few lines are right, others are not.
fn program() -> Program {
    let program = Program::new();
    let mut rows = String::new();
    for number in 0..24 {
        for sample in 0..4 {
            let is_short = (number * 7 + sample * 3) % 5 < 2;
            let lines = if is_short { 2 } else { 30 + sample };
            let added: String = (0..lines).map(|line| format!("+value_{line} = {line}\n")).collect();
            let patch = format!("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -4,0 +5,{lines} @@\n{added}");
            let instance_id = format!("owner__repo{}-{number}", number % 3);
            let row = json!({"instance_id": instance_id, "source": "made", "run": sample, "patch": patch, "resolved": is_short});
            writeln!(rows, "{row}").unwrap();
        }
    }
    std::fs::write(program.path("made.jsonl"), rows).unwrap();
    let ran = program.run(&["import", "made.jsonl", "--run", "made"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    program
}

fn check(ran: &Ran, code: i32, said: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for words in said {
        assert!(ran.stdout.contains(words) || ran.stderr.contains(words), "`{words}` is not in {ran:?}");
    }
}

#[test]
fn scores_are_written_and_measured_beside_the_bounds() {
    let program = program();
    let ran = program.run(&["verify", "made", "--by", "majority", "--by", "random"]);
    check(
        &ran,
        0,
        &["best@k, %", "majority over first", "AUC", "rates are of 24 instances with a verdict, for k up to 4"],
    );
    let text = std::fs::read_to_string(program.path(".runs/made/scores.majority.jsonl")).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 96);
    assert!(rows.iter().all(|row| row["scorer"] == "majority" && row["score"].as_f64().is_some()), "{text}");
    assert!(program.path(".runs/made/scores.random.jsonl").is_file());
}

#[test]
fn what_is_trained_picks_the_best() {
    let program = program();
    let ran = program.run(&["verify", "made", "--train", "--out", "model.json", "--folds", "3"]);
    check(
        &ran,
        0,
        &["learned over random", "of 3 folds over 3 repositories", "trained on 96 candidates of 24 instances"],
    );
    let ran =
        program.run(&["best-of", "made", "--n", "4", "--by", "learned", "--model", "model.json", "--out", "picked"]);
    check(
        &ran,
        0,
        &["24 instances, 96 candidates", "stopping early by `learned`", "the model was trained on repositories of 24"],
    );
    let preds = std::fs::read_to_string(program.path("picked/preds.jsonl")).unwrap();
    assert_eq!(preds.lines().count(), 24);
    for line in preds.lines() {
        let prediction: Value = serde_json::from_str(line).unwrap();
        assert_eq!(prediction["model_name_or_path"], "best-of-4-learned");
    }
    let csv = std::fs::read_to_string(program.path("picked/curves.csv")).unwrap();
    // The short patches are right, so that whoever tells short from long picks what the oracle does.
    let best = |scorer: &str| {
        csv.lines().find_map(|line| line.strip_prefix(&format!("best,{scorer},,4,"))).unwrap().to_owned()
    };
    assert_eq!(best("learned"), best("oracle"), "{csv}");
    assert!(std::fs::read_to_string(program.path("picked/curves.svg")).unwrap().contains("learned"));
    assert!(std::fs::read(program.path("picked/curves.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn errors_say_what_to_do() {
    let program = program();
    std::fs::write(program.path("no-model.json"), "{}").unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["verify", "made"], &["nothing says how to rate", "hint: `--by majority`, or `--train --out FILE`"]),
        (&["best-of", "made"], &["nothing says how to pick", "hint: `--by majority`"]),
        (&["verify", "made", "--by", "majorty"], &["there is no scorer `majorty`", "hint: did you mean `majority`?"]),
        (&["best-of", "made", "--by", "zzz"], &["there is no scorer `zzz`", "hint: the scorers are `"]),
        (&["verify", "made", "--by", "learned"], &["`learned` needs the file of a model", "hint: `--model FILE`"]),
        (&["verify", "made", "--by", "learned", "--model", "gone.json"], &["cannot read `gone.json`"]),
        (
            &["verify", "made", "--by", "learned", "--model", "no-model.json"],
            &["cannot use `no-model.json`", "this is no learned scorer", "hint: `spotter verify --train"],
        ),
        (&["verify", "mad", "--by", "majority"], &["mad", "hint:"]),
        (
            &["verify", "made", "--cell", "none", "--by", "majority"],
            &["there is no finished episode with a patch here"],
        ),
        (&["verify", "made", "--train"], &["--out"]),
        (&["best-of", "made", "--by", "majority", "--n", "0"], &["--n"]),
    ];
    for (arguments, said) in cases {
        check(&program.run(arguments), 2, said);
    }
}
