//! Which harness's rules a saved log is read by, and what of that people should know.

use std::collections::BTreeMap;
use std::io;

use env_core::Dialect;

use super::saved::Source;
use crate::grading_spec::GradingSpec;
use crate::test_log::Marks;

/// By whose rules one log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogDialect {
    /// The dialect that its row is of, or that was set.
    pub asked: Dialect,
    /// The dialect by which it is read.
    pub read_as: Dialect,
    /// The dialect whose marks it bears: `read_as` where they fit it.
    pub marked: Dialect,
    /// Whether SWE-bench 1 wrote it.
    pub is_swe_bench_1: bool,
}

impl LogDialect {
    /// Returns by whose rules a log is read whose row is of the dialect `asked`; with `is_set`, somebody said so of the
    /// log itself.
    pub fn of(mut log: &mut dyn Source, asked: Dialect, is_set: bool) -> io::Result<Self> {
        let marks = Marks::read(&mut log)?;
        let read_as = if is_set { asked } else { marks.dialect(asked) };
        let marked = if marks.fit(read_as) { read_as } else { marks.written_by().unwrap_or(read_as) };
        Ok(Self { asked, read_as, marked, is_swe_bench_1: marks.is_swe_bench_1() })
    }
}

/// How many logs were read by other rules than one would think, and by which rows little is asked.
#[derive(Debug, Default)]
pub struct DialectCounts {
    counts: BTreeMap<[&'static str; 3], usize>,
    swe_bench_1: usize,
    /// The instances whose rows name no FAIL_TO_PASS test, with whether they name no test at all.
    without_tests: BTreeMap<String, bool>,
}

impl DialectCounts {
    /// Counts one log, judged by `spec`.
    pub fn add(&mut self, instance_id: &str, dialect: LogDialect, spec: &GradingSpec) {
        *self.counts.entry([dialect.asked.name(), dialect.read_as.name(), dialect.marked.name()]).or_default() += 1;
        self.swe_bench_1 += usize::from(dialect.is_swe_bench_1);
        if spec.fail_to_pass.is_empty() {
            self.without_tests.insert(instance_id.to_owned(), spec.pass_to_pass.is_empty());
        }
    }

    /// Returns what should be told.
    pub fn remarks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for ([asked, read_as, marked], count) in &self.counts {
            let logs = logs(*count);
            if asked != read_as {
                lines.push(format!(
                    "{logs} by the marks of {read_as}, not of {asked} as the row says: read as {read_as}\nhint: \
                     `--dialect {asked}` reads by the row"
                ));
            } else if read_as != marked {
                lines.push(format!(
                    "{logs} by the marks of {marked}, but read as {read_as}, as the row says or was asked for: a \
                     verdict may be wrong\nhint: `--dialect {marked}` goes by the marks"
                ));
            }
        }
        if self.swe_bench_1 > 0 {
            let logs = logs(self.swe_bench_1);
            lines.push(format!(
                "{logs} of SWE-bench 1, which is not supported; a verdict may differ from the one it gave"
            ));
        }
        lines.extend(self.without_tests_remark());
        lines
    }

    fn without_tests_remark(&self) -> Option<String> {
        let (first, _) = self.without_tests.first_key_value()?;
        let count = self.without_tests.len();
        let all = self.without_tests.values().filter(|all| **all).count();
        let pass = if all > 0 {
            format!("; {all} of them no test at all, so that any run of tests resolves it")
        } else {
            String::new()
        };
        Some(format!(
            "warning: {count} {} no FAIL_TO_PASS test, which every harness counts as passed{pass}; the first is `{first}`",
            if count == 1 { "instance names" } else { "instances name" }
        ))
    }
}

fn logs(count: usize) -> String {
    if count == 1 { "1 log is".to_owned() } else { format!("{count} logs are") }
}
