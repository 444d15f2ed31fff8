//! Logs of seaborn: verbose lines of passed tests, summary lines of failed ones.

use env_core::Status;

use crate::parsers::text::words;
use crate::tally::Tally;

/// Reads one line.
pub(super) fn read_line(line: &str, tally: &mut Tally<'_>) {
    let mut found = words(line);
    let (Some(first), Some(second)) = (found.next(), found.next()) else {
        if line.starts_with("FAILED") || line.contains(" PASSED ") || line.starts_with("PASSED") {
            tally.leave_out(line);
        }
        return;
    };
    if line.starts_with("FAILED") {
        tally.insert(second, Status::Failed);
    } else if line.contains(" PASSED ") {
        if second == "PASSED" {
            tally.insert(first, Status::Passed);
        }
    } else if line.starts_with("PASSED") {
        tally.insert(second, Status::Passed);
    }
}
