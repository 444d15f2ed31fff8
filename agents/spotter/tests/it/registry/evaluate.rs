//! Patches that are judged, and lists that are worked out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;

use super::{Dataset, check_turned, containers, validated};
use crate::cases;
use crate::killing::{instants, kill_after};
use crate::program::{Program, Ran};

/// Kills of an evaluation.
const KILLS: u32 = 10;

/// Judges patches of all instances, of which so many must be resolved; returns what the program said.
fn check(dataset: &Dataset, program: &Program, source: &str, resolved: usize, run: &str) -> Ran {
    let ran = dataset.run(program, &["evaluate", "--predictions", source], run);
    assert_eq!(ran.code, Some(0), "{}, {source}: {ran:?}", dataset.name);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = |verdict: bool| lines.iter().filter(|line| line["resolved"] == verdict).count();
    let wanted = (resolved, dataset.cases.len() - resolved);
    assert_eq!((found(true), found(false)), wanted, "{}, {source}: {ran:?}", dataset.name);
    ran
}

#[test]
#[ignore = "needs registry images"]
fn a_patch_that_solves_nothing_is_not_resolved() {
    let program = cases::program_of_registry();
    for dataset in Dataset::all() {
        for kind in ["empty", "unrelated", "reversed"] {
            let predictions = cases::registry().join(format!("predictions/{kind}.jsonl"));
            check(&dataset, &program, predictions.to_str().unwrap(), 0, &program.free_run());
        }
    }
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn the_reference_solution_is_resolved_and_the_word_empty_is_not() {
    let program = cases::program_of_registry();
    for dataset in Dataset::all() {
        check(&dataset, &program, "gold", dataset.cases.len(), &program.free_run());
        check(&dataset, &program, "empty", 0, &program.free_run());
    }
}

/// What tells the file of each verdict from one that was written again.
type Stamps = BTreeMap<PathBuf, (u64, i64, i64)>;

fn stamps(cell: &Path) -> Stamps {
    let folders = fs::read_dir(cell).into_iter().flatten().flatten().map(|folder| folder.path().join("judged.json"));
    let stamp = |file: PathBuf| {
        let state = fs::metadata(&file).ok()?;
        Some((file, (state.ino(), state.mtime(), state.mtime_nsec())))
    };
    folders.filter_map(stamp).collect()
}

/// Checks that no verdict is gone or was written again.
fn check_kept(before: &Stamps, now: &Stamps, when: &str) {
    let again: Vec<_> = before.iter().filter(|(file, stamp)| now.get(*file) != Some(stamp)).collect();
    assert!(again.is_empty(), "{when}: judged again: {again:?}");
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn an_evaluation_that_is_killed_judges_nothing_again_and_ends_as_a_whole_one() {
    let program = cases::program_of_registry();
    for dataset in Dataset::all() {
        let (whole, killed) = (program.free_run(), program.free_run());
        let begun = Instant::now();
        check(&dataset, &program, "gold", dataset.cases.len(), &whole);
        let life = begun.elapsed();
        let cell = program.path(&format!(".runs/{killed}/evaluate"));
        let command = dataset.arguments(&["evaluate", "--predictions", "gold"], &killed);
        let (mut judged, mut counts) = (Stamps::new(), Vec::new());
        // Short enough that most kills come before the end, long enough that some verdicts are reached.
        for instant in instants(KILLS, life / 2) {
            kill_after(program.command(&command), instant);
            let now = stamps(&cell);
            check_kept(&judged, &now, &format!("killed after {instant:?}"));
            judged = now;
            counts.push(judged.len());
        }
        println!("{}: a whole run takes {life:.1?}; verdicts after each kill: {counts:?}", dataset.name);
        let ran = program.run(&command);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        check_kept(&judged, &stamps(&cell), "at the end");
        check_same(&program.path(&format!(".runs/{whole}/evaluate")), &cell);
        let clean = program.run(&["clean"]);
        assert_eq!((clean.code, containers(&killed)), (Some(0), Vec::new()), "{clean:?}");
    }
}

/// Checks that two evaluations ended with the same files, and with none that was on its way.
fn check_same(whole: &Path, other: &Path) {
    let folders: Vec<PathBuf> = fs::read_dir(whole).unwrap().map(|entry| entry.unwrap().path()).collect();
    let of_instances = folders.iter().map(|folder| folder.join("report.json")).filter(|file| file.is_file());
    let files: Vec<PathBuf> =
        of_instances.chain(["report.json", "summary.json"].map(|name| whole.join(name))).collect();
    assert!(files.len() > 2, "{whole:?} has no report of an instance");
    for file in files {
        let same = other.join(file.strip_prefix(whole).unwrap());
        let read = |file: &Path| fs::read_to_string(file).unwrap_or_else(|err| panic!("{file:?}: {err}"));
        assert_eq!(read(&file), read(&same), "{file:?}, {same:?}");
    }
    for folder in fs::read_dir(other).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let mut names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let left = names.find(|name| name.extension().is_some_and(|extension| extension == "tmp"));
        assert_eq!(left, None);
    }
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn validation_finds_the_tests_that_the_solution_turns() {
    let program = cases::program_of_registry();
    for dataset in Dataset::all() {
        let run = program.free_run();
        let ran = dataset.run(&program, &["validate"], &run);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let lines = validated(&program, &run);
        assert_eq!(lines.len(), dataset.cases.len(), "{ran:?}");
        for line in lines {
            println!(
                "{} flaky {} problems {} {}",
                line["instance_id"], line["flaky"], line["problems"], line["differences"]
            );
            check_turned(&line);
        }
    }
}
