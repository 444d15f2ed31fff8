//! `SearchCode`: asks what to search for.

use schemars::JsonSchema;
use search::{Found, FoundFile, FoundSpan, SearchRequest, Synced};
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::{Texts, ToolError};

use crate::asking_state::AskingState;
use crate::config::{Config, Initial};
use crate::episode_state::{ActionContext, Work};
use crate::machine::{IdentifyCode, Move, Note, PlanToCode, SearchCode};

/// Arguments of `search`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// Your thoughts on what to search for.
    #[serde(default)]
    #[expect(dead_code, reason = "thinking aloud is its use")]
    scratch_pad: Option<String>,
    /// The searches; each needs at least one criterion.
    #[serde(default)]
    search_requests: Option<Vec<Request>>,
    /// Whether all code that matters has been identified, so that nothing more is to be searched for.
    #[serde(default)]
    complete: Option<bool>,
}

/// One search. What is given must all fit.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Request {
    /// A file pattern, such as `**/forms/*.py`.
    file_pattern: Option<String>,
    /// Words: names, an error message, what the code does.
    query: Option<String>,
    /// Code as it is in the file.
    code_snippet: Option<String>,
    /// Exact names of classes.
    class_names: Option<Vec<String>>,
    /// Exact names of functions.
    function_names: Option<Vec<String>>,
}

impl Request {
    fn into_search(self, tests: bool) -> SearchRequest {
        SearchRequest {
            query: self.query.unwrap_or_default(),
            file_pattern: self.file_pattern.unwrap_or_default(),
            class_names: self.class_names.unwrap_or_default(),
            function_names: self.function_names.unwrap_or_default(),
            code_snippet: self.code_snippet.unwrap_or_default(),
            include_tests: tests,
        }
    }
}

impl AskingState for SearchCode {
    const TOOL: &'static str = "search";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        let index = ctx.checkout.sync(ctx.sandbox, ctx.config.search_tests, ctx.texts).await?;
        let context = ctx.work.context.show(ctx.sandbox, ctx.config.shown(), ctx.texts).await?;
        let first = context.is_empty() && ctx.work.searched.is_empty() && ctx.config.initial.tokens > 0;
        let initial =
            if first { initial(&index, &ctx.work.issue, ctx.config, ctx.texts).await? } else { String::new() };
        Ok(json!({ "note": self.note, "context": context, "initial": initial }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        if action.complete == Some(true) {
            if ctx.work.context.is_empty() {
                return ctx.reject("moatless/nothing_identified");
            }
            return Ok(Move::to(PlanToCode { note: Note::default() }));
        }
        let asked = action.search_requests.unwrap_or_default().into_iter();
        let asked: Vec<SearchRequest> = asked.map(|request| request.into_search(ctx.config.search_tests)).collect();
        let new: Vec<SearchRequest> =
            asked.iter().filter(|request| !ctx.work.searched.contains(request)).cloned().collect();
        if new.is_empty() {
            let asked_before = !asked.is_empty();
            return ctx.reject(if asked_before { "moatless/searched_before" } else { "moatless/give_requests" });
        }
        let index = ctx.checkout.sync(ctx.sandbox, ctx.config.search_tests, ctx.texts).await?;
        let found = find(&index, &new, ctx.config.max_results).await?;
        ctx.work.searched.extend(new);
        if found.files.is_empty() {
            return ctx.reject_with("moatless/nothing_found", json!({ "names": found.did_you_mean }));
        }
        Ok(Move::to(IdentifyCode { found }))
    }

    fn give_in(&self, work: &Work, _: String) -> Option<Move<Self>> {
        (!work.context.is_empty()).then(|| Move::to(PlanToCode { note: Note::default() }))
    }

    fn retries(config: &Config) -> usize {
        config.max_search_retries
    }
}

/// Returns what the issue's own words find.
async fn initial(index: &Synced<'_>, issue: &str, config: &Config, texts: &dyn Texts) -> Result<String, ToolError> {
    let Initial { tokens, results, spans_per_file } = config.initial;
    if issue.trim().is_empty() {
        return Ok(String::new());
    }
    let request = SearchRequest { include_tests: config.search_tests, ..SearchRequest::text(issue) };
    let mut found = index.answer(&request).await?;
    for file in &mut found.files {
        file.spans.truncate(spans_per_file);
    }
    keep_first(&mut found, results);
    if found.files.is_empty() {
        return Ok(String::new());
    }
    Ok(index.render(&found, tokens, config.search.max_lines, texts)?)
}

/// Answers requests that share `most` spans, and puts what they found together, file by file.
async fn find(index: &Synced<'_>, requests: &[SearchRequest], most: usize) -> Result<Found, ToolError> {
    let share = most.div_ceil(requests.len().max(1)).max(1);
    let mut all = Found::default();
    for request in requests {
        let mut found = index.answer(request).await?;
        keep_first(&mut found, share);
        found.files.into_iter().for_each(|file| merge(&mut all.files, file));
        all.did_you_mean.extend(found.did_you_mean);
    }
    // Those of several requests that were found early by one of them are as good as one another.
    keep_first(&mut all, most);
    Ok(all)
}

fn merge(files: &mut Vec<FoundFile>, file: FoundFile) {
    match files.iter_mut().find(|known| known.path == file.path) {
        None => files.push(file),
        Some(known) => {
            let new = |found: &FoundSpan| known.spans.iter().all(|span| span.span.id != found.span.id);
            let new: Vec<FoundSpan> = file.spans.into_iter().filter(new).collect();
            known.spans.extend(new);
        }
    }
}

/// Keeps the first spans, and the files without any up to the same number.
fn keep_first(found: &mut Found, most: usize) {
    let mut left = most;
    found.files.retain_mut(|file| {
        let kept = left > 0;
        file.spans.truncate(left);
        left = left.saturating_sub(file.spans.len().max(1));
        kept
    });
}
