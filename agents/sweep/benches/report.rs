//! What a report and a status of ten thousand episodes take.
//!
//! `cargo bench -p sweep --bench report`

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints its figures")]

use std::time::Instant;

use agent_core::{OutcomeClass, Spending, Usage};
use env_core::Patch;
use journal::{Ended, Entry, Journal, Judged, Prediction, Run, Subject};
use sweep::report::{By, CellFacts, Format, Report};
use sweep::status::{Live, Status};

const CELLS: usize = 2;
const INSTANCES: usize = 1_250;
const SAMPLES: u32 = 4;

fn main() {
    let folder = tempfile::tempdir_in(".").unwrap();
    write(&Journal::open(folder.path()).unwrap());
    let before = resident();
    let timed = |what: &str, begun: Instant| {
        println!("{what}: {:.0?}, {} MB more resident", begun.elapsed(), resident() - before)
    };
    let begun = Instant::now();
    let run = Run::open(folder.path()).unwrap();
    timed("opened", begun);
    let begun = Instant::now();
    let cells: Vec<CellFacts> = run.cells().iter().map(|cell| CellFacts::read(&run, "run", cell, None)).collect();
    timed("read", begun);
    for (by, name) in [(By::Cell, "by cell"), (By::Repository, "by repository"), (By::Instance, "by instance")] {
        let begun = Instant::now();
        let report = Report::new(&cells, by, Some(["a", "b"])).unwrap();
        let length: usize = [Format::Table, Format::Json, Format::Csv, Format::Markdown]
            .map(|form| report.write(form).unwrap().len())
            .iter()
            .sum();
        timed(&format!("{name}, in all four forms ({length} bytes)"), begun);
    }
    let begun = Instant::now();
    let status = Status::read(&run, "run", &mut Live::default(), 2e9);
    timed(&format!("status of {} episodes", status.cells.iter().map(|cell| cell.done).sum::<usize>()), begun);
}

/// Writes what ten thousand judged episodes leave in a journal.
fn write(journal: &Journal) {
    let ids: Vec<String> = (0..INSTANCES).map(|number| format!("owner__name{}-{number}", number % 11)).collect();
    for cell in ["a", "b"].into_iter().take(CELLS) {
        for sample in 0..SAMPLES {
            let mut entries = vec![Entry::Asked { sample, instance_ids: ids.clone() }];
            for (number, id) in ids.iter().enumerate() {
                entries.extend(entries_of(id, sample, number * 7 % 3 == 0));
            }
            journal.append(cell, entries).unwrap();
        }
    }
}

fn entries_of(id: &str, sample: u32, resolved: bool) -> [Entry; 4] {
    let (instance_id, patch) = (id.to_owned(), format!("+a line of a patch for {id}\n").repeat(60));
    let spending = Spending {
        steps: 19,
        queries: 19,
        usage: Usage { prompt_tokens: 18_000, completion_tokens: 600, ..Usage::default() },
        cost: 0.05,
        seconds: 90.0,
        ..Spending::default()
    };
    let class = OutcomeClass::Submitted;
    let ended =
        Ended { exit_status: "submitted".to_owned(), class, error: None, spending: Some(spending), config: None };
    let subject = Subject { patch: Patch(patch.clone()).digest(), judging: "judging".to_owned(), image: None };
    let judged = Judged {
        subject,
        failure: None,
        infra: None,
        broken: None,
        trust: Default::default(),
        report: None,
        resolved: Some(resolved),
        fail_to_pass: Some([1, 1]),
        pass_to_pass: Some([90, 90]),
    };
    let prediction = Prediction {
        instance_id: instance_id.clone(),
        model_name_or_path: "model".to_owned(),
        model_patch: Some(patch),
        spoiled: false,
    };
    [
        Entry::Begun { instance_id: instance_id.clone(), sample },
        Entry::Ended { instance_id: instance_id.clone(), sample, ended },
        Entry::Predicted { sample, prediction },
        Entry::Judged { instance_id, sample, judged },
    ]
}

/// Returns the memory that this process holds, in MB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096 / 1_000_000
}
