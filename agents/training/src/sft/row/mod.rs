//! Conversations to train on.

mod offered;
mod unknown;

use agent_core::{Header, Record, Segment, Served, Shown, ToolSpec, Trajectory};

use super::{By, Settings};
use crate::parent::is_of_parent;
use crate::reasoning::thought;
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
    /// The tokens, where they are asked for and the server of every trained answer recorded them.
    pub recorded: Option<Vec<Encoded>>,
    /// Whether some trained answers have recorded tokens and others have none.
    pub partly_recorded: bool,
    /// Trained answers before which the model thought, as far as is known, and of which the turns do not hold that.
    pub thoughts: usize,
}

/// Returns the rows of an episode, one a segment, or one an answer, and why others are none.
pub(super) fn rows(trajectory: &Trajectory, settings: &Settings) -> Vec<Result<Row, &'static str>> {
    let mut rows = Vec::new();
    let unknown = after_unknown(trajectory);
    for mut segment in trajectory.segments() {
        let known =
            segment.messages.iter().position(|shown| unknown.iter().any(|one| std::ptr::eq(*one, shown.record)));
        if let Some(known) = known {
            segment.messages.truncate(known);
            rows.push(Err("what was left out of a long conversation is not on record"));
        }
        // What was cut off is counted, and need not leave anything.
        let is_left = known.is_none() || segment.messages.iter().any(|shown| shown.sampled);
        if is_left {
            of_segment(&segment, trajectory.header(), settings, &mut rows);
        }
    }
    rows
}

fn of_segment(
    segment: &Segment<'_>,
    header: Option<&Header>,
    settings: &Settings,
    rows: &mut Vec<Result<Row, &'static str>>,
) {
    // The answers of the parent are another episode's, where they are trained.
    let is_trained = |shown: &Shown<'_>| shown.sampled && !is_of_parent(shown.record, header);
    let all = segment.messages.iter().enumerate();
    let trained: Vec<usize> = all.filter(|(_, shown)| is_trained(shown)).map(|(index, _)| index).collect();
    match settings.by {
        By::Episode => rows.push(row(segment, segment.messages.len(), &trained, header, settings)),
        By::Call => rows.extend(trained.into_iter().map(|index| match segment.messages[index].record {
            Record::Completion { completion, .. } if completion.malformed.is_some() => {
                Err("an answer that could not be read")
            }
            _ => row(segment, index + 1, &[index], header, settings),
        })),
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
    let turns: Vec<Turn> = turns.collect();
    let is_lost = |(shown, turn): &(&Shown<'_>, &Turn)| {
        turn.trained && !turn.is_blank() && turn.reasoning.is_none() && thought(&shown.message).is_some()
    };
    let thoughts = segment.messages.iter().zip(&turns).filter(is_lost).count();
    let has = |one: &Option<&Served>| {
        one.is_some_and(|one| one.prompt_token_ids.is_some() && one.completion_token_ids.is_some())
    };
    let with = served.iter().filter(|one| has(one)).count();
    let partly_recorded = with > 0 && with < served.len();
    let recorded = if settings.pretokenized { recorded(served.into_iter())? } else { None };
    Ok(Row { turns, tools, recorded, partly_recorded, thoughts })
}

impl Row {
    /// Returns a digest of the messages and of what of them is trained.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for turn in &self.turns {
            let message = &turn.message;
            let calls = message.tool_calls.iter().flat_map(|call| [call.name.as_str(), call.arguments.as_str()]);
            let words = [message.role.word(), message.content.as_str()]
                .into_iter()
                .chain(calls)
                .chain(turn.reasoning.as_deref());
            for part in words {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part.as_bytes());
            }
            hasher.update(&[u8::from(turn.trained), 0xff]);
        }
        *hasher.finalize().as_bytes()
    }
}
