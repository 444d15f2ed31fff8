//! `DecideRelevance`: asks whether the file context is enough.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asks::Asks;
use crate::desk::{Room, Work};
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

impl Asks for DecideRelevance {
    const TOOL: &'static str = "decide";
    type Action = Action;

    async fn brief(&self, room: &mut Room<'_>) -> Result<Value, ToolError> {
        Ok(json!({ "context": room.work.context.show(room.sandbox, room.config.shown()).await? }))
    }

    async fn act(&self, action: Action, room: &mut Room<'_>) -> Result<Move<Self>, ToolError> {
        let earlier = room.work.relevant;
        room.work.relevant += usize::from(action.relevant);
        let enough = action.complete == Some(true) || earlier >= room.config.finish_after_relevant;
        if action.relevant && enough {
            return Ok(Move::to(PlanToCode { note: Note::default() }));
        }
        Ok(Move::to(SearchCode { note: action.search_suggestions }))
    }

    fn give_in(&self, _: &Work, _: String) -> Option<Move<Self>> {
        Some(Move::to(PlanToCode { note: Note::default() }))
    }
}
