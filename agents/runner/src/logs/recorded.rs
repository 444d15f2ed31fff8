//! What the official harnesses found in saved logs, as it was recorded beside them.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use env_core::{Dialect, TestsStatus};
use serde::Deserialize;

use crate::given::skip_mark;

/// The tests of a log by name, each with its status as the official parsers spell it.
pub(crate) type Statuses = BTreeMap<String, String>;

/// What one official parser found in one log.
#[derive(Deserialize)]
pub(crate) struct Parsed {
    /// Whether the log shows that the patch was applied, where that was recorded.
    #[serde(default)]
    pub(crate) found: Option<bool>,
    /// The tests with their statuses.
    pub(crate) map: Statuses,
}

/// The key under which a parser that broke off recorded why.
const BROKE_OFF: &str = "__error__";

#[derive(Deserialize)]
struct ParsedLine {
    log: String,
    #[serde(flatten)]
    parsed: Parsed,
}

#[derive(Deserialize)]
struct ReportLine {
    log: String,
    tests_status: TestsStatus,
}

/// What official harnesses found in the logs of a folder.
///
/// It is read from files beside the logs, JSON lines that may be compressed by zstd: `parsed_by_swegym*.jsonl`,
/// `parsed_by_swebench_4*.jsonl` and `parsed_by_swebench_5*.jsonl` with `log`, `map` and `found`, where `different` in
/// the name says that other logs are parsed as by SWE-Gym's fork; and `official_tests_status*.jsonl` with `log` and
/// `tests_status`.
#[derive(Default)]
pub(crate) struct Recorded {
    parsed: Vec<Parser>,
    reports: HashMap<String, TestsStatus>,
}

struct Parser {
    dialect: Dialect,
    maps: HashMap<String, Parsed>,
    /// Whether logs that are not in `maps` are parsed as by the fork.
    only_different: bool,
}

impl Recorded {
    /// Reads what is recorded in a folder; nothing is no error.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut recorded = Self::default();
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !name.strip_suffix(".zst").unwrap_or(&name).ends_with(".jsonl") {
                continue;
            }
            if name.starts_with("official_tests_status") {
                let lines = read_lines::<ReportLine>(&path)?;
                recorded.reports.extend(lines.into_iter().map(|line| (line.log, line.tests_status)));
            } else if let Some(dialect) = dialect_of(&name) {
                let lines = read_lines::<ParsedLine>(&path)?;
                let maps = lines.into_iter().map(|line| (line.log, line.parsed)).collect();
                recorded.parsed.push(Parser { dialect, maps, only_different: name.contains("different") });
            }
        }
        Ok(recorded)
    }

    /// Returns what each parser found in a log, unless it broke off.
    pub(crate) fn parsed(&self, log: &str) -> impl Iterator<Item = (Dialect, &Parsed)> {
        let fork = self.parsed.iter().find(|parser| parser.dialect == Dialect::SweGym);
        let fork = fork.and_then(|parser| parser.maps.get(log));
        let found = self.parsed.iter().filter_map(move |parser| {
            let own = parser.maps.get(log).or(fork.filter(|_| parser.only_different))?;
            Some((parser.dialect, own))
        });
        found.filter(|(_, parsed)| !parsed.map.contains_key(BROKE_OFF))
    }

    /// Returns the official report's tests of a log.
    pub(crate) fn tests_status(&self, log: &str) -> Option<&TestsStatus> {
        self.reports.get(log)
    }
}

fn dialect_of(name: &str) -> Option<Dialect> {
    let harness = name.strip_prefix("parsed_by_")?;
    let known = [("swegym", Dialect::SweGym), ("swebench_4", Dialect::SweBench4), ("swebench_5", Dialect::SweBench5)];
    known.into_iter().find(|(prefix, _)| harness.starts_with(prefix)).map(|(_, dialect)| dialect)
}

fn read_lines<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<Vec<T>> {
    let mut parsed = Vec::new();
    for (number, line) in (1..).zip(open_lines(path)?.lines()) {
        let place = || format!("`{}`, line {number}", path.display());
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            parsed.push(serde_json::from_str(&line).with_context(place)?);
        }
    }
    Ok(parsed)
}

/// Opens a file of lines, which is decompressed when its name ends with `.zst`.
pub(crate) fn open_lines(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let place = || format!("cannot read `{}`", path.display());
    let file = File::open(path).with_context(place)?;
    let mut reader: Box<dyn BufRead> = match path.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(BufReader::new(zstd::Decoder::new(file).with_context(place)?)),
        false => Box::new(BufReader::new(file)),
    };
    skip_mark(&mut reader).with_context(place)?;
    Ok(reader)
}
