//! How many bytes of a log each parser reads a second: on logs made here, and on real ones where there are any.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput};
use env_core::Dialect;
use grading::{Parser, read_log};

/// By its name, each parser and the logs that it reads.
type Logs = BTreeMap<String, (Parser, Vec<Vec<u8>>)>;

const BYTES: usize = 4 << 20;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    bench(&mut criterion, "made", &made());
    bench(&mut criterion, "real", &real().unwrap_or_default());
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, kind: &str, logs: &Logs) {
    let mut group = criterion.benchmark_group(kind);
    for (name, (parser, logs)) in logs {
        group.throughput(Throughput::Bytes(logs.iter().map(|log| log.len() as u64).sum()));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for log in logs {
                    let _ = black_box(read_log(Cursor::new(log), *parser, Dialect::SweGym));
                }
            });
        });
    }
    group.finish();
}

/// Returns one log for each parser: results among what else a run prints.
fn made() -> Logs {
    let summary: &[&str] = &["PASSED t/test_#.py::test_#[#-a]", "FAILED t/test_#.py::test_# - AssertionError: #"];
    let verbose: &[&str] = &["t/test_#.py::test_#[#-a] PASSED [ 10%]", "FAILED t/test_#.py::test_# - boom"];
    let all: [(Parser, &[&str]); 8] = [
        (Parser::Pytest, summary),
        (Parser::PytestOptions, &["PASSED t/test_#.py::test_#[/tmp/a/#]", "FAILED t/test_#.py::test_#[//a] - boom"]),
        (Parser::PytestV2, &["\x1b[32mPASSED\x1b[0m t/test_#.py::\x1b[1mtest_#\x1b[0m", "t/test_#.py::test_# PASSED"]),
        (Parser::Pydantic, &["PASSED tests/test_#.py::test_#", "FAILED [ 50%] tests/test_#.py::test_# - boom"]),
        (Parser::Matplotlib, &["PASSED t/test_#.py::test_#[MouseButton.LEFT-#]", "PASSED t/test_#.py::test_#[#]"]),
        (Parser::Seaborn, verbose),
        (Parser::Sympy, &["test_#_# ok", "test_# F", "____ sympy/core/tests/test_#.py:test_# ____"]),
        (Parser::Django, &["test_# (module_#.tests.Case) ... ok", "test_# (module_#.tests.Case) ... FAIL"]),
    ];
    all.map(|(parser, results)| (format!("{parser:?}"), (parser, vec![log(results)]))).into()
}

/// Returns a log in which two lines of five are results.
fn log(results: &[&str]) -> Vec<u8> {
    const NOISE: [&str; 3] = [
        "    def test_#(self):",
        "E       AssertionError: assert # == #",
        "lib/python3.9/site-packages/pkg_#/module.py:#: DeprecationWarning: use something else instead",
    ];
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize
    };
    let mut log = String::from("Applied patch t.py cleanly.\n");
    while log.len() < BYTES {
        let lines = if next() % 5 < 2 { results } else { &NOISE };
        for (index, piece) in lines[next() % lines.len()].split('#').enumerate() {
            if index > 0 {
                log.push_str(&(next() % 1000).to_string());
            }
            log.push_str(piece);
        }
        log.push('\n');
    }
    log.into_bytes()
}

/// Returns the logs of the data folder by parser.
fn real() -> Option<Logs> {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let repos: BTreeMap<String, String> = fs::read_to_string(folder.join("logs/manifest.jsonl"))
        .ok()?
        .lines()
        .filter_map(|line| {
            let row: serde_json::Value = serde_json::from_str(line).ok()?;
            Some((row["log"].as_str()?.to_owned(), row["repo"].as_str()?.to_owned()))
        })
        .collect();
    let archive = zstd::Decoder::new(File::open(folder.join("logs/logs.tar.zst")).ok()?).ok()?;
    let mut logs = Logs::new();
    for entry in tar::Archive::new(archive).entries().ok()? {
        let mut entry = entry.ok()?;
        let name = entry.path().ok()?.to_string_lossy().into_owned();
        let Some(parser) = repos.get(&name).and_then(|repo| Parser::for_repo(repo)) else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).ok()?;
        logs.entry(format!("{parser:?}")).or_insert((parser, Vec::new())).1.push(bytes);
    }
    Some(logs)
}
