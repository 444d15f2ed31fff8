//! What an agent did, in the order in which it did it.

use agent_core::{Record, Trajectory};

/// Something that an agent did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action<'a> {
    /// The step.
    pub(super) step: u64,
    /// The tool; empty where the answer's text held the action.
    pub(super) tool: &'a str,
    /// Its arguments as the model wrote them, or the command in the text.
    pub(super) text: &'a str,
}

/// Returns the calls of an episode; where an answer calls nothing, the blocks of code in its text, as of agents whose
/// commands stand there.
pub(super) fn actions(trajectory: &Trajectory) -> Vec<Action<'_>> {
    let mut found = Vec::new();
    for record in &trajectory.records {
        let Record::Completion { step, completion, .. } = record else { continue };
        let message = &completion.message;
        let calls = message.tool_calls.iter();
        found.extend(calls.map(|call| Action { step: *step, tool: &call.name, text: &call.arguments }));
        if message.tool_calls.is_empty() {
            found.extend(blocks(&message.content).map(|text| Action { step: *step, tool: "", text }));
        }
    }
    found
}

/// Returns what stands between fences, without the language.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let inside = text.split("```").enumerate().filter(|(place, _)| place % 2 == 1).map(|(_, block)| block);
    inside.map(|block| block.split_once('\n').map_or(block, |(_, body)| body).trim())
}
