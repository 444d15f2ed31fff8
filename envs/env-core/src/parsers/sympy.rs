//! Logs of SymPy's own test runner.

use crate::parsers::text::{lines, strip, words};
use crate::{Dialect, Status, StatusMap};

/// Reads a SymPy log: the headers of failed tests, then the lines `test_name ok`; the latter have the last word.
pub(super) fn parse(log: &str, dialect: Dialect) -> StatusMap {
    let mut map = StatusMap::default();
    let mut later = StatusMap::default();
    for line in lines(log) {
        if let Some(test) = header(line) {
            map.insert(&test, Status::Failed);
        }
        let mut line = strip(line);
        if !line.starts_with("test_") {
            continue;
        }
        if dialect == Dialect::SweGym && (line.ends_with("[FAIL]") || line.ends_with("[OK]")) {
            line = line.rfind('[').map_or(line, |open| strip(&line[..open]));
        }
        let status = match line.rsplit(' ').next() {
            Some("E") => Status::Error,
            Some("F") => Status::Failed,
            Some("ok") => Status::Passed,
            _ => continue,
        };
        if let Some(test) = words(line).next() {
            later.insert(test, status);
        }
    }
    map.extend(later);
    map
}

/// Returns `path.py:name` of a header such as `____ sympy/core/tests/test_args.py:test_all ____`.
///
/// The underscores may be missing: any `x.py:` between two blanks counts.
fn header(line: &str) -> Option<String> {
    let open = memchr::memchr(b' ', line.as_bytes())?;
    let close = memchr::memrchr(b' ', line.as_bytes())?;
    let inner = line.get(open + 1..close)?;
    inner.contains(".py:").then(|| inner.to_owned())
}
