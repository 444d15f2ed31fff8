//! What a cell keeps of its episodes, and for which patch a verdict counts.

use std::fs;

use agent_core::{ExitStatus, Outcome, OutcomeClass, Record, Recorder, Spending};
use env_core::{Failure, Infra, InfraReason, Judging, Patch, Report, Tier, Trust, Verdict};
use grading::write_report;
use journal::{CellDir, Ended, Ending, Failed, FileRecorder, Found, Judged, Prediction, Run, Subject};
use tempfile::TempDir;

const PATCH: &str = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+2\n";

fn cell() -> (TempDir, CellDir) {
    let folder = tempfile::tempdir().unwrap();
    let cell_dir = CellDir::create(folder.path(), "run", "cell").unwrap();
    (folder, cell_dir)
}

fn subject(patch: &str) -> Subject {
    Subject { patch: Patch(patch.to_owned()).digest(), judging: "j".to_owned(), image: None }
}

fn prediction(patch: &str) -> Prediction {
    Prediction {
        instance_id: "a".to_owned(),
        model_name_or_path: "m".to_owned(),
        model_patch: Some(patch.to_owned()),
        spoiled: false,
    }
}

/// Returns a verdict with something in each of its fields that is kept.
fn verdict() -> Verdict {
    Verdict {
        report: Report { resolved: true, patch_exists: true, ..Report::default() },
        failure: Some(Failure::Distrusted),
        infra: Some(Infra { tier: Tier::Environment, reason: InfraReason::OutOfMemory }),
        broken: Some("no disk".to_owned()),
        trust: Trust { judging: Judging::Strict, ..Trust::default() },
        ..Verdict::default()
    }
}

fn judge(cell_dir: &CellDir, verdict: &Verdict, patch: &str) {
    let dir = cell_dir.episode("a").unwrap();
    dir.write("report.json", write_report(&verdict.report, "a").as_bytes()).unwrap();
    cell_dir.judge(&dir, "a", Judged::new(verdict, subject(patch))).unwrap();
}

#[test]
fn a_verdict_is_found_for_its_patch_alone_and_only_with_the_report_that_it_came_with() {
    let (folder, cell_dir) = cell();
    let found = |patch: &str| {
        let other = CellDir::create(folder.path(), "run", "cell").unwrap();
        match other.find(&subject(patch), "a") {
            Found::Verdict(verdict) => Some(*verdict),
            Found::Infrastructure => panic!("nothing failed"),
            Found::Nothing => None,
        }
    };
    assert_eq!(found(PATCH), None);
    assert!(!cell_dir.is_solved("a") && cell_dir.report("a").is_none());
    judge(&cell_dir, &verdict(), PATCH);
    assert_eq!(found(PATCH), Some(verdict()));
    assert_eq!(found("another"), None);
    assert!(cell_dir.is_solved("a"));
    assert_eq!(cell_dir.report("a"), Some(verdict().report));
    // Someone has changed what the tests say.
    let path = cell_dir.instance_path("a").join("report.json");
    fs::write(&path, write_report(&Report::default(), "a")).unwrap();
    assert_eq!(found(PATCH), None);
    fs::remove_file(&path).unwrap();
    assert_eq!(found(PATCH), None);
}

#[test]
fn a_verdict_that_infrastructure_prevented_is_found_for_its_patch_alone() {
    let (_folder, cell_dir) = cell();
    let dir = cell_dir.episode("a").unwrap();
    cell_dir.fail(&dir, "a", Failed { subject: subject(PATCH), error: "no disk".to_owned() }).unwrap();
    assert!(matches!(cell_dir.find(&subject(PATCH), "a"), Found::Infrastructure));
    assert!(matches!(cell_dir.find(&subject("another"), "a"), Found::Nothing));
}

