//! The `view_code` tool.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::cut::place::{is_test, relative};
use crate::cut::span::{Outline, Span};
use crate::tools::checkout::Checkout;
use crate::tools::near::did_you_mean;
use crate::tools::show::{Budget, code, outline, signature};

/// Shows the spans of a file.
pub struct ViewCode(pub Arc<Checkout>);

/// Arguments of `view_code`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ViewCodeArgs {
    /// Path of the file, relative to the repository.
    path: String,
    /// Ids of the spans to show; without any, the signatures of all spans are.
    #[serde(default)]
    span_ids: Vec<String>,
    /// Whether the methods of a class are shown in full instead of by their signatures.
    expand: Option<bool>,
}

impl Tool for ViewCode {
    const NAME: &'static str = "view_code";
    type Args = ViewCodeArgs;

    async fn call(
        &self,
        args: ViewCodeArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let path = relative(&args.path, &sandbox.info().root);
        let index = self.0.sync(sandbox, is_test(path), texts).await?;
        let Some((spans, text)) = index.file(path)? else {
            return Err(missing(path, index.paths(), texts));
        };
        let max_tokens = self.0.config().max_tokens;
        if args.span_ids.is_empty() {
            return Ok(Observation::text(outline(path, &spans, &text, max_tokens, texts)));
        }
        let chosen = choose(path, &spans, &args.span_ids, texts)?;
        let mut budget = Budget::new(max_tokens);
        budget.push(&format!("{path}\n"));
        for (at, (span, asked)) in chosen.iter().enumerate() {
            let whole = *asked || args.expand.unwrap_or_default();
            let part = if whole { code(span, &text, usize::MAX, texts) } else { signature(span, &text, texts) };
            // What does not fit whole is still told of by its signature.
            let short = || signature(span, &text, texts) + &texts.plain("search/too_long") + "\n";
            if !budget.push(&part) && !budget.push(&short()) {
                let values = json!({ "more": chosen.len() - at });
                budget.tell(&(texts.render("search/more_spans", values) + "\n"));
                break;
            }
        }
        Ok(Observation::text(budget.end()))
    }
}

/// Returns the spans asked for, and the members of the classes among them, in the order of lines.
fn choose<'a>(
    path: &str,
    outline: &'a Outline,
    ids: &[String],
    texts: &dyn Texts,
) -> Result<Vec<(&'a Span, bool)>, ToolError> {
    for id in ids {
        let known = outline.spans.iter().any(|span| span.id == *id || span.path() == id);
        if !known {
            let hint = did_you_mean(id, outline.spans.iter().map(|span| span.id.as_str()), texts);
            let values = json!({ "path": path, "id": id, "hint": hint });
            return Err(ToolError::Rejected(texts.render("search/no_span", values)));
        }
    }
    let asked = |span: &Span| ids.iter().any(|id| span.id == *id || span.path() == id);
    let member =
        |span: &Span| ids.iter().any(|id| span.id.strip_prefix(id.as_str()).is_some_and(|rest| rest.starts_with('.')));
    Ok(outline.spans.iter().filter(|span| asked(span) || member(span)).map(|span| (span, asked(span))).collect())
}

fn missing<'a>(path: &str, paths: impl Iterator<Item = &'a str>, texts: &dyn Texts) -> ToolError {
    let values = json!({ "path": path, "hint": did_you_mean(path, paths, texts) });
    ToolError::Rejected(texts.render("search/not_indexed", values))
}
