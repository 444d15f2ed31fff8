//! Answers of which it is not known what their model was shown.

use agent_core::{Record, Trajectory};

/// Returns the first answer of each conversation whose request is known to have left something out, but not what: one
/// behind a refusal as too long, in records of versions that did not keep what was left out.
pub(super) fn after_unknown(trajectory: &Trajectory) -> Vec<&Record> {
    let (mut unknown, mut refused) = (Vec::new(), false);
    for record in &trajectory.records {
        match record {
            Record::TooLong { .. } => refused = true,
            Record::Header(_) | Record::Conversation { .. } => refused = false,
            Record::Completion { view, .. } => {
                if refused && view.is_none() {
                    unknown.push(record);
                }
                refused = false;
            }
            _ => {}
        }
    }
    unknown
}