#[test]
fn an_episode_counts_by_the_verdict_on_the_patch_that_was_handed_in() {
    let (_folder, cell_dir) = cell();
    let ending = || Run::of(cell_dir.journal()).episode("cell", "a", 0).unwrap().ending();
    cell_dir.put_prediction(&prediction(" \n")).unwrap();
    assert_eq!(ending(), Ending::Empty);
    cell_dir.put_prediction(&prediction(PATCH)).unwrap();
    assert_eq!(ending(), Ending::Unfinished);
    let fail = |patch: &str| {
        let dir = cell_dir.episode("a").unwrap();
        cell_dir.fail(&dir, "a", Failed { subject: subject(patch), error: "no disk".to_owned() }).unwrap();
    };
    fail("another");
    assert_eq!(ending(), Ending::Unfinished);
    fail(PATCH);
    assert_eq!(ending(), Ending::Infrastructure);
    for (resolved, expected) in [(true, Ending::Solved), (false, Ending::Unsolved)] {
        let verdict = Verdict { report: Report { resolved, ..Report::default() }, ..Verdict::default() };
        judge(&cell_dir, &verdict, "another");
        assert_eq!(ending(), Ending::Unfinished);
        judge(&cell_dir, &verdict, PATCH);
        assert_eq!(ending(), expected);
    }
    cell_dir.put_prediction(&Prediction { spoiled: true, ..prediction(PATCH) }).unwrap();
    assert_eq!(ending(), Ending::NotApplied);
}

fn ended() -> Ended {
    let (error, spending, config) = (None, None, Some("c".to_owned()));
    Ended { exit_status: "submitted".to_owned(), class: OutcomeClass::Submitted, error, spending, config }
}

#[test]
fn an_episode_that_begins_again_has_not_ended_and_one_that_starts_over_has_nothing() {
    let (folder, cell_dir) = cell();
    let dir = cell_dir.episode("a").unwrap();
    let other = || CellDir::create(folder.path(), "run", "cell").unwrap();
    cell_dir.end(&dir, "a", ended()).unwrap();
    cell_dir.put_prediction(&prediction(PATCH)).unwrap();
    assert_eq!(other().ended("a"), Some(ended()));
    assert_eq!(other().prediction("a"), Some(prediction(PATCH)));
    assert!(dir.read("ended.json").unwrap().unwrap().contains("submitted"));
    cell_dir.begin(&dir, "a").unwrap();
    assert_eq!((other().ended("a"), other().prediction("a")), (None, Some(prediction(PATCH))));
    assert_eq!(dir.read("ended.json").unwrap(), None);
    cell_dir.end(&dir, "a", ended()).unwrap();
    cell_dir.reset(&dir, "a").unwrap();
    assert_eq!((other().ended("a"), other().prediction("a")), (None, None));
    assert_eq!(dir.read("ended.json").unwrap(), None);
}

#[test]
fn what_a_killed_process_had_not_shown_yet_is_shown_and_no_folder_is_made_for_it() {
    let (folder, cell_dir) = cell();
    for id in ["a", "b"] {
        cell_dir.end(&cell_dir.episode(id).unwrap(), id, ended()).unwrap();
    }
    let sample = cell_dir.of_sample(1);
    sample.end(&sample.episode("a").unwrap(), "a", ended()).unwrap();
    let view = |cell_dir: &CellDir, id: &str| cell_dir.instance_path(id).join("ended.json");
    fs::remove_file(view(&cell_dir, "a")).unwrap();
    fs::remove_file(view(&sample, "a")).unwrap();
    fs::remove_dir_all(cell_dir.instance_path("b")).unwrap();
    CellDir::create(folder.path(), "run", "cell").unwrap().write_missing_views().unwrap();
    assert!(view(&cell_dir, "a").exists() && !view(&sample, "a").exists());
    assert!(!cell_dir.instance_path("b").exists());
    sample.write_missing_views().unwrap();
    assert!(view(&sample, "a").exists());
    // What someone has written by hand stays.
    fs::write(view(&cell_dir, "a"), "mine").unwrap();
    cell_dir.write_missing_views().unwrap();
    assert_eq!(fs::read_to_string(view(&cell_dir, "a")).unwrap(), "mine");
}

