//! `ClarifyCodeChange`: asks which lines of a long span are to be changed.

use schemars::JsonSchema;
use search::Outline;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::ToolError;

use crate::asks::Asks;
use crate::desk::{Room, Work};
use crate::files::load;
use crate::machine::{ClarifyCodeChange, Edit, Move, Reject};
use crate::spot::{Spot, tokens};

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

impl Asks for ClarifyCodeChange {
    const TOOL: &'static str = "select_lines";
    type Action = Action;

    async fn brief(&self, room: &mut Room<'_>) -> Result<Value, ToolError> {
        let text = load(&self.spot.path, room.sandbox).await?;
        let body = text.as_ref().map(edit::Text::body).unwrap_or_default();
        let lines = edit::lines(body);
        let (start, end) = self.spot.lines.unwrap_or((1, lines.len()));
        let room_for_code = room.config.context_tokens * crate::spot::TOKEN;
        let code = edit::numbered(&lines, start.saturating_sub(1)..end.min(lines.len()), room_for_code);
        Ok(json!({
            "path": self.spot.path,
            "span": self.spot.span,
            "instructions": self.spot.instructions,
            "code": code,
            "most": room.config.edit_tokens,
        }))
    }

    async fn act(&self, action: Action, room: &mut Room<'_>) -> Result<Move<Self>, ToolError> {
        let thoughts = action.scratch_pad.unwrap_or_default();
        if action.reject == Some(true) {
            return Ok(Move::on(Reject { reason: thoughts }));
        }
        let (Some(start), Some(end)) = (action.start_line, action.end_line) else {
            return Err(ToolError::Rejected("give `start_line` and `end_line`, or set `reject`".to_owned()));
        };
        let Some(text) = load(&self.spot.path, room.sandbox).await? else {
            return Ok(Move::on(Reject { reason: format!("`{}` is gone", self.spot.path) }));
        };
        let outline = {
            let index = room.checkout.sync(room.sandbox, room.config.search_tests).await?;
            index.file(&self.spot.path)?.map(|(outline, _)| outline).unwrap_or_default()
        };
        let code = Code { lines: edit::lines(text.body()), outline: &outline, most: room.config.edit_tokens };
        let whole = self.spot.lines.unwrap_or((1, code.lines.len()));
        code.check((start, end), whole).map_err(ToolError::Rejected)?;
        let range = if end - start < NARROW { code.widened((start, end), whole) } else { (start, end) };
        let gap = if thoughts.trim().is_empty() { "" } else { "\n\n" };
        let instructions = format!("{}{gap}{}", self.spot.instructions, thoughts.trim());
        Ok(Move::on(Edit { spot: Spot { lines: Some(range), instructions, ..self.spot.clone() } }))
    }

    fn give_in(&self, _: &Work, why: &str) -> Option<Move<Self>> {
        Some(Move::on(Reject { reason: why.to_owned() }))
    }
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
    fn check(&self, (start, end): (usize, usize), whole: (usize, usize)) -> Result<(), String> {
        let said = format!("the lines {start}-{end}");
        if start > end {
            return Err(format!("{said} end before they begin"));
        }
        if start < whole.0 || end > whole.1 {
            return Err(format!("{said} are not within the code shown, which is lines {}-{}", whole.0, whole.1));
        }
        if (start, end) == whole && self.tokens(whole) > self.most {
            return Err(format!("{said} are all of the code; name only those that have to change"));
        }
        let is_signature = |span: &&search::Span| {
            let (first, last) = (span.signature as usize, span.signature_end as usize);
            let body = (span.start as usize, self.end_of(span));
            start == first && end <= last && end < body.1 && self.tokens(body) > self.most
        };
        if let Some(span) = self.outline.spans.iter().find(is_signature) {
            return Err(format!(
                "{said} are only the signature of `{}`, which is long; name the lines in it that have to change",
                span.id
            ));
        }
        let size = self.tokens((start, end));
        if size > self.most {
            return Err(format!(
                "{said} have {size} tokens, and {} at most can be changed at once; name fewer",
                self.most
            ));
        }
        Ok(())
    }

    /// Returns the last line of a span with all that is in it.
    fn end_of(&self, span: &search::Span) -> usize {
        let inside = |other: &&search::Span| {
            other.path().strip_prefix(span.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.outline.spans.iter().filter(inside).map(|other| other.end).max().unwrap_or(span.end) as usize
    }

    /// Widens a narrow range: to the smallest definition around it where that is short enough, else by a few lines on
    /// either side, as far as they fit.
    fn widened(&self, (start, end): (usize, usize), whole: (usize, usize)) -> (usize, usize) {
        let around = |span: &search::Span| (span.start as usize, span.end as usize);
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
    use search::{Span, SpanKind};

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
        match code.check(range, whole) {
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
