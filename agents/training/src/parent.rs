//! Episodes that go on from another one.

use agent_core::{Header, Record};

/// Returns whether a record was taken over from the episode that this one goes on from: it was restored, and is of a step
/// up to the parent's.
pub(crate) fn is_of_parent(record: &Record, header: Option<&Header>) -> bool {
    let last = header.and_then(|header| header.origin.parent.as_ref()).map_or(0, |parent| parent.step);
    let restored = match record {
        Record::Message { restored, .. }
        | Record::Completion { restored, .. }
        | Record::Observation { restored, .. } => *restored,
        _ => false,
    };
    restored && last > 0 && record.step().is_some_and(|step| step <= last)
}
