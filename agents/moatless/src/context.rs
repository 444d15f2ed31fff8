//! The code that an agent has identified, and how it is shown.

use std::fmt::Write as _;

use search::{Outline, Span, SpanKind};
use serde_json::json;
use similar::{DiffOp, TextDiff};
use tool_core::{Sandbox, Texts, ToolError};

use crate::edit_target::TOKEN;
use crate::files::load;

/// The spans that were identified, in the order of their rank.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileContext {
    spans: Vec<ContextSpan>,
}

/// A span of the file context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextSpan {
    pub(crate) path: String,
    pub(crate) span: String,
}

/// How a file context is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContextSize {
    /// Tokens of all spans.
    pub(crate) tokens: usize,
    /// What a span's share is divided by for each rank after the first.
    pub(crate) decay: f64,
    /// Tokens that each span gets.
    pub(crate) least: usize,
    pub(crate) hide_comments: bool,
}

/// A span of the file context with its lines.
struct Shown {
    path: String,
    span: Span,
    lines: Vec<String>,
    class: Option<Heading>,
}

/// The first line of the class that a method is in.
#[derive(PartialEq, Eq)]
struct Heading {
    id: String,
    line: String,
}

impl FileContext {
    /// Takes a span in, unless it is there.
    pub(crate) fn add(&mut self, path: &str, span: &str) {
        let member = ContextSpan { path: path.to_owned(), span: span.to_owned() };
        if !self.spans.contains(&member) {
            self.spans.push(member);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.spans.iter().any(|member| member.path == path)
    }

    pub(crate) fn has_notebook(&self) -> bool {
        self.spans.iter().any(|member| search::is_notebook(&member.path))
    }

    /// Returns whether a span is in it, or one of its own parts or members is.
    pub(crate) fn has(&self, path: &str, span: &str) -> bool {
        let part = |id: &str| id.strip_prefix(span).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', ':']));
        self.spans.iter().any(|member| member.path == path && part(&member.span))
    }

    /// Returns the spans, those of one file together, as a list for the model.
    pub(crate) fn list(&self) -> String {
        let mut text = String::new();
        for path in self.paths() {
            let ids: Vec<&str> = self.of(path).map(|member| member.span.as_str()).collect();
            let _ = writeln!(text, "- `{path}`: `{}`", ids.join("`, `"));
        }
        text
    }

    /// Returns the ids of a file's spans.
    pub(crate) fn ids<'a>(&'a self, path: &'a str) -> Vec<&'a str> {
        self.of(path).map(|member| member.span.as_str()).collect()
    }

    fn of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a ContextSpan> {
        self.spans.iter().filter(move |member| member.path == path)
    }

    /// Returns the files in the order of their best rank.
    fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = Vec::new();
        for member in &self.spans {
            if !paths.contains(&member.path.as_str()) {
                paths.push(&member.path);
            }
        }
        paths
    }

    /// Follows an edit of a file: each span gets the id that its code has now, what is gone is left out, and what was
    /// written comes in.
    pub(crate) fn follow(&mut self, path: &str, before: &str, after: &str) {
        let (old, new) = (search::outline(path, before), search::outline(path, after));
        let lines = Moved::new(before, after);
        let now = |member: &ContextSpan| {
            let span = old.spans.iter().find(|span| span.id == member.span)?;
            let kept = (span.start..=span.end).find_map(|line| lines.now(line));
            let at = |line: u32| new.spans.iter().find(|span| span.start <= line && line <= span.end);
            let same = || new.spans.iter().find(|other| other.id == span.id);
            kept.and_then(at).or_else(same).map(|span| span.id.clone())
        };
        let members = std::mem::take(&mut self.spans);
        for member in members {
            match member.path == path {
                false => self.add(&member.path, &member.span),
                true => now(&member).iter().for_each(|span| self.add(path, span)),
            }
        }
        for span in &new.spans {
            if (span.start..=span.end).any(|line| lines.is_new(line)) {
                self.add(path, &span.id);
            }
        }
    }

