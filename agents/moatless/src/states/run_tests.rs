//! `RunTests`: asks which tests to run.

use schemars::JsonSchema;
use search::SearchRequest;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asking_state::AskingState;
use crate::episode_state::{ActionContext, Work};
use crate::machine::{Move, Note, PlanToCode, RunTests};
use crate::run_tests::run_tests;

/// Test files that are proposed.
const PROPOSED: usize = 10;

/// Arguments of `choose_tests`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// Your thoughts on which tests touch the change.
    #[serde(default)]
    #[expect(dead_code, reason = "thinking aloud is its use")]
    scratch_pad: Option<String>,
    /// The test files, by their paths; none runs nothing. `path::Class::test` picks one test.
    #[serde(default)]
    test_files: Option<Vec<String>>,
}

impl AskingState for RunTests {
    const TOOL: &'static str = "choose_tests";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        let context = ctx.work.context.list();
        let index = ctx.checkout.sync(ctx.sandbox, true, ctx.texts).await?;
        // The names of what was changed find the tests that use them.
        let words = context.replace(['`', '.', ':', '/', '_', '-'], " ");
        let request = SearchRequest { include_tests: true, ..SearchRequest::text(words) };
        let found = if context.is_empty() { Vec::new() } else { index.search(&request)?.files };
        let tests: Vec<&str> =
            found.iter().map(|file| file.path.as_str()).filter(|path| search::is_test(path)).take(PROPOSED).collect();
        Ok(json!({ "tests": tests, "context": context }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        let files = action.test_files.unwrap_or_default();
        if files.is_empty() {
            return Ok(Move::to(PlanToCode { note: self.note.clone() }));
        }
        let output = run_tests(&files, &ctx.config.tests, ctx.sandbox, ctx.texts).await?;
        Ok(Move::to(PlanToCode { note: Note { tested: Some(output), ..self.note.clone() } }))
    }

    fn give_in(&self, _: &Work, _: String) -> Option<Move<Self>> {
        Some(Move::to(PlanToCode { note: self.note.clone() }))
    }
}
