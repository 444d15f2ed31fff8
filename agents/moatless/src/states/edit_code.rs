//! `EditCode`: asks for the code that takes the place of some lines.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asks::Asks;
use crate::context::Fit;
use crate::desk::{Room, Work};
use crate::diff::diff;
use crate::files::{load, save, vacant};
use crate::lint;
use crate::machine::{EditCode, Finish, Move, Note, Reject};
use crate::replace::{refusal, replaced};
use crate::spot::Spot;

/// Arguments of `replace_code`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// All of the code that takes the place of the lines shown, with its indentation. Empty text removes them.
    #[serde(default)]
    replace: Option<String>,
    /// Why the instructions cannot be carried out in these lines; given instead of `replace`.
    #[serde(default)]
    reject: Option<String>,
}

impl Asks for EditCode {
    const TOOL: &'static str = "replace_code";
    type Action = Action;

    async fn brief(&self, room: &mut Room<'_>) -> Result<Value, ToolError> {
        let text = load(&self.spot.path, room.sandbox).await?;
        let body = text.as_ref().map(edit::Text::body).unwrap_or_default();
        let code = self.spot.lines.map(|(start, end)| {
            let lines: Vec<&str> = edit::lines(body).into_iter().take(end).skip(start - 1).collect();
            lines.join("\n")
        });
        let context = match room.config.edit_context {
            false => String::new(),
            true => {
                let index = room.checkout.sync(room.sandbox, room.config.search_tests).await?;
                let fit = Fit { tokens: room.config.edit_context_tokens, ..room.config.shown() };
                room.work.context.show(&index, fit)?
            }
        };
        Ok(json!({
            "place": self.spot.place(),
            "instructions": self.spot.instructions,
            "code": code,
            "context": context,
            "thoughts": room.config.edit_thoughts,
        }))
    }

    async fn act(&self, action: Action, room: &mut Room<'_>) -> Result<Move<Self>, ToolError> {
        let code = match (action.replace, action.reject.filter(|reason| !reason.trim().is_empty())) {
            (None, Some(reason)) => return Ok(Move::on(Reject { reason })),
            (Some(code), _) => code,
            (None, None) => return Err(ToolError::Rejected("give `replace`, or `reject` with the reason".to_owned())),
        };
        let note = change(&self.spot, &code, room).await?;
        room.work.edits.push(format!("{}: {}", self.spot.place(), self.spot.instructions.trim()));
        Ok(Move::on(Finish { note }))
    }

    fn give_in(&self, _: &Work, why: &str) -> Option<Move<Self>> {
        Some(Move::on(Reject { reason: why.to_owned() }))
    }
}

/// Makes a change unless it is refused, and returns what came of it.
async fn change(spot: &Spot, code: &str, room: &mut Room<'_>) -> Result<Note, ToolError> {
    let path = &spot.path;
    let text = match spot.lines {
        None => vacant(path, room.sandbox).await?,
        Some(_) => load(path, room.sandbox)
            .await?
            .ok_or_else(|| ToolError::Rejected(format!("`{path}` is gone; `reject` the instructions")))?,
    };
    let before = text.body().to_owned();
    let after = replaced(&before, spot.lines.unwrap_or((1, 0)), code);
    if let Some(why) = refusal(path, &before, &after) {
        return Err(ToolError::Rejected(why));
    }
    let save = save(path, &text, &after, room.sandbox);
    let problems = lint::around(path, room.config.lint, room.sandbox, save).await?;
    take_in(path, &before, &after, room);
    Ok(Note::Edited { path: path.clone(), diff: diff(path, &before, &after), problems })
}

/// Takes the spans into the file context that an edit brought in or changed.
fn take_in(path: &str, before: &str, after: &str, room: &mut Room<'_>) {
    let (old, new) = (edit::lines(before), edit::lines(after));
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let shorter = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(shorter).take_while(|(old, new)| old == new).count();
    // Lines are counted from 1.
    let changed = head + 1..new.len() - tail + 1;
    for span in search::outline(path, after).spans {
        if (span.start as usize) < changed.end && changed.start <= span.end as usize {
            room.work.context.add(path, &span.id);
        }
    }
}
