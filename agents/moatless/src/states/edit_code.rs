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
use crate::machine::{EditCode, Edited, Move, Note, PlanToCode};
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
                let fit = Fit { tokens: room.config.edit_context_tokens, ..room.config.shown() };
                room.work.context.show(room.sandbox, fit).await?
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
        let reason = action.reject.filter(|reason| !reason.trim().is_empty());
        let code = match (action.replace, reason) {
            (Some(code), Some(_)) if !code.trim().is_empty() => {
                return Err(ToolError::Rejected("give either `replace` or `reject`, not both".to_owned()));
            }
            // Some models fill each text, so that an empty one beside a reason says nothing.
            (_, Some(reason)) => return Ok(rejected(reason)),
            (Some(code), None) => code,
            (None, None) => return Err(ToolError::Rejected("give `replace`, or `reject` with the reason".to_owned())),
        };
        let edited = change(&self.spot, &code, room).await?;
        room.work.edits.push(format!("{}: {}", self.spot.place(), self.spot.instructions.trim()));
        Ok(Move::to(PlanToCode { note: Note { edited: Some(edited), ..Note::default() } }))
    }

    fn give_in(&self, _: &Work, why: String) -> Option<Move<Self>> {
        Some(rejected(why))
    }
}

fn rejected(reason: String) -> Move<EditCode> {
    Move::to(PlanToCode { note: Note { rejected: Some(reason), ..Note::default() } })
}

/// Makes a change unless it is refused, and returns what came of it.
async fn change(spot: &Spot, code: &str, room: &mut Room<'_>) -> Result<Edited, ToolError> {
    let path = &spot.path;
    let text = match spot.lines {
        None => vacant(path, room.sandbox).await?,
        Some(_) => load(path, room.sandbox)
            .await?
            .ok_or_else(|| ToolError::Rejected(format!("`{path}` is gone; `reject` the instructions")))?,
    };
    let before = text.body().to_owned();
    let after = replaced(&before, spot.lines.unwrap_or((1, 0)), code);
    // A new file may be empty.
    let refused = if spot.lines.is_none() && after.is_empty() { None } else { refusal(path, &before, &after) };
    if let Some(why) = refused {
        return Err(ToolError::Rejected(why));
    }
    let save = save(path, &text, &after, room.sandbox);
    let problems = lint::around(path, room.config.lint, room.sandbox, save).await?;
    room.work.context.follow(path, &before, &after);
    Ok(Edited { path: path.clone(), diff: diff(path, &before, &after), problems })
}
