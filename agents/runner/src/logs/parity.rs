//! Our reading of logs and our verdicts beside the recorded ones.

use std::collections::{BTreeMap, HashSet};
use std::io::Cursor;

use anyhow::Context;
use env_core::{Dialect, GradingSpec, Parser, StatusMap, TestGroup, TestsStatus, grade, read_log};
use memchr::memmem;
use serde::Serialize;

use super::recorded::{Parsed, Statuses};
use super::{Grader, Log, Record, Recorded};

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    /// The status of each test.
    Statuses,
    /// Whether the log shows that the patch was applied and the tests ran.
    Applied,
    /// Resolved or not, and the tests of both lists where the official report was recorded.
    Verdict,
    /// As [`What::Verdict`], by SWE-bench 1, which is none of our dialects: its logs are read as SWE-Gym's.
    VerdictOfSweBench1,
}

/// One place where our reading of a log is not the recorded one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) what: What,
    pub(crate) dialect: Dialect,
    pub(crate) log: String,
    /// The first test that differs, where one does.
    pub(crate) test: Option<String>,
    pub(crate) ours: String,
    pub(crate) official: String,
}

/// How many logs agree of how many were compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Agreement {
    pub(crate) logs: usize,
    pub(crate) equal: usize,
}

/// All comparisons, by what is compared, dialect and repository.
#[derive(Default)]
pub(crate) struct Parity {
    pub(crate) groups: BTreeMap<(What, &'static str, String), Agreement>,
    pub(crate) differences: Vec<Difference>,
}

/// One comparison.
pub(crate) struct Compared {
    what: What,
    dialect: Dialect,
    repo: String,
    difference: Option<Difference>,
}

impl Parity {
    /// Compares one log with all that is recorded of it.
    ///
    /// # Errors
    /// When the log cannot be read, or its repository has no parser.
    pub(crate) fn compare(
        record: &Record,
        log: Log,
        recorded: &Recorded,
        grader: &Grader,
    ) -> anyhow::Result<Vec<Compared>> {
        let bytes = log.into_bytes()?;
        let mut compared = Vec::new();
        let repo = record.repo.as_deref().or_else(|| grader.repo(&record.instance_id)).unwrap_or_default();
        for (dialect, official) in recorded.parsed(&record.log) {
            statuses(record, repo, &bytes, dialect, official, &mut compared)?;
        }
        if record.resolved.is_some() && grader.knows(&record.instance_id) {
            compared.push(verdict(record, repo, &bytes, recorded.tests_status(&record.log), grader)?);
        }
        Ok(compared)
    }

    /// Counts comparisons.
    pub(crate) fn add(&mut self, compared: Vec<Compared>) {
        for Compared { what, dialect, repo, difference } in compared {
            let group = self.groups.entry((what, dialect.name(), repo)).or_default();
            group.logs += 1;
            group.equal += usize::from(difference.is_none());
            self.differences.extend(difference);
        }
    }

    /// Returns the figures of all repositories together.
    pub(crate) fn totals(&self) -> BTreeMap<(What, &'static str), Agreement> {
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

/// Compares what one official parser found in a log.
fn statuses(
    record: &Record,
    repo: &str,
    log: &[u8],
    dialect: Dialect,
    official: &Parsed,
    compared: &mut Vec<Compared>,
) -> anyhow::Result<()> {
    let parser = Parser::for_repo(repo)
        .ok_or_else(|| anyhow::anyhow!("`{}`: no log parser is known for `{repo}`", record.log))?;
    let one = |what, difference| Compared { what, dialect, repo: repo.to_owned(), difference };
    // The recorded maps are of the parser alone, without what the harness looks for around the tests.
    let alone = || parser.parse(String::from_utf8_lossy(log).rsplit(APPLIED).next().unwrap_or_default(), dialect);
    let map = match (official.found, dialect) {
        (Some(found), Dialect::SweGym) => {
            let read = read_log(Cursor::new(log), parser, dialect)?.statuses;
            let difference = (read.is_ok() != found).then(|| Difference {
                what: What::Applied,
                dialect,
                log: record.log.clone(),
                test: None,
                ours: read.as_ref().map_or_else(|failure| failure.to_string(), |_| true.to_string()),
                official: found.to_string(),
            });
            compared.push(one(What::Applied, difference));
            read.unwrap_or_else(|_| alone())
        }
        _ => alone(),
    };
    let difference = first_difference(&map, &official.map).map(|(test, ours, official)| Difference {
        what: What::Statuses,
        dialect,
        log: record.log.clone(),
        test: Some(test),
        ours,
        official,
    });
    compared.push(one(What::Statuses, difference));
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
    let marked = memmem::find(log, b">>>>> Start Test Output").is_some();
    let (dialect, what) = match grader.dialect().or(record.dialect) {
        Some(dialect) => (dialect, What::Verdict),
        None if marked => (Dialect::SweBench4, What::Verdict),
        None => (Dialect::SweGym, What::VerdictOfSweBench1),
    };
    let spec = spec_of(tests, grader.specs(&record.instance_id, Some(dialect))?)
        .with_context(|| format!("`{}`: no row of `{}`", record.log, record.instance_id))?;
    let graded = grade(Cursor::new(log), &spec)?;
    let (official, resolved) = (record.resolved.unwrap_or_default(), graded.report.resolved);
    let ours = graded.report.tests_status.as_ref();
    let test = tests.zip(ours).and_then(|(official, ours)| first_other_test(ours, official));
    let differs = official != resolved || tests.is_some() && tests != ours;
    let reason = graded.failure.map(|failure| format!(" ({failure})")).unwrap_or_default();
    let name = |resolved: bool| if resolved { "resolved" } else { "unresolved" };
    let difference = differs.then(|| Difference {
        what,
        dialect: spec.dialect,
        log: record.log.clone(),
        test,
        ours: name(resolved).to_owned() + &reason,
        official: name(official).to_owned(),
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

/// Returns the first test that stands in another place of one report than of the other.
fn first_other_test(ours: &TestsStatus, official: &TestsStatus) -> Option<String> {
    let pairs = [(&ours.fail_to_pass, &official.fail_to_pass), (&ours.pass_to_pass, &official.pass_to_pass)];
    let lists =
        pairs.into_iter().flat_map(|(one, other)| [(&one.success, &other.success), (&one.failure, &other.failure)]);
    lists.filter(|(one, other)| one != other).find_map(|(one, other)| {
        let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        one.get(same).or_else(|| other.get(same)).cloned()
    })
}
