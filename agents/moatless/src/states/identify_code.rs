//! `IdentifyCode`: asks which of what was found matters.

use schemars::JsonSchema;
use search::{CodeIndex, Found, Outline, Span, SpanKind, did_you_mean};
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::{Texts, ToolError};

use crate::asking_state::AskingState;
use crate::edit_target::TOKEN;
use crate::episode_state::{ActionContext, Work};
use crate::files::relative;
use crate::machine::{DecideRelevance, IdentifyCode, Move, SearchCode};

/// Spans of one file that are named besides those shown.
const MEMBERS: usize = 60;

/// Arguments of `identify`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// Your thoughts on what each span has to do with the issue.
    #[serde(default)]
    scratch_pad: Option<String>,
    /// The spans that matter; none when nothing of it does.
    #[serde(default)]
    identified_spans: Option<Vec<FileSpans>>,
}

/// Spans of one file.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct FileSpans {
    /// The file's path.
    file_path: String,
    /// The ids of the spans, as they were shown.
    #[serde(default)]
    span_ids: Vec<String>,
}

impl AskingState for IdentifyCode {
    const TOOL: &'static str = "identify";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        let index = ctx.checkout.sync(ctx.sandbox, ctx.config.search_tests, ctx.texts).await?;
        let tokens = ctx.config.identify_tokens;
        let members = members(&index, &self.found, ctx.config.expand_context, tokens / 4 * TOKEN, ctx.texts)?;
        let left = tokens.saturating_sub(members.len() / TOKEN);
        let found = index.render(&self.found, left, ctx.config.search.max_lines, ctx.texts)?;
        Ok(json!({ "found": found, "members": members, "context": ctx.work.context.list() }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        let files: Vec<FileSpans> = action.identified_spans.unwrap_or_default();
        if files.is_empty() {
            return Ok(Move::to(SearchCode { note: action.scratch_pad }));
        }
        let (mut identified, mut wrong) = (Vec::new(), Vec::new());
        {
            let index = ctx.checkout.sync(ctx.sandbox, ctx.config.search_tests, ctx.texts).await?;
            for file in files {
                match spans(&file, &index, &ctx.sandbox.info().root, ctx.texts) {
                    Ok(found) => identified.extend(found),
                    Err(err) => wrong.push(err.message(ctx.texts)?),
                }
            }
        }
        // One wrong name does not undo the right ones.
        if identified.is_empty() {
            return Err(ToolError::Rejected(wrong.join("\n")));
        }
        for (path, span, _) in &identified {
            ctx.work.context.add(path, span);
        }
        for (path, _, related) in identified.iter().filter(|_| ctx.config.expand_context) {
            related.iter().for_each(|span| ctx.work.context.add(path, span));
        }
        Ok(Move::to(DecideRelevance {}))
    }

    fn give_in(&self, _: &Work, _: String) -> Option<Move<Self>> {
        Some(Move::to(SearchCode { note: None }))
    }
}

/// Returns, as one list an item for each file, the spans that can be named besides those shown: the members of classes,
/// and all of a file that was found by its name alone.
fn members(
    index: &CodeIndex,
    found: &Found,
    of_classes: bool,
    bytes: usize,
    texts: &dyn Texts,
) -> Result<String, ToolError> {
    let mut text = String::new();
    for file in &found.files {
        let classes = file.spans.iter().map(|found| &found.span).filter(|span| span.kind == SpanKind::Class);
        let classes: Vec<String> = classes.filter(|_| of_classes).map(|span| format!("{}.", span.path())).collect();
        let all = file.spans.is_empty();
        let Some((outline, _)) = index.file(&file.path)?.filter(|_| all || !classes.is_empty()) else { continue };
        let member = |span: &&Span| all || classes.iter().any(|class| span.id.starts_with(class.as_str()));
        let ids: Vec<&str> = outline.spans.iter().filter(member).map(|span| span.id.as_str()).collect();
        if ids.is_empty() {
            continue;
        }
        let shown: Vec<&str> = ids.iter().copied().take(MEMBERS).collect();
        let more = ids.len().saturating_sub(MEMBERS);
        let values = json!({ "path": file.path, "ids": shown, "more": more });
        let line = texts.render("moatless/members", values) + "\n";
        if text.len() + line.len() > bytes {
            text.push_str(&texts.plain("moatless/members_left_out"));
            text.push('\n');
            break;
        }
        text.push_str(&line);
    }
    Ok(text)
}

/// A file, a span of it, and the spans around it: the class of a method and its constructor.
type Identified = (String, String, Vec<String>);

/// Returns the spans that a file has of those asked for; those that it has not are skipped where it has others.
fn spans(asked: &FileSpans, index: &CodeIndex, root: &str, texts: &dyn Texts) -> Result<Vec<Identified>, ToolError> {
    let path = relative(&asked.file_path, root, texts)?;
    let outline = outline(index, &path, texts)?;
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for id in asked.span_ids.iter().map(|id| id.trim()) {
        let exact: Vec<&Span> = outline.spans.iter().filter(|span| span.id == id).collect();
        let parts = || outline.spans.iter().filter(|span| span.path() == id).collect();
        let spans = if exact.is_empty() { parts() } else { exact };
        if spans.is_empty() {
            let hint = did_you_mean(id, outline.spans.iter().map(|span| span.id.as_str()), texts);
            let values = json!({ "path": path, "id": id, "hint": hint });
            wrong.push(texts.render("moatless/no_span", values));
        }
        found.extend(spans.into_iter().map(|span| (path.clone(), span.id.clone(), related(span, &outline))));
    }
    match (found.is_empty(), wrong.is_empty()) {
        (false, _) => Ok(found),
        (true, false) => Err(ToolError::Rejected(wrong.join("\n"))),
        (true, true) => Err(ToolError::Rejected(texts.render("moatless/name_spans", json!({ "path": path })))),
    }
}

fn related(span: &Span, outline: &Outline) -> Vec<String> {
    let class = span.path().rsplit_once('.').filter(|_| span.kind == SpanKind::Method);
    let Some((class, _)) = class else { return Vec::new() };
    let related = [class.to_owned(), format!("{class}.__init__")];
    related.into_iter().filter(|id| outline.spans.iter().any(|span| span.id == *id)).collect()
}

fn outline(index: &CodeIndex, path: &str, texts: &dyn Texts) -> Result<Outline, ToolError> {
    match index.file(path)? {
        Some((outline, _)) => Ok(outline),
        None => {
            let values = json!({ "path": path, "hint": did_you_mean(path, index.paths(), texts) });
            Err(ToolError::Rejected(texts.render("moatless/not_found", values)))
        }
    }
}
