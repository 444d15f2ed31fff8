//! Our reading of logs and our verdicts beside the recorded ones.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Cursor;

use anyhow::Context;
use env_core::{Dialect, StatusMap, TestGroup, TestsStatus};
use serde::Serialize;

use super::grader::Grader;
use super::log_dialect::LogDialect;
use super::manifest::Record;
use super::recorded::{Official, Recorded, Statuses};
use super::saved::Log;
use crate::grading::grade;
use crate::grading_spec::GradingSpec;
use crate::parser::Parser;
use crate::test_log::read_log;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonKind {
    /// The status of each test.
    Statuses,
    /// Whether the log shows that the patch was applied and the tests ran.
    Applied,
    /// Resolved or not, and the tests of both lists where the official report was recorded.
    Verdict,
    /// As [`ComparisonKind::Verdict`], by SWE-bench 1, which is none of our dialects: its logs are read as SWE-Gym's.
    VerdictOfSweBench1,
}

/// One place where our reading of a log is not the recorded one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What was compared.
    pub what: ComparisonKind,
    /// By whose rules.
    pub dialect: Dialect,
    /// The log, as its record names it.
    pub log: String,
    /// The first test that differs, where one does; of a verdict, the first that stands elsewhere in the report.
    pub test: Option<String>,
    /// What we made of it.
    pub ours: String,
    /// What was recorded.
    pub official: String,
}

/// How many logs agree of how many were compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Agreement {
    /// How many were compared.
    pub logs: usize,
    /// How many of them agree.
    pub equal: usize,
}

/// All comparisons, by what is compared, dialect and repository.
#[derive(Default)]
pub struct Parity {
    /// How many agree, by what is compared, dialect and repository.
    pub groups: BTreeMap<(ComparisonKind, &'static str, String), Agreement>,
    /// Every place where one does not.
    pub differences: Vec<Difference>,
}

/// One comparison.
pub struct Compared {
    what: ComparisonKind,
    dialect: Dialect,
    repo: String,
    difference: Option<Difference>,
}

impl Parity {
    /// Compares one log with all that is recorded of it.
    ///
    /// # Errors
    /// When the log cannot be read, or its repository has no parser.
    pub fn compare(record: &Record, log: Log, recorded: &Recorded, grader: &Grader) -> anyhow::Result<Vec<Compared>> {
        let bytes = log.into_bytes()?;
        let mut compared = Vec::new();
        let repo = record.repo.as_deref().or_else(|| grader.repo(&record.instance_id)).unwrap_or_default();
        for official in recorded.parsed(&record.log) {
            statuses(record, repo, &bytes, &official, &mut compared)?;
        }
        if record.resolved.is_some() && grader.knows(&record.instance_id) {
            compared.push(verdict(record, repo, &bytes, recorded.tests_status(&record.log), grader)?);
        }
        Ok(compared)
    }

    /// Counts comparisons.
    pub fn add(&mut self, compared: Vec<Compared>) {
        for Compared { what, dialect, repo, difference } in compared {
            let group = self.groups.entry((what, dialect.name(), repo)).or_default();
            group.logs += 1;
            group.equal += usize::from(difference.is_none());
            self.differences.extend(difference);
        }
    }

