//! Logs of seaborn: verbose lines of passed tests, summary lines of failed ones.

use crate::parsers::text::{lines, words};
use crate::{Status, StatusMap};

/// Reads a seaborn log.
pub(super) fn parse(log: &str) -> StatusMap {
    let mut map = StatusMap::default();
    for line in lines(log) {
        let mut found = words(line);
        let (Some(first), Some(second)) = (found.next(), found.next()) else { continue };
        if line.starts_with("FAILED") {
            map.insert(second, Status::Failed);
        } else if line.contains(" PASSED ") {
            if second == "PASSED" {
                map.insert(first, Status::Passed);
            }
        } else if line.starts_with("PASSED") {
            map.insert(second, Status::Passed);
        }
    }
    map
}
