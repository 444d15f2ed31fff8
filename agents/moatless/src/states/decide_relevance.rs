//! `DecideRelevance`: asks whether the file context is enough.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asking_state::AskingState;
use crate::episode_state::{ActionContext, Work};
use crate::machine::{DecideRelevance, Move, Note, PlanToCode, SearchCode};

/// Arguments of `decide`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// Your thoughts on what the code has to do with the issue, and on what is missing.
    #[serde(default)]
    #[expect(dead_code, reason = "thinking aloud is its use")]
    scratch_pad: Option<String>,
    /// Whether the code that has to change is in the file context.
    relevant: bool,
    /// Whether everything that is needed to write the change is in it.
    #[serde(default)]
    complete: Option<bool>,
    /// What else to search for, when something is missing.
    #[serde(default)]
    search_suggestions: Option<String>,
}

impl AskingState for DecideRelevance {
    const TOOL: &'static str = "decide";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        Ok(json!({ "context": ctx.work.context.show(ctx.sandbox, ctx.config.shown(), ctx.texts).await? }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        let earlier = ctx.work.relevant;
        ctx.work.relevant += usize::from(action.relevant);
        let enough = action.complete == Some(true) || earlier >= ctx.config.finish_after_relevant;
        if action.relevant && enough {
            return Ok(Move::to(PlanToCode { note: Note::default() }));
        }
        Ok(Move::to(SearchCode { note: action.search_suggestions }))
    }

    fn give_in(&self, _: &Work, _: String) -> Option<Move<Self>> {
        Some(Move::to(PlanToCode { note: Note::default() }))
    }
}