    /// Returns the code of the spans as it is now, cut to fit. What cannot be read any more is left out.
    pub(crate) async fn show(
        &self,
        sandbox: &dyn Sandbox,
        fit: ContextSize,
        texts: &dyn Texts,
    ) -> Result<String, ToolError> {
        let mut shown = Vec::new();
        for path in self.paths() {
            let text = match load(path, sandbox, texts).await {
                Ok(Some(text)) => text,
                Err(err @ ToolError::Sandbox(_)) => return Err(err),
                Ok(None) | Err(ToolError::Rejected(_) | ToolError::Refused { .. }) => continue,
            };
            // Of a notebook, its code.
            let code = search::code(path, text.body());
            let outline = search::outline(path, &code);
            for member in self.of(path) {
                let mut part = Shown::of(member, &outline, &code, fit.hide_comments);
                // A class that is shown itself needs no heading above its methods.
                let shown_too = |id: &str| self.of(path).any(|member| member.span == id);
                part.iter_mut().for_each(|part| part.class = part.class.take().filter(|class| !shown_too(&class.id)));
                shown.extend(part);
            }
        }
        let rank = |at: &Shown| {
            self.spans.iter().position(|member| member.path == at.path && member.span == at.span.id).unwrap_or_default()
        };
        shown.sort_by_key(rank);
        let sizes: Vec<usize> = shown.iter().map(Shown::size).collect();
        let shares = shares(&sizes, fit.tokens.saturating_mul(TOKEN), fit.decay, fit.least.saturating_mul(TOKEN));
        let mut parts: Vec<(&Shown, usize)> = shown.iter().zip(shares).collect();
        let order = |path: &str| self.spans.iter().position(|member| member.path == path);
        parts.sort_by_key(|(part, _)| (order(&part.path), part.span.start));
        Ok(laid_out(&parts, texts))
    }
}

impl Shown {
    fn of(member: &ContextSpan, outline: &Outline, text: &str, hide_comments: bool) -> Option<Self> {
        let span = outline.spans.iter().find(|span| span.id == member.span)?;
        let mark = if outline.language == "python" { "#" } else { "//" };
        let lines = span.lines(text).filter(|(_, line)| !(hide_comments && line.trim_start().starts_with(mark)));
        let lines = lines.map(|(number, line)| format!("{number:>6}  {}\n", line.trim_end())).collect();
        let class = enclosing(span, outline, text);
        Some(Self { path: member.path.clone(), span: span.clone(), lines, class })
    }

    fn size(&self) -> usize {
        self.lines.iter().map(String::len).sum()
    }
}

fn enclosing(span: &Span, outline: &Outline, text: &str) -> Option<Heading> {
    let (class, _) = span.path().rsplit_once('.').filter(|_| span.kind == SpanKind::Method)?;
    let class = outline.spans.iter().find(|other| other.id == class)?;
    let line = class.lines(text).find(|(number, _)| *number == class.signature)?.1;
    Some(Heading { id: class.id.clone(), line: format!("{:>6}  {}\n", class.signature, line.trim_end()) })
}

/// Puts the spans of each file below its path.
fn laid_out(parts: &[(&Shown, usize)], texts: &dyn Texts) -> String {
    let mut text = String::new();
    let (mut path, mut class) = ("", None);
    for (part, bytes) in parts {
        if part.path != path {
            let _ = writeln!(text, "{}", part.path);
            path = &part.path;
            class = None;
        }
        if let Some(heading) = part.class.as_ref().filter(|heading| class != Some(*heading)) {
            text.push_str(&heading.line);
        }
        class = part.class.as_ref();
        let Span { id, start, end, .. } = &part.span;
        text.push_str(&texts.render("moatless/span", json!({ "id": id, "start": start, "end": end })));
        text.push('\n');
        let mut left = *bytes;
        let fits = part.lines.iter().take_while(|line| {
            let fits = line.len() <= left;
            left = left.saturating_sub(line.len());
            fits
        });
        let count = fits.map(|line| text.push_str(line)).count();
        if count < part.lines.len() {
            text.push_str(&texts.render("moatless/more_lines", json!({ "more": part.lines.len() - count })));
            text.push('\n');
        }
    }
    text
}

