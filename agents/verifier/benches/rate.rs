//! How many trajectories a second the learned scorer is trained from and rates.
//!
//! `SPOTTER_DATA=… cargo bench -p verifier --bench rate`, with `-- candidates` on patches without trajectories; without the
//! variable, on trajectories that are made up.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking and prints its figures")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use agent_core::{Message, Record, Role, Trajectory};
use env_core::Patch;
use rayon::prelude::*;
use serde_json::Value;
use verifier::{Candidate, Candidates, Counted, Labels, Learned, Scorer, cross_validate};

/// How often everything is rated; the fastest counts.
const TIMES: usize = 5;

type Rows = BTreeMap<String, Vec<(Candidate, bool)>>;

fn main() {
    let mut rows = Rows::new();
    match std::env::var_os("SPOTTER_DATA").as_ref().map(Path::new) {
        // Candidates have no trajectory, so that there are more of them to train from and less to read.
        Some(folder) if std::env::args().any(|argument| argument == "candidates") => {
            real(&[folder.join("candidates.jsonl.zst")], &mut rows);
        }
        Some(folder) => {
            let entries = std::fs::read_dir(folder.join("trajectories")).unwrap();
            let files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
            real(&files, &mut rows);
        }
        None => made(&mut rows),
    }
    let labels: Labels =
        rows.iter().map(|(id, of)| (id.clone(), of.iter().map(|(_, resolved)| *resolved).collect())).collect();
    let instances: Vec<Candidates> = rows
        .into_iter()
        .map(|(instance_id, of)| Candidates { instance_id, candidates: of.into_iter().map(|(one, _)| one).collect() })
        .collect();
    let letters: usize = instances.iter().flat_map(|one| &one.candidates).map(letters).sum();
    let count: usize = labels.values().map(Vec::len).sum();
    println!("{count} trajectories of {} instances, {:.1} MB of text", instances.len(), letters as f64 / 1e6);

    let timer = Timer::start();
    let counted: Vec<Counted> = instances.par_iter().map(|one| Counted::new(one, &labels[&one.instance_id])).collect();
    let model = Learned::train(&counted).unwrap();
    println!("counted and trained in {timer}");
    let timer = Timer::start();
    cross_validate(&counted, 5, 10).unwrap();
    println!("five-fold cross-validation with all subsets up to k = 10: {timer}");

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let timer = Timer::start();
    let rate = |_| {
        let begun = Instant::now();
        instances.iter().for_each(|one| assert!(!runtime.block_on(model.rate(one)).unwrap().is_empty()));
        begun.elapsed().as_secs_f64()
    };
    let fastest = (0..TIMES).map(rate).fold(f64::INFINITY, f64::min);
    println!(
        "rated {:.0} trajectories/s on one core in the fastest of {TIMES} rounds; all: {timer}",
        count as f64 / fastest
    );
    if let Some(processor) = timer.processor() {
        println!("rated {:.0} trajectories in each second of processor time", (TIMES * count) as f64 / processor);
    }
}

/// Time on the clock, and time of the processor, which other programs on the machine do not lengthen.
struct Timer {
    begun: Instant,
    processor: Option<f64>,
}

impl Timer {
    fn start() -> Self {
        Self { begun: Instant::now(), processor: processor() }
    }

    fn processor(&self) -> Option<f64> {
        Some(processor()? - self.processor?)
    }
}

impl std::fmt::Display for Timer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.2} s", self.begun.elapsed().as_secs_f64())?;
        match self.processor() {
            Some(processor) => write!(f, " ({processor:.2} s of processor time)"),
            None => Ok(()),
        }
    }
}

/// Returns the seconds of processor time of all threads so far; `None` where `/proc` does not tell.
fn processor() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold anything: the 14th and 15th field, in hundredths of a second.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}

fn letters(candidate: &Candidate) -> usize {
    let records = candidate.trajectory.iter().flat_map(|trajectory| &trajectory.records);
    let text =
        records.map(|record| if let Record::Message { message, .. } = record { message.content.len() } else { 0 });
    candidate.patch.0.len() + text.sum::<usize>()
}

/// Reads the published rows, with their conversation where they have it as messages.
fn real(files: &[PathBuf], rows: &mut Rows) {
    for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "zst")) {
        let text = String::from_utf8(zstd::decode_all(std::fs::File::open(file).unwrap()).unwrap()).unwrap();
        for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let Some(id) = row["instance_id"].as_str() else { continue };
            let messages = row["messages"].as_array().map_or(&[] as &[Value], Vec::as_slice);
            if messages.is_empty() && row.get("raw").is_some() {
                continue;
            }
            let message = |one: &Value| {
                let role = match one["role"].as_str().unwrap_or_default() {
                    "system" => Role::System,
                    "assistant" => Role::Assistant,
                    _ => Role::User,
                };
                let text = one["content"].as_str().map_or_else(|| one["content"].to_string(), str::to_owned);
                (role, text)
            };
            let candidate = candidate(row["patch"].as_str().unwrap_or_default(), messages.iter().map(message));
            let resolved = row["resolved"].as_bool().unwrap_or_default();
            rows.entry(id.to_owned()).or_default().push((candidate, resolved));
        }
    }
}

/// Makes 1,000 trajectories of 40 messages for 250 instances of five repositories.
fn made(rows: &mut Rows) {
    let mut random = fastrand::Rng::with_seed(1);
    for number in 0..1_000 {
        let lines = random.usize(1..30);
        let added: String = (0..lines).map(|line| format!("+    value_{line} = compute({line})\n")).collect();
        let patch = format!("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -4,0 +5,{lines} @@\n{added}");
        let message = |at: usize| match at % 2 {
            0 => (Role::User, "test_one PASSED\nline of output that says little\n".repeat(40)),
            _ => (
                Role::Assistant,
                format!("I will run the tests once more.\n```bash\npytest -x tests/test_{at}.py\n```"),
            ),
        };
        let resolved = lines < 10 && random.u8(0..10) > 1;
        let id = format!("owner__repo{}-{}", number % 5, number / 4);
        rows.entry(id).or_default().push((candidate(&patch, (0..40).map(message)), resolved));
    }
}

fn candidate(patch: &str, messages: impl Iterator<Item = (Role, String)>) -> Candidate {
    let record = |(step, (role, content)): (usize, (Role, String))| Record::Message {
        step: step as u64,
        message: Message { role, content, tool_calls: Vec::new(), tool_call_id: None, name: None, extras: None },
        extra: serde_json::Map::new(),
        restored: false,
    };
    let records: Vec<Record> = messages.enumerate().map(record).collect();
    let trajectory = (!records.is_empty()).then_some(Trajectory { records, torn: false });
    Candidate { patch: Patch(patch.to_owned()), trajectory, place: 0 }
}
