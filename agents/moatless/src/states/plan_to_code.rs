//! `PlanToCode`: asks for the next change, or for the end.

use schemars::JsonSchema;
use search::{Outline, Span, SpanKind, did_you_mean, is_notebook};
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asking_state::AskingState;
use crate::edit_target::{EditTarget, tokens};
use crate::episode_state::{ActionContext, Work};
use crate::files::{load, relative, vacant};
use crate::machine::{ClarifyCodeChange, EditCode, Finished, Move, Note, PlanToCode, Rejected, RunTests};

/// Arguments of `plan`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// Your thoughts on what to do next.
    #[serde(default)]
    #[expect(dead_code, reason = "thinking aloud is its use")]
    scratch_pad: Option<String>,
    /// What to do next; `create`, `run_tests` and `review` only where they are on offer.
    #[serde(default)]
    action: Option<Kind>,
    /// For `modify` and `create`: what to change and how, so exactly that someone who sees only this and the code can do
    /// it.
    #[serde(default)]
    instructions: Option<String>,
    /// For `modify` and `create`: the file.
    #[serde(default)]
    file_path: Option<String>,
    /// For `modify`: the span in which lines are to be changed, of those in the file context.
    #[serde(default)]
    span_id: Option<String>,
    /// Why the work is done; given this, nothing else counts.
    #[serde(default)]
    finish: Option<String>,
    /// Why the issue cannot be solved; given this, nothing else counts.
    #[serde(default)]
    reject: Option<String>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Change a span.
    Modify,
    /// Create a file.
    Create,
    /// Run tests.
    RunTests,
    /// Look at what was changed.
    Review,
    /// Hand the work in.
    Finish,
    /// Give up.
    Reject,
}

impl AskingState for PlanToCode {
    const TOOL: &'static str = "plan";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        let context = ctx.work.context.show(ctx.sandbox, ctx.config.shown(), ctx.texts).await?;
        Ok(json!({
            "note": self.note,
            "context": context,
            "create": ctx.config.create_files,
            "run_tests": ctx.config.runs_tests(),
            "review": ctx.config.finish_on_review,
            "edits": ctx.work.edits,
            "notebooks": ctx.work.context.has_notebook(),
        }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        // Words on the end go before the action, as models now and then leave the action at its first value.
        if given(&action.finish).is_some() {
            return Ok(Move::to(Finished {}));
        }
        if let Some(reason) = given(&action.reject) {
            return Ok(Move::to(Rejected { reason }));
        }
        let Some(kind) = action.action else { return ctx.reject("moatless/give_action") };
        let path = given(&action.file_path);
        let instructions = given(&action.instructions);
        match kind {
            Kind::Finish => Ok(Move::to(Finished {})),
            Kind::Reject => Ok(Move::to(Rejected { reason: ctx.texts.plain("moatless/no_reason") })),
            Kind::Review if !ctx.config.finish_on_review => ctx.reject("moatless/no_review"),
            Kind::Review if !ctx.work.edits.is_empty() => Ok(Move::to(Finished {})),
            Kind::Review => ctx.reject("moatless/nothing_to_review"),
            Kind::RunTests if ctx.config.runs_tests() => Ok(Move::to(RunTests { note: self.carried() })),
            Kind::RunTests => ctx.reject("moatless/no_tests"),
            Kind::Modify | Kind::Create => {
                let Some(path) = path else { return ctx.reject("moatless/give_path") };
                let path = relative(&path, &ctx.sandbox.info().root, ctx.texts)?;
                let Some(instructions) = instructions else { return ctx.reject("moatless/give_instructions") };
                if kind == Kind::Create {
                    return create(path, instructions, ctx).await;
                }
                modify(&path, given(&action.span_id), instructions, ctx).await
            }
        }
    }

    fn give_in(&self, _: &Work, why: String) -> Option<Move<Self>> {
        Some(Move::to(Rejected { reason: why }))
    }
}

impl PlanToCode {
    /// Returns what stays worth telling after tests were run.
    fn carried(&self) -> Note {
        Note { edited: self.note.edited.clone(), ..Note::default() }
    }
}

async fn create(path: String, instructions: String, ctx: &ActionContext<'_>) -> Result<Move<PlanToCode>, ToolError> {
    if !ctx.config.create_files {
        return ctx.reject("moatless/no_new_files");
    }
    vacant(&path, ctx.sandbox, ctx.texts).await?;
    Ok(Move::to(EditCode { target: EditTarget { path, span: String::new(), lines: None, instructions } }))
}

async fn modify(
    path: &str,
    span: Option<String>,
    instructions: String,
    ctx: &ActionContext<'_>,
) -> Result<Move<PlanToCode>, ToolError> {
    let context = &ctx.work.context;
    // Its lines are JSON, and not the code that was shown.
    if is_notebook(path) {
        return ctx.reject_with("moatless/notebook", json!({ "path": path }));
    }
    if !context.has_file(path) {
        return ctx.reject_with("moatless/file_not_in_context", json!({ "path": path, "context": context.list() }));
    }
    let ids = context.ids(path);
    let span = match (span, ids.as_slice()) {
        (Some(span), _) => span.trim().to_owned(),
        (None, [only]) => (*only).to_owned(),
        (None, _) => return ctx.reject_with("moatless/give_span", json!({ "ids": ids })),
    };
    if !context.has(path, &span) {
        let hint = did_you_mean(&span, ids.iter().copied(), ctx.texts);
        let values = json!({ "span": span, "path": path, "hint": hint, "context": context.list() });
        return ctx.reject_with("moatless/span_not_in_context", values);
    }
    let text = load(path, ctx.sandbox, ctx.texts).await?;
    let lines = text.as_ref().and_then(|text| lines(&search::outline(path, text.body()), &span));
    let (Some(lines), Some(text)) = (lines, text) else {
        return ctx.reject_with("moatless/span_gone", json!({ "span": span, "path": path }));
    };
    let replaced: Vec<&str> = edit::lines(text.body()).into_iter().take(lines.1).skip(lines.0 - 1).collect();
    let target = EditTarget { path: path.to_owned(), span, lines: Some(lines), instructions };
    if tokens(&replaced.join("\n")) > ctx.config.edit_tokens {
        return Ok(Move::to(ClarifyCodeChange { target }));
    }
    Ok(Move::to(EditCode { target }))
}

/// Returns the first and the last line of a span, counted from 1: of a class with all that is in it, unless a part of it
/// is named.
fn lines(outline: &Outline, id: &str) -> Option<(usize, usize)> {
    let exact = outline.spans.iter().find(|span| span.id == id);
    let exact = exact.filter(|span| span.kind != SpanKind::Class || id.contains(':'));
    let inside = |span: &&Span| {
        let rest = span.path().strip_prefix(id);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let spans: Vec<&Span> = match exact {
        Some(span) => vec![span],
        None => outline.spans.iter().filter(inside).collect(),
    };
    let start = spans.iter().map(|span| span.start).min()?;
    let end = spans.iter().map(|span| span.end).max()?;
    Some((start as usize, end as usize))
}
