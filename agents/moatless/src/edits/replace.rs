//! Replaces lines by a model's code, and refuses unusable code. Pure functions.

use edit::{lines, new_problems};
use serde_json::json;
use tool_core::Texts;

use crate::edits::doubled::new_doubles;
use crate::edits::placeholder::placeholder;

/// Returns the text with the lines from `start` to `end` (counted from 1, both included) replaced.
///
/// Empty lines around the code are those of the text, not the model's, and lines at its end that repeat what follows
/// are taken once.
pub(crate) fn replaced(text: &str, (start, end): (usize, usize), code: &str) -> String {
    let old = lines(text);
    let before = old.get(..start.saturating_sub(1).min(old.len())).unwrap_or_default();
    let after = old.get(end.min(old.len())..).unwrap_or_default();
    let within = old.get(before.len()..end.min(old.len())).unwrap_or_default();
    let blank = |line: &&&str| line.trim().is_empty();
    let edge = |count: usize| vec![""; count];
    let code = code.replace("\r\n", "\n");
    let code = lines(&code);
    let code = without_overlap(trimmed(&code), within, after);
    let lead = within.iter().take_while(blank).count();
    let tail = if code.is_empty() || lead == within.len() { 0 } else { within.iter().rev().take_while(blank).count() };
    let (lead, tail) = (edge(lead), edge(tail));
    let mut all: Vec<&str> = [before, &lead, code, &tail, after].concat();
    if text.is_empty() || text.ends_with('\n') {
        all.push("");
    }
    all.join("\n")
}

/// Returns the lines without the empty ones at both ends.
fn trimmed<'a, 'b>(code: &'b [&'a str]) -> &'b [&'a str] {
    let filled = |line: &&str| !line.trim().is_empty();
    let start = code.iter().position(filled).unwrap_or(code.len());
    let end = code.iter().rposition(filled).map_or(start, |last| last + 1);
    code.get(start..end).unwrap_or_default()
}

/// Returns the code without the lines at its end that the text continues with: two at least, or one that is no mere
/// bracket or keyword. What the old lines had in common with what follows is no overlap.
fn without_overlap<'a, 'b>(code: &'b [&'a str], within: &[&str], after: &[&str]) -> &'b [&'a str] {
    let (within, after) = (trimmed(within), trimmed(after));
    let telling = |lines: &[&str]| lines.len() > 1 || lines.iter().any(|line| line.trim().len() > 8);
    let ends_with =
        |lines: &[&str], count: usize| lines.len() >= count && lines.get(lines.len() - count..) == after.get(..count);
    let overlaps = |count: &usize| {
        ends_with(code, *count) && after.get(..*count).is_some_and(telling) && !ends_with(within, *count)
    };
    let most = code.len().saturating_sub(1).min(after.len());
    let overlap = (1..=most).rev().find(overlaps).unwrap_or(0);
    trimmed(code.get(..code.len() - overlap).unwrap_or_default())
}

/// Says why a change is refused; `None` if it is fine.
pub(crate) fn refusal(path: &str, before: &str, after: &str, texts: &dyn Texts) -> Option<String> {
    if before == after {
        return Some(texts.plain("moatless/nothing_changed"));
    }
    if let Some(line) = placeholder(before, after) {
        return Some(texts.render("moatless/placeholder", json!({ "line": line })));
    }
    if !edit::is_python(path) {
        return None;
    }
    let problems = new_problems(before, after);
    if !problems.is_empty() {
        let list: Vec<String> =
            problems.iter().take(5).map(|problem| format!("- {}", problem.message(texts))).collect();
        return Some(format!("{}\n{}", texts.plain("moatless/broken"), list.join("\n")));
    }
    let twice = new_doubles(path, before, after);
    if !twice.is_empty() {
        let names: Vec<String> = twice.into_iter().take(5).collect();
        return Some(texts.render("moatless/defined_twice", json!({ "names": names })));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "import a\n\n\ndef f():\n    return 1\n\n\ndef g():\n    return 2\n";

    fn check(lines: (usize, usize), code: &str) -> String {
        let after = replaced(TEXT, lines, code);
        match refusal("a.py", TEXT, &after, &crate::texts()) {
            Some(why) => format!("refused: {}", why.lines().next().unwrap()),
            None => after,
        }
    }

    #[test]
    fn lines_are_replaced_with_what_is_around_them_kept() {
        let f = |body: &str| TEXT.replace("    return 1\n", body);
        assert_eq!(check((5, 5), "    return 10"), f("    return 10\n"));
        // Empty edges are the file's.
        assert_eq!(check((4, 7), "\n\ndef f():\n    return 10\n\n\n\n\n"), f("    return 10\n"));
        assert_eq!(check((2, 5), "def f():\r\n    return 10\r\n"), f("    return 10\n"));
        // What follows is not repeated.
        assert_eq!(check((4, 5), "def f():\n    return 10\n\n\ndef g():\n    return 2"), f("    return 10\n"));
        assert_eq!(check((8, 9), ""), "import a\n\n\ndef f():\n    return 1\n\n\n");
        assert_eq!(replaced("a\nb", (2, 2), "c"), "a\nc");
        assert_eq!(replaced("a\nb", (1, 1), "c"), "c\nb");
        assert_eq!(replaced("a\n\n\nb\n", (2, 3), "c"), "a\n\n\nc\nb\n");
        assert_eq!(replaced("", (1, 0), "x = 1\n"), "x = 1\n");
        assert_eq!(replaced("a\n", (7, 9), "b"), "a\nb\n");
        // A row that was there twice is no overlap.
        let rows = |first: &str| format!("ROWS = [\n    row({first}),\n    row(1, 1),\n    row(1, 1),\n]\n");
        assert_eq!(replaced(&rows("0, 0"), (2, 3), "    row(9, 9),\n    row(1, 1),"), rows("9, 9"));
    }

    #[test]
    fn code_of_no_use_is_refused() {
        for (lines, code, said) in [
            ((4, 5), "def f():\n    return 1", "nothing changed"),
            ((4, 5), "def f():\n    # ... rest of the code\n    return 1", "stands for code"),
            ((4, 5), "def f():\n    # ...\n    return 1", "stands for code"),
            ((4, 5), "def f():\n    # existing code remains unchanged\n    return 1", "stands for code"),
            ((4, 5), "def f():\n    # Rest of the method stays the same\n    return 1", "stands for code"),
            ((4, 5), "def f():\nreturn 3", "no longer parse"),
            ((4, 5), "def f(:\n    return 3", "no longer parse"),
            ((4, 5), "def f():\n    return 3\n\n\ndef g():\n    return 4", "defined twice"),
        ] {
            let refused = check(lines, code);
            assert!(refused.starts_with("refused") && refused.contains(said), "{code}: {refused}");
        }
    }
}