    /// Returns the figures of all repositories together.
    pub fn totals(&self) -> BTreeMap<(ComparisonKind, &'static str), Agreement> {
        let mut totals: BTreeMap<_, Agreement> = BTreeMap::new();
        for ((what, dialect, _), group) in &self.groups {
            let total = totals.entry((*what, *dialect)).or_default();
            total.logs += group.logs;
            total.equal += group.equal;
        }
        totals
    }
}

/// What the official harnesses hand to their parsers begins after this.
const APPLIED: &str = ">>>>> Applied Patch (pred)";

/// Compares what one official harness, or its parser alone, found in a log.
fn statuses(
    record: &Record,
    repo: &str,
    log: &[u8],
    official: &Official<'_>,
    compared: &mut Vec<Compared>,
) -> anyhow::Result<()> {
    let parser = Parser::for_repo(repo)
        .ok_or_else(|| anyhow::anyhow!("`{}`: no log parser is known for `{repo}`", record.log))?;
    let Official { dialect, parsed, is_parser_alone } = *official;
    let one = |what, difference| Compared { what, dialect, repo: repo.to_owned(), difference };
    let differ =
        |what, test, ours, official| Difference { what, dialect, log: record.log.clone(), test, ours, official };
    let alone = || parser.parse(String::from_utf8_lossy(log).rsplit(APPLIED).next().unwrap_or_default(), dialect);
    let map = if is_parser_alone {
        alone()
    } else {
        let read = read_log(Cursor::new(log), parser, dialect)?.statuses;
        if let Some(found) = parsed.found {
            let ours = read.as_ref().map_or_else(|failure| failure.to_string(), |_| true.to_string());
            let difference =
                (read.is_ok() != found).then(|| differ(ComparisonKind::Applied, None, ours, found.to_string()));
            compared.push(one(ComparisonKind::Applied, difference));
        }
        match read {
            Ok(map) => map,
            // What the harness leaves aside was recorded by the parser alone, if at all.
            Err(_) if parsed.map.is_empty() => StatusMap::default(),
            Err(_) => alone(),
        }
    };
    let difference = first_difference(&map, &parsed.map)
        .map(|(test, ours, official)| differ(ComparisonKind::Statuses, Some(test), ours, official));
    compared.push(one(ComparisonKind::Statuses, difference));
    Ok(())
}

/// Returns the first test in the order of the log, or else of its name, whose status is not the same, and both.
fn first_difference(ours: &StatusMap, official: &Statuses) -> Option<(String, String, String)> {
    let names = ours.iter().map(|(test, _)| test).chain(official.keys().map(String::as_str));
    let spell = |status: Option<&str>| status.unwrap_or("absent").to_owned();
    names
        .map(|test| (test, ours.get(test).map(|status| status.as_str()), official.get(test).map(String::as_str)))
        .find_map(|(test, one, other)| (one != other).then(|| (test.to_owned(), spell(one), spell(other))))
}

/// Compares the verdict on a log.
fn verdict(
    record: &Record,
    repo: &str,
    log: &[u8],
    tests: Option<&TestsStatus>,
    grader: &Grader,
) -> anyhow::Result<Compared> {
    let mut spec = spec_of(tests, grader.specs(&record.instance_id, record.dialect)?)
        .with_context(|| format!("`{}`: no row of `{}`", record.log, record.instance_id))?;
    let is_set = grader.dialect().or(record.dialect).is_some();
    let found = LogDialect::of(&mut Cursor::new(log), spec.dialect, is_set)?;
    spec.dialect = found.read_as;
    let what =
        if found.is_swe_bench_1 && !is_set { ComparisonKind::VerdictOfSweBench1 } else { ComparisonKind::Verdict };
    let graded = grade(Cursor::new(log), &spec)?;
    let (official, resolved) = (record.resolved.unwrap_or_default(), graded.report.resolved);
    let ours = graded.report.tests_status.as_ref();
    let other = tests.and_then(|official| first_other_place(ours, official));
    let differs = official != resolved || other.is_some();
    let reason = graded.failure.map(|failure| format!(" ({failure})")).unwrap_or_default();
    let name = |resolved: bool| if resolved { "resolved" } else { "unresolved" };
    let (test, places) = other.map_or((None, None), |(test, ours, official)| (Some(test), Some((ours, official))));
    let (our_place, official_place) =
        places.map(|(ours, official)| (format!(", {ours}"), format!(", {official}"))).unwrap_or_default();
    let difference = differs.then(|| Difference {
        what,
        dialect: spec.dialect,
        log: record.log.clone(),
        test,
        ours: format!("{}{reason}{our_place}", name(resolved)),
        official: format!("{}{official_place}", name(official)),
    });
    Ok(Compared { what, dialect: spec.dialect, repo: repo.to_owned(), difference })
}

/// Returns the spec with the lists that the official report is on: datasets have been revised. Without a report, the
/// first.
fn spec_of(tests: Option<&TestsStatus>, specs: Vec<GradingSpec>) -> Option<GradingSpec> {
    let others = |spec: &GradingSpec| {
        let Some(tests) = tests else { return 0 };
        let pairs = [(&spec.fail_to_pass, &tests.fail_to_pass), (&spec.pass_to_pass, &tests.pass_to_pass)];
        let count = |(list, group): (&Vec<String>, &TestGroup)| {
            let list: HashSet<&String> = list.iter().collect();
            let graded: HashSet<&String> = group.success.iter().chain(&group.failure).collect();
            list.symmetric_difference(&graded).count()
        };
        pairs.into_iter().map(count).sum()
    };
    specs.into_iter().min_by_key(others)
}

/// Returns the first test that is in other lists of our report than of the official one, with both places.
fn first_other_place(ours: Option<&TestsStatus>, official: &TestsStatus) -> Option<(String, String, String)> {
    let empty = TestsStatus::default();
    let ours = places(ours.unwrap_or(&empty));
    let official = places(official);
    let spell = |places: Option<&Vec<&str>>| {
        places.map_or("in no list".to_owned(), |places| format!("in {}", places.join(" and ")))
    };
    let mut names: Vec<&&str> = official.keys().chain(ours.keys()).collect();
    names.sort_unstable();
    let other = names.into_iter().find(|test| ours.get(**test) != official.get(**test))?;
    Some(((*other).to_owned(), spell(ours.get(*other)), spell(official.get(*other))))
}

/// Returns the lists of a report in which each test stands.
fn places(tests: &TestsStatus) -> HashMap<&str, Vec<&'static str>> {
    let TestsStatus { fail_to_pass, pass_to_pass, .. } = tests;
    let lists = [
        ("FAIL_TO_PASS success", &fail_to_pass.success),
        ("FAIL_TO_PASS failure", &fail_to_pass.failure),
        ("PASS_TO_PASS success", &pass_to_pass.success),
        ("PASS_TO_PASS failure", &pass_to_pass.failure),
    ];
    let mut places: HashMap<&str, Vec<&'static str>> = HashMap::new();
    for (name, list) in lists {
        for test in list {
            let of_test = places.entry(test).or_default();
            if !of_test.contains(&name) {
                of_test.push(name);
            }
        }
    }
    places
}