/// Shares `total` among parts in the order of their rank: `least` for each as long as there is some, and the rest by
/// weights that fall by the factor `decay` with each rank. What a part does not need goes to the others.
fn shares(sizes: &[usize], total: usize, decay: f64, least: usize) -> Vec<usize> {
    let mut left = total;
    let mut grant = |size: &usize| {
        let share = (*size).min(least).min(left);
        left -= share;
        share
    };
    let mut shares: Vec<usize> = sizes.iter().map(&mut grant).collect();
    let decay = if decay.is_finite() && decay >= 1.0 { decay } else { 1.0 };
    loop {
        let open: Vec<usize> = (0..sizes.len()).filter(|at| shares.get(*at) < sizes.get(*at)).collect();
        let weight = |rank: usize| decay.powi(-i32::try_from(rank).unwrap_or(i32::MAX));
        let weights: f64 = open.iter().map(|rank| weight(*rank)).sum();
        if open.is_empty() || left == 0 {
            return shares;
        }
        let before = left;
        for rank in open {
            let (Some(share), Some(size)) = (shares.get_mut(rank), sizes.get(rank)) else { continue };
            // A share is less than what is left, which is a whole number of bytes.
            let more = (before as f64 * weight(rank) / weights) as usize;
            let more = more.min(size - *share).min(left);
            *share += more;
            left -= more;
        }
        if left == before {
            return shares;
        }
    }
}

/// Where the lines of a text are after an edit. Lines are counted from 1.
struct Moved {
    same: Vec<(u32, u32, u32)>,
    lines: u32,
}

impl Moved {
    fn new(before: &str, after: &str) -> Self {
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let diff = TextDiff::from_lines(before, after);
        let same = diff.ops().iter().filter_map(|op| match *op {
            DiffOp::Equal { old_index, new_index, len } => Some((number(old_index), number(new_index), number(len))),
            _ => None,
        });
        Self { same: same.collect(), lines: number(edit::lines(after).len()) }
    }

    /// Returns the line that a line has become; `None` where it was replaced.
    fn now(&self, line: u32) -> Option<u32> {
        let at = line.checked_sub(1)?;
        self.same.iter().find(|(old, _, len)| (*old..old + len).contains(&at)).map(|(old, new, _)| at - old + new + 1)
    }

    /// Returns whether a line came with the edit.
    fn is_new(&self, line: u32) -> bool {
        let at = line.saturating_sub(1);
        line <= self.lines && !self.same.iter().any(|(_, new, len)| (*new..new + len).contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(spans: &[&str], before: &str, after: &str) -> String {
        let mut context = FileContext::default();
        spans.iter().for_each(|span| context.add("a.py", span));
        context.follow("a.py", before, after);
        context.ids("a.py").join(" ")
    }

    #[test]
    fn spans_are_followed_through_an_edit() {
        let before = "import a\n\n\ndef f():\n    return 1\n\n\nX = 1\n\n\ndef g():\n    return 2\n";
        let above = before.replace("X = 1", "X = 1\n\n\ndef h():\n    return 3\n\n\nY = 2");
        // `Y` has now the id that `X` had before if ids are counted from the end of the file, but the code is followed.
        assert_eq!(followed(&["f", "impl", "g"], before, &above), "f impl g h impl:2");
        assert_eq!(followed(&["f", "g"], before, &before.replace("def f", "def renamed")), "renamed g");
        assert_eq!(followed(&["f", "g"], before, &before.replace("def f():\n    return 1\n", "")), "g");
        assert_eq!(followed(&["f", "g"], before, before), "f g");
        let early = before.replace("import a\n", "import a\n\nW = 0\n\n\ndef e():\n    pass\n");
        assert_eq!(followed(&["impl"], before, &early), "impl:2 impl e");
    }

    #[test]
    fn room_is_shared_by_rank_and_nothing_is_wasted() {
        let check = |sizes: &[usize], total| shares(sizes, total, 2.0, 10);
        assert_eq!(check(&[5, 8], 100), [5, 8]);
        assert_eq!(check(&[100, 100], 20), [10, 10]);
        // 10 each, and 60 more by 2 to 1.
        assert_eq!(check(&[100, 100], 80), [50, 30]);
        // What the first does not need goes to the second.
        assert_eq!(check(&[20, 100], 80), [20, 60]);
        assert_eq!(check(&[], 80), Vec::<usize>::new());
        // The least is not given where it is too much.
        assert_eq!(check(&[100, 100, 100], 15), [10, 5, 0]);
        assert_eq!(shares(&[100, 100], 100, f64::NAN, 10), [50, 50]);
    }

    #[test]
    fn a_span_counts_with_its_parts_and_members() {
        let mut context = FileContext::default();
        context.add("a.py", "C.f");
        context.add("a.py", "g:2");
        for id in ["C", "C.f", "g", "g:2"] {
            assert!(context.has("a.py", id), "{id}");
        }
        for (path, id) in [("b.py", "C"), ("a.py", "C.ff"), ("a.py", "C.f.x"), ("a.py", "G")] {
            assert!(!context.has(path, id), "{path} {id}");
        }
    }
}
