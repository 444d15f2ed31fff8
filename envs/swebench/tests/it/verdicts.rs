//! Our verdicts on real logs against the official ones; skipped where there are no logs.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use dataset::Row;
use env_core::{Dialect, EvalType, Graded, GradingSpec, Parser, TestsStatus, grade};
use serde_json::Value;

use crate::data;

/// Returns the rows of these files by id; the first file that has an instance wins.
fn rows(files: &[&str]) -> Option<HashMap<String, Row>> {
    let mut all = HashMap::new();
    for file in files {
        for row in data::rows(file)? {
            all.entry(row.instance_id.clone()).or_insert(row);
        }
    }
    Some(all)
}

fn records(path: &Path) -> Vec<Value> {
    let file = File::open(path).unwrap();
    let reader: Box<dyn Read> =
        if path.extension().unwrap() == "zst" { Box::new(zstd::Decoder::new(file).unwrap()) } else { Box::new(file) };
    BufReader::new(reader).lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

fn logs(path: &Path) -> HashMap<String, Vec<u8>> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(File::open(path).unwrap()).unwrap());
    let mut logs = HashMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        logs.insert(name, bytes);
    }
    logs
}

fn spec(row: &Row, dialect: Dialect) -> GradingSpec {
    GradingSpec {
        dialect,
        parser: Parser::for_repo(&row.repo).unwrap(),
        eval_type: EvalType::PassAndFail,
        fail_to_pass: row.fail_to_pass.clone(),
        pass_to_pass: row.pass_to_pass.clone(),
    }
}

/// Returns the dialect whose harness wrote the log.
fn dialect(log: &str) -> Dialect {
    if log.contains(">>>>> Start Test Output") { Dialect::SweBench4 } else { Dialect::SweGym }
}

const VERIFIED: &str = "swebench_verified_2026-02.jsonl.zst";
const LITE: &str = "swebench_lite_test_hf2024.jsonl.zst";
const DEV: &str = "swebench_lite_dev_hf2024.jsonl.zst";

/// The verdicts of SWE-bench 4 are all met. Those of SWE-bench 1 are only printed: it is none of our dialects, and some
/// are of other runs than the log beside them, such as one that is resolved where the log ends in a timeout.
#[test]
fn verdicts_equal_the_recorded_ones() {
    let (Some(verified), Some(lite)) = (rows(&[VERIFIED, LITE]), rows(&[LITE, DEV, VERIFIED])) else { return };
    let Some(manifest) = data::file("logs/manifest.jsonl") else { return };
    let (Some(archive), Some(statuses)) =
        (data::file("logs/logs.tar.zst"), data::file("logs/official_tests_status.jsonl.zst"))
    else {
        return;
    };
    let logs = logs(&archive);
    let statuses: HashMap<String, TestsStatus> = records(&statuses)
        .into_iter()
        .map(|record| {
            (
                record["log"].as_str().unwrap().to_owned(),
                serde_json::from_value(record["tests_status"].clone()).unwrap(),
            )
        })
        .collect();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for record in records(&manifest) {
        let name = record["log"].as_str().unwrap();
        let log = &logs[name];
        let dialect = dialect(&String::from_utf8_lossy(log));
        let rows = if dialect == Dialect::SweGym { &lite } else { &verified };
        let row = rows.get(record["instance_id"].as_str().unwrap());
        let (Some(row), Some(resolved)) = (row, record["resolved"].as_bool()) else { continue };
        let Graded { report, failure, .. } = grade(Cursor::new(log), &spec(row, dialect)).unwrap();
        let count = counts.entry(format!("{dialect:?} {}", record["set"].as_str().unwrap())).or_default();
        count.1 += 1;
        let same_tests = statuses.get(name).is_none_or(|official| report.tests_status.as_ref() == Some(official));
        if report.resolved == resolved && same_tests {
            count.0 += 1;
        } else {
            println!("{name}: ours {} {failure:?}, official {resolved}, same tests {same_tests}", report.resolved);
        }
    }
    for (set, (agree, all)) in &counts {
        println!("{set}: {agree} of {all}");
        assert!(agree == all || !set.starts_with("SweBench4"));
    }
}
