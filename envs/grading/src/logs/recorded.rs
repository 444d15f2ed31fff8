//! What the official harnesses found in saved logs, as it was recorded beside them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use env_core::{Dialect, TestsStatus};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::lines::open_lines;
use super::manifest::Record;

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
pub struct Recorded {
    parsed: Vec<Parser>,
    reports: Vec<(PathBuf, HashMap<String, TestsStatus>)>,
}

struct Parser {
    path: PathBuf,
    dialect: Dialect,
    maps: HashMap<String, Parsed>,
    /// Whether logs that are not in `maps` are parsed as by the fork, whose `found` the file repeats.
    only_different: bool,
}

/// What was recorded of one log by one harness.
pub(crate) struct Official<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) parsed: &'a Parsed,
    /// Whether only its parser was at work, without what the harness looks for around the tests.
    pub(crate) is_parser_alone: bool,
}

impl Recorded {
    /// Reads what is recorded in a folder, or beside an archive; nothing is no error.
    ///
    /// # Errors
    /// Names the line that cannot be read, and a file with such lines whose name says of no known harness.
    pub fn read(logs: &Path) -> anyhow::Result<Self> {
        let folder = if logs.is_file() { logs.parent().filter(|parent| *parent != Path::new("")) } else { Some(logs) };
        let folder = folder.unwrap_or(Path::new("."));
        let mut recorded = Self::default();
        let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            recorded.read_file(path)?;
        }
        Ok(recorded)
    }

    fn read_file(&mut self, path: PathBuf) -> anyhow::Result<()> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.strip_suffix(".zst").unwrap_or(&name).ends_with(".jsonl") || !path.is_file() {
            return Ok(());
        }
        if name.starts_with(REPORTS) {
            let lines = read_lines::<ReportLine>(&path)?;
            let reports = lines.into_iter().map(|line| (line.log, line.tests_status)).collect();
            self.reports.push((path, reports));
        } else if let Some(dialect) = dialect_of(&name) {
            let lines = read_lines::<ParsedLine>(&path)?;
            let maps = lines.into_iter().map(|line| (line.log, line.parsed)).collect();
            self.parsed.push(Parser { path, dialect, maps, only_different: name.contains("different") });
        } else if name.starts_with(PARSED) || holds_references(&path) {
            bail!(
                "`{}` holds what a harness found in logs, but its name says not which\nhint: the names begin with \
                 `{PARSED}swegym`, `{PARSED}swebench_4`, `{PARSED}swebench_5` or `{REPORTS}`",
                path.display()
            );
        }
        Ok(())
    }

    /// Returns remarks on files that record more logs than there are.
    ///
    /// # Errors
    /// Names a file that records none of the logs.
    pub fn match_with(&self, records: &[Record]) -> anyhow::Result<Vec<String>> {
        let logs: HashSet<&str> = records.iter().map(|record| record.log.as_str()).collect();
        let parsed = self.parsed.iter().map(|parser| (&parser.path, parser.maps.keys().collect::<Vec<_>>()));
        let reports = self.reports.iter().map(|(path, reports)| (path, reports.keys().collect()));
        let mut remarks = Vec::new();
        for (path, names) in parsed.chain(reports) {
            let mut others: Vec<&String> = names.iter().copied().filter(|name| !logs.contains(name.as_str())).collect();
            others.sort();
            let Some(first) = others.first() else { continue };
            let (count, path) = (others.len(), path.display());
            if count == names.len() {
                bail!("`{path}`: none of its {count} logs, such as `{first}`, is one of those that are compared");
            }
            remarks.push(format!("`{path}`: {count} of its logs, such as `{first}`, are none of those compared"));
        }
        Ok(remarks)
    }

    /// Returns what each harness found in a log, unless its parser broke off.
    pub(crate) fn parsed(&self, log: &str) -> impl Iterator<Item = Official<'_>> {
        let fork = self.parsed.iter().find(|parser| parser.dialect == Dialect::SweGym);
        let fork = fork.and_then(|parser| parser.maps.get(log));
        let found = self.parsed.iter().filter_map(move |parser| {
            let parsed = parser.maps.get(log).or(fork.filter(|_| parser.only_different))?;
            Some(Official { dialect: parser.dialect, parsed, is_parser_alone: parser.only_different })
        });
        found.filter(|official| !official.parsed.map.contains_key(BROKE_OFF))
    }

    /// Returns the official report's tests of a log.
    pub(crate) fn tests_status(&self, log: &str) -> Option<&TestsStatus> {
        self.reports.iter().find_map(|(_, reports)| reports.get(log))
    }
}

/// What the names of files with the maps of parsers begin with.
const PARSED: &str = "parsed_by_";
/// What the names of files with the tests of official reports begin with.
const REPORTS: &str = "official_tests_status";

fn dialect_of(name: &str) -> Option<Dialect> {
    let harness = name.strip_prefix(PARSED)?;
    let known = [("swegym", Dialect::SweGym), ("swebench_4", Dialect::SweBench4), ("swebench_5", Dialect::SweBench5)];
    known.into_iter().find(|(prefix, _)| harness.starts_with(prefix)).map(|(_, dialect)| dialect)
}

/// Returns whether the first line of a file is like those of a file with what a harness found.
fn holds_references(path: &Path) -> bool {
    let mut line = String::new();
    let read = open_lines(path).map(|mut lines| lines.by_ref().take(LONGEST).read_line(&mut line));
    if !matches!(read, Ok(Ok(_))) {
        return false;
    }
    let keys = serde_json::from_str::<HashMap<String, IgnoredAny>>(&line).unwrap_or_default();
    keys.contains_key("log") && (keys.contains_key("map") || keys.contains_key("tests_status"))
}

/// Longer first lines are not looked at.
const LONGEST: u64 = 16 << 20;

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
