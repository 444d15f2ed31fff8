//! Conversations to train on.

use agent_core::{Record, Segment, ToolSpec, Trajectory};

use crate::tokens::{Encoded, Turn, recorded};

/// A conversation to train on: a segment of an episode.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The messages.
    pub turns: Vec<Turn>,
    /// The tools on offer.
    pub tools: Vec<ToolSpec>,
    /// The tokens, where the server of every trained answer recorded them.
    pub recorded: Option<Vec<Encoded>>,
    /// Whether some trained answers have recorded tokens and others have none.
    pub partly_recorded: bool,
}

impl Row {
    /// Returns the rows of an episode, one a segment.
    pub(super) fn of(trajectory: &Trajectory) -> Vec<Self> {
        let tools = trajectory.header().map(|header| header.tools.clone()).unwrap_or_default();
        let parent = trajectory.header().and_then(|header| header.origin.parent.as_ref()).map(|parent| parent.step);
        trajectory.segments().into_iter().map(|segment| Self::from_segment(segment, &tools, parent)).collect()
    }

    /// Answers of the steps up to `parent` are another episode's, where they are trained.
    fn from_segment(segment: Segment<'_>, tools: &[ToolSpec], parent: Option<u64>) -> Self {
        let of_parent = |record: &Record| match record {
            Record::Completion { step, restored, .. } => *restored && parent.is_some_and(|last| *step <= last),
            _ => false,
        };
        let mut served = Vec::new();
        let turns = segment.messages.into_iter().map(|shown| {
            let trained = shown.sampled && !of_parent(shown.record);
            if let (true, Record::Completion { completion, .. }) = (trained, shown.record) {
                served.push(completion.served.as_deref());
            }
            Turn { message: shown.message, trained }
        });
        let turns = turns.collect();
        let has = |one: &Option<&agent_core::Served>| {
            one.is_some_and(|one| one.prompt_token_ids.is_some() && one.completion_token_ids.is_some())
        };
        let with = served.iter().filter(|one| has(one)).count();
        let partly_recorded = with > 0 && with < served.len();
        Self { turns, tools: tools.to_vec(), recorded: recorded(served.into_iter()), partly_recorded }
    }

    /// Returns a digest of the messages and of what of them is trained.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for turn in &self.turns {
            let message = &turn.message;
            let calls = message.tool_calls.iter().flat_map(|call| [call.name.as_str(), call.arguments.as_str()]);
            let role = match message.role {
                agent_core::Role::System => "system",
                agent_core::Role::User => "user",
                agent_core::Role::Assistant => "assistant",
                agent_core::Role::Tool => "tool",
            };
            for part in [role, message.content.as_str()].into_iter().chain(calls) {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            hasher.update(&[u8::from(turn.trained), 0xff]);
        }
        *hasher.finalize().as_bytes()
    }
}
