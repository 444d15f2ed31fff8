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

#[test]
fn scores_that_are_there_are_not_lost() {
    let program = program();
    let read = |name: &str| {
        let text = std::fs::read_to_string(program.path(&format!(".runs/made/scores.{name}.jsonl"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    check(&program.run(&["verify", "made", "--by", "majority"]), 0, &[]);
    let whole = read("majority");
    // Of other episodes, then what was written, then another program's scores under the same name.
    let path = program.path(".runs/made/scores.majority.jsonl");
    let other =
        json!({ "cell": "other", "instance_id": "gone__gone-1", "sample": 0, "scorer": "majority", "score": 0.5 });
    std::fs::write(&path, format!("{}{other}\n", std::fs::read_to_string(&path).unwrap())).unwrap();
    check(&program.run(&["verify", "made", "--by", "majority"]), 0, &[]);
    assert_eq!(read("majority").len(), whole.len() + 1);
    let before = read("majority");
    check(&program.run(&["verify", "made", "--by", "stored:majority"]), 0, &[]);
    assert_eq!(read("majority"), before);
    let others: String = (0..24)
        .map(|number| {
            json!({ "instance_id": format!("owner__repo{}-{number}", number % 3), "score": 7.0 }).to_string() + "\n"
        })
        .collect();
    std::fs::write(program.path("scores.majority.jsonl"), others).unwrap();
    check(&program.run(&["verify", "made", "--by", "file:scores.majority.jsonl"]), 0, &[]);
    assert_eq!(read("majority"), before);
}

#[test]
fn a_mix_is_measured_by_subset_and_knows_what_rank_went_by() {
    let program = program();
    let fit = ["verify", "made", "--by", "majority", "--by", "rank", "--base", "first", "--fit", "--out", "mix.json"];
    std::fs::create_dir_all(program.path(".runs/made")).unwrap();
    let ran = program.run(&["verify", "made", "--by", "majority", "--by", "first", "--fit", "--out", "mix.json"]);
    check(&ran, 0, &["hybrid over random", "fitted to 96 candidates of 24 instances"]);
    assert!(std::fs::read_to_string(program.path("mix.json")).unwrap().contains("\"majority\""));
    // What the arguments lack is told before any test is run.
    let refused = program.run(&[&fit[..fit.len() - 2], &["--out"]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let mix = json!({ "scorers": ["rank"], "base": "first", "scales": [[0.0, 1.0]], "weights": [0.0, 1.0, 0.0, 0.0] });
    std::fs::write(program.path("ranked.json"), mix.to_string()).unwrap();
    let other = ["verify", "made", "--by", "hybrid", "--weights", "ranked.json", "--base", "majority"];
    check(&program.run(&other), 2, &["the mix was fitted with `--base first`"]);
    let unknown = program.run(&["verify", "made", "--by", "tests", "--by", "lerned"]);
    check(&unknown, 2, &["there is no scorer `lerned`"]);
    assert!(!program.path(".runs/trials").exists(), "tests were run before the arguments were read: {unknown:?}");
}