#[test]
fn what_was_asked_for_adds_up_and_what_was_planned_replaces_it() {
    let (folder, cell_dir) = cell();
    let other = || CellDir::create(folder.path(), "run", "cell").unwrap();
    let view =
        || -> Vec<String> { serde_json::from_str(&fs::read_to_string(cell_dir.view("asked.json")).unwrap()).unwrap() };
    cell_dir.ask(["a", "b"]).unwrap();
    cell_dir.ask(["b", "c"]).unwrap();
    assert_eq!(view(), ["a", "b", "c"]);
    assert!(other().is_asked("a") && other().is_asked("c") && !other().is_asked("d"));
    let run = Run::of(cell_dir.journal());
    assert!(run.planned("cell").is_empty());
    cell_dir.plan(["c", "d"]).unwrap();
    assert_eq!(view(), ["c", "d"]);
    assert!(!other().is_asked("a") && other().is_asked("d"));
    let third = cell_dir.of_sample(2);
    assert_eq!(third.sample(), 2);
    third.plan(["a"]).unwrap();
    assert_eq!(run.planned("cell"), [0, 2]);
    assert!(third.is_asked("a") && !cell_dir.is_asked("a"));
    // Asking for what is known writes no line.
    let journal = || fs::read_dir(folder.path().join("run/journal")).unwrap().next().unwrap().unwrap().path();
    let length = || fs::metadata(journal()).unwrap().len();
    let before = length();
    cell_dir.ask(["c"]).unwrap();
    cell_dir.plan(["d", "c"]).unwrap();
    assert_eq!(length(), before);
}

#[test]
fn a_reader_takes_in_what_was_added_since_it_opened_the_run() {
    let (folder, cell_dir) = cell();
    cell_dir.ask(["a"]).unwrap();
    fs::write(cell_dir.path().join("config.yaml"), "agent: codeact\n").unwrap();
    let run = Run::open(&folder.path().join("run")).unwrap();
    assert_eq!((run.name().as_str(), run.cells()), ("run", vec!["cell".to_owned()]));
    assert_eq!(run.config("cell").unwrap().as_deref(), Some("agent: codeact\n"));
    assert_eq!(run.config("another").unwrap(), None);
    let dir = cell_dir.episode("a").unwrap();
    let outcome = Outcome {
        exit_status: ExitStatus::Submitted,
        patch: Some(Patch(PATCH.to_owned())),
        left_out: Vec::new(),
        spending: Spending::default(),
    };
    let records =
        [Record::Conversation { step: 1, name: "edit".to_owned(), restored: false }, Record::Outcome(outcome.clone())];
    let mut recorder = FileRecorder::create(&dir.file("trajectory.jsonl")).unwrap();
    records.iter().for_each(|record| recorder.append(record).unwrap());
    cell_dir.end(&dir, "a", ended()).unwrap();
    assert!(run.episode("cell", "a", 0).is_none());
    run.refresh().unwrap();
    let episode = run.episode("cell", "a", 0).unwrap();
    assert_eq!((episode.ended.as_ref(), episode.outcome()), (Some(&ended()), Some(outcome)));
    assert_eq!(episode.trajectory().unwrap().unwrap().records, records);
    assert_eq!(dir.trajectory("trajectory.jsonl").unwrap().unwrap().records, records);
    // An episode without its last line has no outcome.
    FileRecorder::create(&dir.file("trajectory.jsonl")).unwrap().append(&records[0]).unwrap();
    assert_eq!(episode.outcome(), None);
    assert_eq!(cell_dir.episodes_besides(&[]), 1);
    assert_eq!(cell_dir.episodes_besides(&["a".to_owned()]), 0);
    assert_eq!(dir.free_name("trajectory"), "trajectory.1.jsonl");
    for number in 1..=2 {
        dir.write(&format!("trajectory.{number}.jsonl"), b"").unwrap();
    }
    assert_eq!(dir.free_name("trajectory"), "trajectory.3.jsonl");
    dir.remove("trajectory.2.jsonl").unwrap();
    dir.remove("trajectory.2.jsonl").unwrap();
    assert_eq!(dir.free_name("trajectory"), "trajectory.2.jsonl");
    fs::create_dir(dir.file("folder")).unwrap();
    assert!(dir.remove("folder").is_err());
}
