//! `ClarifyCodeChange`: asks which lines of a long span are to be changed.

use schemars::JsonSchema;
use search::{Outline, Span, SpanKind};
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::{Texts, ToolError};

use crate::asking_state::AskingState;
use crate::edit_target::{EditTarget, TOKEN, tokens};
use crate::episode_state::{ActionContext, Work};
use crate::files::load;
use crate::machine::{ClarifyCodeChange, EditCode, Move, Note, PlanToCode};

/// Lines below which a range is widened, and by which it grows on either side.
const NARROW: usize = 4;

/// Arguments of `select_lines`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Action {
    /// Your thoughts on which lines to change; they are added to the instructions.
    #[serde(default)]
    scratch_pad: Option<String>,
    /// The first line to change.
    #[serde(default)]
    start_line: Option<usize>,
    /// The last line to change.
    #[serde(default)]
    end_line: Option<usize>,
    /// Whether the instructions cannot be carried out in this code.
    #[serde(default)]
    reject: Option<bool>,
}

impl AskingState for ClarifyCodeChange {
    const TOOL: &'static str = "select_lines";
    type Action = Action;

    async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        let text = load(&self.target.path, ctx.sandbox, ctx.texts).await?;
        let body = text.as_ref().map(edit::Text::body).unwrap_or_default();
        let lines = edit::lines(body);
        let whole = self.target.lines.unwrap_or((1, lines.len()));
        let outline = search::outline(&self.target.path, body);
        let code = shown(&outline, &lines, whole, ctx.config.context_tokens.saturating_mul(TOKEN), ctx.texts);
        Ok(json!({
            "path": self.target.path,
            "span": self.target.span,
            "instructions": self.target.instructions,
            "code": code,
            "most": ctx.config.edit_tokens,
        }))
    }

    async fn act(&self, action: Action, ctx: &mut ActionContext<'_>) -> Result<Move<Self>, ToolError> {
        let thoughts = action.scratch_pad.unwrap_or_default();
        if action.reject == Some(true) {
            let reason = Some(thoughts).filter(|thoughts| !thoughts.trim().is_empty());
            return Ok(rejected(reason.unwrap_or_else(|| ctx.texts.plain("moatless/unfit_instructions"))));
        }
        let (Some(start), Some(end)) = (action.start_line, action.end_line) else {
            return ctx.reject("moatless/give_lines");
        };
        let Some(text) = load(&self.target.path, ctx.sandbox, ctx.texts).await? else {
            return Ok(rejected(ctx.texts.render("moatless/gone", json!({ "path": self.target.path }))));
        };
        let outline = search::outline(&self.target.path, text.body());
        let code = Code { lines: edit::lines(text.body()), outline: &outline, most: ctx.config.edit_tokens };
        let whole = self.target.lines.unwrap_or((1, code.lines.len()));
        code.check((start, end), whole, ctx.texts).map_err(ToolError::Rejected)?;
        let range = if end - start < NARROW { code.widened((start, end), whole) } else { (start, end) };
        let gap = if thoughts.trim().is_empty() { "" } else { "\n\n" };
        let instructions = format!("{}{gap}{}", self.target.instructions, thoughts.trim());
        Ok(Move::to(EditCode { target: EditTarget { lines: Some(range), instructions, ..self.target.clone() } }))
    }

    fn give_in(&self, _: &Work, why: String) -> Option<Move<Self>> {
        Some(rejected(why))
    }
}

fn rejected(reason: String) -> Move<ClarifyCodeChange> {
    Move::to(PlanToCode { note: Note { rejected: Some(reason), ..Note::default() } })
}

/// Returns lines with their numbers as far as they fit, and the spans of all of them, which tell of the rest.
fn shown(outline: &Outline, lines: &[&str], (start, end): (usize, usize), bytes: usize, texts: &dyn Texts) -> String {
    let mut text = String::new();
    for number in start..=end {
        let line = format!("{number:>6}  {}\n", lines.get(number - 1).copied().unwrap_or_default().trim_end());
        if text.len() + line.len() > bytes {
            let within = |span: &&Span| span.start as usize >= start && span.end as usize <= end;
            let spans = outline.spans.iter().filter(within).filter(|span| span.end as usize >= number);
            let told = |span: &Span| {
                let values = json!({ "id": span.id, "start": span.start, "end": span.end });
                texts.render("moatless/span", values) + "\n"
            };
            let list: String = spans.map(told).collect();
            let left_out = texts.render("moatless/lines_left_out", json!({ "start": number, "end": end }));
            return format!("{text}{left_out}\n{list}");
        }
        text.push_str(&line);
    }
    text
}

/// The code in which lines are chosen; lines are counted from 1, both ends included.
struct Code<'a> {
    lines: Vec<&'a str>,
    outline: &'a Outline,
    most: usize,
}

