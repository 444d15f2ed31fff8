//! Conversations to train on.

mod offered;
mod unknown;

use agent_core::{Header, Message, Record, Role, Segment, Served, ToolSpec, Trajectory};

use super::{By, Settings};
use crate::tokens::{Encoded, Turn, recorded};
use offered::offered;
use unknown::after_unknown;

/// A conversation to train on: a segment of an episode, or what one call of the model was shown and answered.
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

/// The rows of an episode, and what is not in them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Rows, and why the others are none.
    pub rows: Vec<Result<Row, &'static str>>,
    /// Trained answers whose reasoning is known and not in the rows.
    pub thoughts: usize,
}

impl Rows {
    /// Returns the rows of an episode: one a segment, or one an answer.
    pub(super) fn of(trajectory: &Trajectory, settings: &Settings) -> Self {
        let mut rows = Self::default();
        let unknown = after_unknown(trajectory);
        for mut segment in trajectory.segments() {
            let known =
                segment.messages.iter().position(|shown| unknown.iter().any(|one| std::ptr::eq(*one, shown.record)));
            if let Some(known) = known {
                segment.messages.truncate(known);
                rows.rows.push(Err("what was left out of a long conversation is not on record"));
            }
            rows.take(&segment, trajectory.header(), settings);
        }
        rows
    }

    fn take(&mut self, segment: &Segment<'_>, header: Option<&Header>, settings: &Settings) {
        // Answers of the steps up to that of the parent are another episode's, where they are trained.
        let parent = header.and_then(|header| header.origin.parent.as_ref()).map(|parent| parent.step);
        let of_parent = |record: &Record| match record {
            Record::Completion { step, restored, .. } => *restored && parent.is_some_and(|last| *step <= last),
            _ => false,
        };
        let trained: Vec<usize> = (0..segment.messages.len())
            .filter(|index| segment.messages.get(*index).is_some_and(|one| one.sampled && !of_parent(one.record)))
            .collect();
        self.thoughts += match settings.reasoning {
            true => 0,
            false => trained.iter().filter(|index| thought(&segment.messages[**index].message).is_some()).count(),
        };
        match settings.by {
            By::Episode => self.rows.push(row(segment, segment.messages.len(), &trained, header, settings)),
            By::Call => {
                for index in trained {
                    self.rows.push(match segment.messages[index].record {
                        Record::Completion { completion, .. } if completion.malformed.is_some() => {
                            Err("an answer that could not be read")
                        }
                        _ => row(segment, index + 1, &[index], header, settings),
                    });
                }
            }
        }
    }
}

/// Returns the row of the first messages of a segment.
fn row(
    segment: &Segment<'_>,
    length: usize,
    trained: &[usize],
    header: Option<&Header>,
    settings: &Settings,
) -> Result<Row, &'static str> {
    let tools = header.map_or(Ok(Vec::new()), |header| offered(segment, trained, header))?;
    let mut served = Vec::new();
    let mut is_trained = vec![false; length];
    for index in trained {
        is_trained[*index] = true;
        if let Record::Completion { completion, .. } = segment.messages[*index].record {
            served.push(completion.served.as_deref());
        }
    }
    let turns = segment.messages[..length].iter().zip(is_trained).map(|(shown, trained)| {
        let reasoning = settings.reasoning.then(|| thought(&shown.message)).flatten().map(str::to_owned);
        Turn { message: shown.message.clone(), trained, reasoning }
    });
    let turns = turns.collect();
    let has = |one: &Option<&Served>| {
        one.is_some_and(|one| one.prompt_token_ids.is_some() && one.completion_token_ids.is_some())
    };
    let with = served.iter().filter(|one| has(one)).count();
    let partly_recorded = with > 0 && with < served.len();
    Ok(Row { turns, tools, recorded: recorded(served.into_iter()), partly_recorded })
}

/// Returns what a model thought before it answered, as its server told it.
fn thought(message: &Message) -> Option<&str> {
    let extras = &message.extras.as_ref()?.message;
    let text = ["reasoning_content", "reasoning", "thinking"].iter().find_map(|key| extras.get(*key)?.as_str())?;
    Some(text).filter(|text| !text.trim().is_empty())
}

impl Row {
    /// Returns a digest of the messages and of what of them is trained.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for turn in &self.turns {
            let message = &turn.message;
            let calls = message.tool_calls.iter().flat_map(|call| [call.name.as_str(), call.arguments.as_str()]);
            let role = match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
                Role::Tool => "tool",
            };
            let words = [role, message.content.as_str()].into_iter().chain(calls).chain(turn.reasoning.as_deref());
            for part in words {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            hasher.update(&[u8::from(turn.trained), 0xff]);
        }
        *hasher.finalize().as_bytes()
    }
}
