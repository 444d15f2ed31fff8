//! Times as other programs write them.

use jiff::Timestamp;

/// What stands for a time that is not known, where a format asks for one.
pub(super) const UNKNOWN: &str = "1970-01-01T00:00:00Z";

/// Returns seconds since 1970 as ISO 8601 in UTC; `None` where the time is not known.
pub(super) fn iso(seconds: f64) -> Option<String> {
    if !(seconds > 0.0 && seconds < 1e11) {
        return None;
    }
    let micros = (seconds * 1e6).round() as i64;
    Some(Timestamp::from_microsecond(micros).ok()?.to_string())
}
