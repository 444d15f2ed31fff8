//! Logs of SymPy's own test runner.

use env_core::{Dialect, Status};

use crate::parsers::text::{strip, words};
use crate::tally::Tally;

/// Reads one line: the header of a failed test, or `test_name ok`, which has the last word wherever it stands.
pub(super) fn read_line(line: &str, dialect: Dialect, tally: &mut Tally<'_>) {
    if let Some(test) = header(line) {
        tally.insert(test, Status::Failed);
    }
    let line = strip(line);
    if !line.starts_with("test_") {
        return;
    }
    let mut result = line;
    if dialect == Dialect::SweGym && (line.ends_with("[FAIL]") || line.ends_with("[OK]")) {
        result = line.rfind('[').map_or(line, |open| strip(&line[..open]));
    }
    let status = match result.rsplit_once(' ').map(|(_, last)| last) {
        Some("E") => Status::Error,
        Some("F") => Status::Failed,
        Some("ok") => Status::Passed,
        Some("[OK]" | "[FAIL]") => return tally.leave_out(line),
        _ => return,
    };
    let Some(test) = words(result).next() else { return };
    if test.contains(".py:") {
        // Only such a name can be a header's too.
        tally.settle(test, status);
    } else {
        tally.insert(test, status);
    }
}

/// Returns `path.py:name` of a header such as `____ sympy/core/tests/test_args.py:test_all ____`.
///
/// The underscores may be missing: any `x.py:` between two blanks counts.
fn header(line: &str) -> Option<&str> {
    let open = memchr::memchr(b' ', line.as_bytes())?;
    let close = memchr::memrchr(b' ', line.as_bytes())?;
    line.get(open + 1..close).filter(|inner| inner.contains(".py:"))
}
