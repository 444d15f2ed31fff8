//! `IdentifyCode`: asks which of what was found matters.

use schemars::JsonSchema;
use search::{CodeIndex, Found, Outline, Span, SpanKind};
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asks::Asks;
use crate::context::FileContext;
use crate::desk::{Room, Work};
use crate::files::relative;
use crate::machine::{Finish, IdentifyCode, Move, Note, Search};
use crate::near::did_you_mean;

/// Members of the classes of one file that are named.
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

impl Asks for IdentifyCode {
    const TOOL: &'static str = "identify";
    type Action = Action;

    async fn brief(&self, room: &mut Room<'_>) -> Result<Value, ToolError> {
        let index = room.checkout.sync(room.sandbox, room.config.search_tests).await?;
        let found = index.render(&self.found, room.config.identify_tokens, room.config.search.max_lines)?;
        let members = if room.config.expand_context { members(&index, &self.found)? } else { Vec::new() };
        Ok(json!({ "found": found, "members": members, "context": room.work.context.list() }))
    }

    async fn act(&self, action: Action, room: &mut Room<'_>) -> Result<Move<Self>, ToolError> {
        let files: Vec<FileSpans> = action.identified_spans.unwrap_or_default();
        if files.is_empty() {
            return Ok(Move::on(Search { note: action.scratch_pad.unwrap_or_default() }));
        }
        let index = room.checkout.sync(room.sandbox, room.config.search_tests).await?;
        let mut identified = Vec::new();
        for file in files {
            let path = relative(&file.file_path, &room.sandbox.info().root)?;
            let outline = outline(&index, &path)?;
            identified.extend(spans(&path, &outline, &file.span_ids)?.into_iter().map(|id| (path.clone(), id)));
        }
        for (path, id) in &identified {
            room.work.context.add(path, id);
        }
        if room.config.expand_context {
            for (path, id) in &identified {
                expand(&mut room.work.context, path, id, &outline(&index, path)?);
            }
        }
        Ok(Move::on(Finish { note: Note::None }))
    }

    fn give_in(&self, _: &Work, why: &str) -> Option<Move<Self>> {
        Some(Move::on(Search { note: why.to_owned() }))
    }
}

/// Returns what is in the classes that were found, of which only the head was.
fn members(index: &CodeIndex, found: &Found) -> Result<Vec<String>, ToolError> {
    let mut lists = Vec::new();
    for file in &found.files {
        let classes = file.spans.iter().map(|found| &found.span).filter(|span| span.kind == SpanKind::Class);
        let classes: Vec<String> = classes.map(|span| format!("{}.", span.path())).collect();
        let Some((outline, _)) = index.file(&file.path)?.filter(|_| !classes.is_empty()) else { continue };
        let member = |span: &&Span| classes.iter().any(|class| span.id.starts_with(class.as_str()));
        let ids: Vec<&str> = outline.spans.iter().filter(member).map(|span| span.id.as_str()).take(MEMBERS).collect();
        if !ids.is_empty() {
            lists.push(format!("`{}`: `{}`", file.path, ids.join("`, `")));
        }
    }
    Ok(lists)
}

fn outline(index: &CodeIndex, path: &str) -> Result<Outline, ToolError> {
    match index.file(path)? {
        Some((outline, _)) => Ok(outline),
        None => {
            let hint = did_you_mean(path, index.paths());
            Err(ToolError::Rejected(format!("`{path}` is no file of what was found{hint}")))
        }
    }
}

/// Returns the ids that a file has of those asked for: each as it is, or all parts of a definition.
fn spans(path: &str, outline: &Outline, asked: &[String]) -> Result<Vec<String>, ToolError> {
    if asked.is_empty() {
        return Err(ToolError::Rejected(format!("name the `span_ids` of `{path}` that matter")));
    }
    let mut ids = Vec::new();
    for id in asked.iter().map(|id| id.trim()) {
        let before = ids.len();
        let fits = |span: &&Span| span.id == id || span.path() == id;
        ids.extend(outline.spans.iter().filter(fits).map(|span| span.id.clone()));
        if ids.len() == before {
            let hint = did_you_mean(id, outline.spans.iter().map(|span| span.id.as_str()));
            return Err(ToolError::Rejected(format!("`{path}` has no span `{id}`{hint}")));
        }
    }
    Ok(ids)
}

/// Takes in the class of a method and its constructor.
fn expand(context: &mut FileContext, path: &str, id: &str, outline: &Outline) {
    let Some(span) = outline.spans.iter().find(|span| span.id == id && span.kind == SpanKind::Method) else { return };
    let Some((class, _)) = span.path().rsplit_once('.') else { return };
    for related in [class.to_owned(), format!("{class}.__init__")] {
        if outline.spans.iter().any(|span| span.id == related) {
            context.add(path, &related);
        }
    }
}
