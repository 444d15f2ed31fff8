//! What one more item of a run costs, when there are none and when there are ten thousand.
//!
//! `cargo bench -p journal --bench items`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints its figures")]

use std::time::{Duration, Instant};

use agent_core::OutcomeClass;
use env_core::Verdict;
use journal::{CellDir, Ended, Judged, Prediction, Run, Subject};

const ITEMS: usize = 10_000;
const PART: usize = 1_000;

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    let open = |run: &str| CellDir::create(folder.path(), run, "codeact").unwrap();
    let (full, empty) = (open("full"), open("empty"));
    let patch = "+a line of a patch\n".repeat(100);
    let timed = |cell_dir: &CellDir, number: usize| {
        let begun = Instant::now();
        add(cell_dir, &format!("owner__repository-{number}"), &patch);
        begun.elapsed()
    };
    let begun = Instant::now();
    for number in 0..ITEMS - PART {
        timed(&full, number);
    }
    println!("{} items in {:.1?}", ITEMS - PART, begun.elapsed());
    // The last ones in turns with the first ones of another run, as a machine is not equally fast all the time.
    let (last, first): (Vec<Duration>, Vec<Duration>) =
        (ITEMS - PART..ITEMS).map(|number| (timed(&full, number), timed(&empty, number))).unzip();
    let median = |mut part: Vec<Duration>| {
        part.sort();
        part[part.len() / 2]
    };
    let (first, last) = (median(first), median(last));
    println!("median of the first {PART} items: {first:.2?}, of the last of {ITEMS}: {last:.2?}");
    println!("ratio last/first: {:.2}", last.as_secs_f64() / first.as_secs_f64());
    let begun = Instant::now();
    let run = Run::open(&folder.path().join("full")).unwrap();
    let count = run.episodes("codeact").len();
    println!("opened again with {count} episodes in {:.0?}", begun.elapsed());
}

/// Adds what a solved instance adds.
fn add(cell_dir: &CellDir, id: &str, patch: &str) {
    let dir = cell_dir.episode(id).unwrap();
    cell_dir.begin(&dir, id).unwrap();
    let ended = Ended {
        exit_status: "submitted".to_owned(),
        class: OutcomeClass::Submitted,
        error: None,
        spending: None,
        config: None,
    };
    cell_dir.end(&dir, id, ended).unwrap();
    cell_dir
        .put_prediction(&Prediction {
            instance_id: id.to_owned(),
            model_name_or_path: "model".to_owned(),
            model_patch: Some(patch.to_owned()),
            spoiled: false,
        })
        .unwrap();
    let verdict = Verdict::default();
    let subject = Subject { patch: id.to_owned(), judging: "judging".to_owned(), image: None };
    cell_dir.judge(&dir, id, Judged::new(&verdict, subject)).unwrap();
}
