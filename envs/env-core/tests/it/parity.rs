//! Our parsers against the official ones, on real logs; skipped where there are none.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::PathBuf;

use env_core::{Dialect, Parser, StatusMap, read_log};
use serde_json::Value;

/// Share of logs whose status map must equal the official one.
const WANTED: f64 = 0.999;

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    if folder.join("logs/logs.tar.zst").is_file() {
        return Some(folder);
    }
    println!("skipped: no real logs in `{}` (set SPOTTER_DATA)", folder.display());
    None
}

/// The official outcome for one log.
struct Oracle {
    found: bool,
    map: BTreeMap<String, String>,
}

fn oracles(path: PathBuf) -> HashMap<String, Oracle> {
    let lines = BufReader::new(zstd::Decoder::new(File::open(path).unwrap()).unwrap()).lines();
    lines
        .map(|line| {
            let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let map = row["map"].as_object().unwrap();
            let map = map.iter().map(|(test, status)| (test.clone(), status.as_str().unwrap().to_owned())).collect();
            (row["log"].as_str().unwrap().to_owned(), Oracle { found: row["found"].as_bool().unwrap(), map })
        })
        .collect()
}

fn repos(path: PathBuf) -> HashMap<String, String> {
    let lines = BufReader::new(File::open(path).unwrap()).lines();
    lines
        .map(|line| {
            let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
            (row["log"].as_str().unwrap().to_owned(), row["repo"].as_str().unwrap().to_owned())
        })
        .collect()
}

fn as_texts(map: &StatusMap) -> BTreeMap<String, String> {
    map.iter().map(|(test, status)| (test.to_owned(), status.to_string())).collect()
}

/// Returns what differs first, or nothing.
fn difference(ours: &BTreeMap<String, String>, official: &BTreeMap<String, String>) -> Option<String> {
    let mut tests = ours.keys().chain(official.keys());
    let test = tests.find(|test| ours.get(*test) != official.get(*test))?;
    Some(format!("`{test}`: ours {:?}, official {:?}", ours.get(test), official.get(test)))
}

/// Compares every log with both oracles and returns, by dialect and parser, how many logs agree of how many.
#[test]
fn status_maps_equal_the_official_ones() {
    let Some(data) = data() else { return };
    let fork = oracles(data.join("logs/parsed_by_swegym_fork.jsonl.zst"));
    let upstream = oracles(data.join("logs/parsed_by_swebench_4.1.0_where_different.jsonl.zst"));
    let repos = repos(data.join("logs/manifest.jsonl"));
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut archive =
        tar::Archive::new(zstd::Decoder::new(File::open(data.join("logs/logs.tar.zst")).unwrap()).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let Some(oracle) = fork.get(&name) else { continue };
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let log = String::from_utf8_lossy(&bytes);
        let parser = Parser::for_repo(&repos[&name]).unwrap();
        let tests = log.rsplit(">>>>> Applied Patch (pred)").next().unwrap();
        let mut compare = |kind: &str, difference: Option<String>| {
            let count = counts.entry(format!("{kind} {parser:?}")).or_default();
            count.1 += 1;
            match difference {
                None => count.0 += 1,
                Some(difference) => println!("{kind} {name}: {difference}"),
            }
        };
        let statuses = read_log(Cursor::new(&bytes), parser, Dialect::SweGym).unwrap().statuses;
        compare("condition", (statuses.is_ok() != oracle.found).then(|| format!("found: ours {statuses:?}")));
        let map = statuses.unwrap_or_else(|_| parser.parse(tests, Dialect::SweGym));
        compare("swe-gym", difference(&as_texts(&map), &oracle.map));
        let upstream = upstream.get(&name).unwrap_or(oracle);
        if !upstream.map.contains_key("__error__") {
            compare("swe-bench-4", difference(&as_texts(&parser.parse(tests, Dialect::SweBench4)), &upstream.map));
        }
    }
    assert!(!counts.is_empty(), "no log was compared");
    for (kind, (agree, all)) in &counts {
        println!("{kind}: {agree} of {all}");
    }
    let agree: usize = counts.values().map(|count| count.0).sum();
    let all: usize = counts.values().map(|count| count.1).sum();
    assert!(agree as f64 >= WANTED * all as f64, "{agree} of {all} agree");
}
