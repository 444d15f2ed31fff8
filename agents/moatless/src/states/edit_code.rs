//! `EditCode`: asks for the code that takes the place of some lines.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asking_state::AskingState;
use crate::context::ContextSize;
use crate::edit_target::EditTarget;
use crate::edits::diff::diff;
use crate::edits::lint;
use crate::edits::replace::{refusal, replaced};
use crate::episode_state::{ActionContext, Work};
use crate::files::{load, save, vacant};
use crate::machine::{EditCode, Edited, Move, Note, PlanToCode};

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

impl AskingState for EditCode {
    const TOOL: &'static str = "replace_code";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        let text = load(&self.target.path, ctx.sandbox, ctx.texts).await?;
        let body = text.as_ref().map(edit::Text::body).unwrap_or_default();
        let code = self.target.lines.map(|(start, end)| {
            let lines: Vec<&str> = edit::lines(body).into_iter().take(end).skip(start - 1).collect();
            lines.join("\n")
        });
        let context = match ctx.config.edit_context {
            false => String::new(),
            true => {
                let fit = ContextSize { tokens: ctx.config.edit_context_tokens, ..ctx.config.shown() };
                ctx.work.context.show(ctx.sandbox, fit, ctx.texts).await?
            }
        };
        Ok(json!({
            "place": self.target.place(ctx.texts),
            "instructions": self.target.instructions,
            "code": code,
            "context": context,
            "thoughts": ctx.config.edit_thoughts,
        }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        let reason = action.reject.filter(|reason| !reason.trim().is_empty());
        let code = match (action.replace, reason) {
            (Some(code), Some(_)) if !code.trim().is_empty() => return ctx.reject("moatless/replace_and_reject"),
            // Some models fill each text, so that an empty one beside a reason says nothing.
            (_, Some(reason)) => return Ok(rejected(reason)),
            (Some(code), None) => code,
            (None, None) => return ctx.reject("moatless/replace_or_reject"),
        };
        let edited = change(&self.target, &code, ctx).await?;
        ctx.work.edits.push(format!("{}: {}", self.target.place(ctx.texts), self.target.instructions.trim()));
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
async fn change(target: &EditTarget, code: &str, ctx: &mut ActionContext<'_>) -> Result<Edited, ToolError> {
    let path = &target.path;
    let text = match target.lines {
        None => vacant(path, ctx.sandbox, ctx.texts).await?,
        Some(_) => match load(path, ctx.sandbox, ctx.texts).await? {
            Some(text) => text,
            None => return ctx.reject_with("moatless/gone_reject", json!({ "path": path })),
        },
    };
    let before = text.body().to_owned();
    let after = replaced(&before, target.lines.unwrap_or((1, 0)), code);
    // A new file may be empty.
    let refused =
        if target.lines.is_none() && after.is_empty() { None } else { refusal(path, &before, &after, ctx.texts) };
    if let Some(why) = refused {
        return Err(ToolError::Rejected(why));
    }
    let save = save(path, &text, &after, ctx.sandbox, ctx.texts);
    let problems = lint::around(path, ctx.config.lint, ctx.sandbox, save, ctx.texts).await?;
    ctx.work.context.follow(path, &before, &after);
    Ok(Edited { path: path.clone(), diff: diff(path, &before, &after), problems })
}
