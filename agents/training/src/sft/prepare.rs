//! Rows in the form that a target reads without loss.

use agent_core::{Message, Role};
use prompts::Prompts;
use serde_json::{Map, Value};

use super::row::Row;
use super::{CallForm, Settings, Target};
use crate::tokens::Turn;

/// Turns a row into what a target reads, or says why it would be dropped or maimed there. Messages behind the last trained
/// answer go, as nothing is learnt from them.
///
/// # Errors
/// The reason, in words that count.
pub(super) fn prepare(mut row: Row, settings: &Settings, prompts: &Prompts) -> Result<Row, &'static str> {
    if settings.calls == CallForm::Text && row.recorded.is_none() {
        // Before anything is cut, so that each part of the last answer but the last has its result.
        row.turns = split_calls(&row.turns);
    }
    for turn in &mut row.turns {
        turn.trained &= !turn.is_blank();
    }
    let last = row.turns.iter().rposition(|turn| turn.trained).ok_or("no answer to train on")?;
    row.turns.truncate(last + 1);
    if settings.pretokenized && row.partly_recorded {
        return Err("the tokens of only some answers are recorded");
    }
    if row.recorded.is_some() {
        return Ok(row);
    }
    if !all_answered(&row.turns) {
        return Err("a call has no answer");
    }
    let has_untrained = row.turns.iter().any(|turn| turn.message.role == Role::Assistant && !turn.trained);
    if has_untrained && !settings.has_mask() && !settings.pretokenized {
        return Err("an earlier answer must not be trained again, which the target's rows cannot say");
    }
    let calls = row.turns.iter().any(|turn| !turn.message.tool_calls.is_empty());
    match settings.calls {
        CallForm::Native if calls && row.tools.is_empty() => Err("the tools of its calls are not known"),
        CallForm::Native if has_stray_result(&row.turns) => Err("a result answers no call"),
        CallForm::Native if row.turns.iter().any(has_unreadable_call) => {
            Err("the arguments of a call are no JSON object")
        }
        CallForm::Native if settings.target == Target::MsSwift && !alternate(&row.turns) => {
            Err("the target's template takes no words of the user behind a result; `--calls text` keeps them")
        }
        CallForm::Native => Ok(row),
        CallForm::Text => as_text(row, prompts),
    }
}

/// Returns whether every call but those of the last message is answered before anything else is said.
fn all_answered(turns: &[Turn]) -> bool {
    let mut rest = turns;
    while let Some((turn, after)) = rest.split_first() {
        rest = after;
        let results: Vec<&str> = after
            .iter()
            .take_while(|turn| turn.message.role == Role::Tool)
            .filter_map(|turn| turn.message.tool_call_id.as_deref())
            .collect();
        let answered = turn.message.tool_calls.iter().all(|call| results.contains(&call.id.as_str()));
        if !answered && !after.is_empty() {
            return false;
        }
    }
    true
}

/// Returns whether a result stands where no call of its id was made, which interfaces refuse.
fn has_stray_result(turns: &[Turn]) -> bool {
    let mut open: Vec<&str> = Vec::new();
    turns.iter().any(|turn| match turn.message.role {
        Role::Tool => !turn.message.tool_call_id.as_deref().is_some_and(|id| open.contains(&id)),
        _ => {
            open = turn.message.tool_calls.iter().map(|call| call.id.as_str()).collect();
            false
        }
    })
}

fn has_unreadable_call(turn: &Turn) -> bool {
    let readable = |text: &str| serde_json::from_str::<Map<String, Value>>(text).is_ok();
    turn.message.tool_calls.iter().any(|call| !readable(&call.arguments))
}

/// Returns whether answers alternate with what is said or shown to the model, several of a kind taken as one: ms-swift goes
/// through a conversation in such pairs, and fails on any other.
fn alternate(turns: &[Turn]) -> bool {
    let mut roles: Vec<Role> = turns.iter().map(|turn| turn.message.role).collect();
    roles.dedup();
    let rest = roles.strip_prefix(&[Role::System]).unwrap_or(&roles);
    rest.chunks(2).all(|pair| matches!(pair, [Role::User | Role::Tool, Role::Assistant]))
}

/// Returns a row with calls as text, one an answer, in strict turns of the user and the model.
fn as_text(mut row: Row, prompts: &Prompts) -> Result<Row, &'static str> {
    let (messages, trained): (Vec<Message>, Vec<bool>) =
        std::mem::take(&mut row.turns).into_iter().map(|turn| (turn.message, turn.trained)).unzip();
    let said = llm::to_text(&messages, &row.tools, false, prompts).map_err(|_| "the tools cannot be described")?;
    let added = said.len() - messages.len();
    let trained = std::iter::repeat_n(false, added).chain(trained);
    let mut turns: Vec<Turn> = Vec::with_capacity(said.len());
    for (message, trained) in said.into_iter().zip(trained) {
        match turns.last_mut().filter(|last| last.message.role == message.role && message.role == Role::User) {
            Some(last) => last.message.content = format!("{}\n\n{}", last.message.content, message.content),
            None => turns.push(Turn { message, trained, reasoning: None }),
        }
    }
    let roles: Vec<Role> =
        turns.iter().map(|turn| turn.message.role).skip_while(|role| *role == Role::System).collect();
    let strict = roles.chunks(2).all(|pair| pair == [Role::User, Role::Assistant]);
    if !strict {
        return Err("the user and the model do not take turns");
    }
    Ok(Row { turns, tools: Vec::new(), ..row })
}

/// Returns the conversation with each answer of several calls split into one a call, each followed by its result; the
/// first keeps the words.
fn split_calls(turns: &[Turn]) -> Vec<Turn> {
    let mut split = Vec::with_capacity(turns.len());
    let mut rest = turns;
    while let Some((turn, after)) = rest.split_first() {
        rest = after;
        if turn.message.tool_calls.len() < 2 {
            split.push(turn.clone());
            continue;
        }
        let count = rest.iter().take_while(|turn| turn.message.role == Role::Tool).count();
        let (results, after) = rest.split_at(count);
        rest = after;
        let messages: Vec<Message> = std::iter::once(turn).chain(results).map(|turn| turn.message.clone()).collect();
        let parts = llm::split_calls(&messages).into_iter();
        split.extend(parts.map(|message| {
            let trained = turn.trained && message.role == Role::Assistant;
            Turn { message, trained, reasoning: None }
        }));
    }
    split
}