impl Code<'_> {
    fn tokens(&self, (start, end): (usize, usize)) -> usize {
        let part: Vec<&str> = self.lines.iter().take(end).skip(start.saturating_sub(1)).copied().collect();
        tokens(&part.join("\n"))
    }

    /// Says what is wrong with the lines chosen.
    fn check(&self, (start, end): (usize, usize), whole: (usize, usize), texts: &dyn Texts) -> Result<(), String> {
        let wrong = |name: &str, mut values: Value| {
            values["start"] = start.into();
            values["end"] = end.into();
            Err(texts.render(name, values))
        };
        if start > end {
            return wrong("moatless/lines_reversed", json!({}));
        }
        if start < whole.0 || end > whole.1 {
            return wrong("moatless/lines_outside", json!({ "first": whole.0, "last": whole.1 }));
        }
        if (start, end) == whole && self.tokens(whole) > self.most {
            return wrong("moatless/lines_all", json!({}));
        }
        let defines = |span: &&Span| {
            let kinds = [SpanKind::Class, SpanKind::Function, SpanKind::Method];
            kinds.contains(&span.kind) && (span.kind != SpanKind::Class || !span.id.contains(':'))
        };
        let is_signature = |span: &&Span| {
            let (first, last) = (span.signature as usize, span.signature_end as usize);
            let body = (span.start as usize, self.end_of(span));
            start == first && end <= last && end < body.1 && self.tokens(body) > self.most
        };
        if let Some(span) = self.outline.spans.iter().filter(defines).find(is_signature) {
            return wrong("moatless/lines_signature", json!({ "span": span.id }));
        }
        let size = self.tokens((start, end));
        if size > self.most {
            return wrong("moatless/lines_too_many", json!({ "size": size, "most": self.most }));
        }
        Ok(())
    }

    /// Returns the last line of a span with all that is in it.
    fn end_of(&self, span: &Span) -> usize {
        let inside = |other: &&Span| {
            other.path().strip_prefix(span.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.outline.spans.iter().filter(inside).map(|other| other.end).max().unwrap_or(span.end) as usize
    }

    /// Widens a narrow range: to the smallest definition around it where that is short enough, else by a few lines on
    /// either side, as far as they fit.
    fn widened(&self, (start, end): (usize, usize), whole: (usize, usize)) -> (usize, usize) {
        let around = |span: &Span| (span.start as usize, span.end as usize);
        let holds =
            |range: &(usize, usize)| range.0 <= start && range.1 >= end && range.0 >= whole.0 && range.1 <= whole.1;
        let enclosing = self.outline.spans.iter().map(around).filter(holds).min_by_key(|range| range.1 - range.0);
        if let Some(range) = enclosing.filter(|range| self.tokens(*range) <= self.most) {
            return range;
        }
        let bounds = enclosing.unwrap_or(whole);
        let mut range = (start, end);
        for _ in 0..NARROW {
            let up = (range.0.saturating_sub(1), range.1);
            range = if up.0 >= bounds.0 && self.tokens(up) <= self.most { up } else { range };
            let down = (range.0, range.1 + 1);
            range = if down.1 <= bounds.1 && self.tokens(down) <= self.most { down } else { range };
        }
        range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A class of lines 1-30 with methods in lines 3-6 and 8-30, each line of 40 bytes.
    fn outline() -> Outline {
        let span = |id: &str, kind, lines: (u32, u32)| Span {
            id: id.to_owned(),
            kind,
            start: lines.0,
            end: lines.1,
            signature: lines.0,
            signature_end: lines.0,
        };
        let spans = vec![
            span("C", SpanKind::Class, (1, 2)),
            span("C.f", SpanKind::Method, (3, 6)),
            span("C.g", SpanKind::Method, (8, 30)),
        ];
        Outline { language: "python".to_owned(), lines: 30, has_errors: false, spans }
    }

    fn checked(range: (usize, usize), whole: (usize, usize)) -> String {
        let (line, outline) = ("x".repeat(39), outline());
        let code = Code { lines: vec![line.as_str(); 30], outline: &outline, most: 100 };
        match code.check(range, whole, &crate::texts()) {
            Ok(()) => "ok".to_owned(),
            Err(why) => why,
        }
    }

    #[test]
    fn lines_of_no_use_are_refused() {
        let whole = (1, 30);
        assert_eq!(checked((10, 12), whole), "ok");
        assert!(checked((12, 10), whole).contains("end before they begin"));
        assert!(checked((25, 31), whole).contains("not within"));
        assert!(checked((2, 4), (8, 30)).contains("not within"));
        assert!(checked((1, 30), whole).contains("all of the code"));
        assert!(checked((8, 8), whole).contains("only the signature of `C.g`"));
        assert!(checked((1, 1), whole).contains("only the signature of `C`"));
        // The signature of a method that is short enough may be meant.
        assert_eq!(checked((3, 3), whole), "ok");
        assert!(checked((9, 25), whole).contains("name fewer"));
    }

    #[test]
    fn a_narrow_range_grows_to_its_definition_or_by_a_few_lines() {
        let (line, outline) = ("x".repeat(39), outline());
        let code = Code { lines: vec![line.as_str(); 30], outline: &outline, most: 100 };
        assert_eq!(code.widened((4, 4), (1, 30)), (3, 6));
        // Nine lines of 40 bytes fit; more than ten do not.
        assert_eq!(code.widened((20, 20), (1, 30)), (16, 24));
        assert_eq!(code.widened((9, 10), (8, 30)), (8, 14));
        let narrow = Code { most: 30, ..code };
        assert_eq!(narrow.widened((20, 20), (1, 30)), (19, 21));
    }
}
