//! Puts a model's code in the place of some lines, and says when it is of no use. Pure functions.

use std::collections::BTreeSet;

use edit::{lines, new_problems};

/// Words by which a comment stands for code that was left out.
const LEFT_OUT: &[&str] = &["rest of", "remaining", "existing", "unchanged", "previous", "same as before", "other"];
/// What such a comment is about.
const OF_CODE: &[&str] =
    &["code", "method", "function", "class", "implementation", "logic", "import", "line", "file", "here", "body"];

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
    let code = without_overlap(trimmed(&code), after);
    let lead = edge(within.iter().take_while(blank).count());
    let tail = edge(if code.is_empty() { 0 } else { within.iter().rev().take_while(blank).count() });
    let mut all: Vec<&str> = [before, &lead, code, &tail, after].concat();
    if text.is_empty() || text.ends_with('\n') || end < old.len() {
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

/// Returns the code without the lines at its end that the text goes on with: two at least, or one that is no mere
/// bracket or keyword.
fn without_overlap<'a, 'b>(code: &'b [&'a str], after: &[&str]) -> &'b [&'a str] {
    let after: Vec<&str> = trimmed(after).to_vec();
    let telling = |lines: &[&str]| lines.len() > 1 || lines.iter().any(|line| line.trim().len() > 8);
    let overlaps = |count: &usize| {
        let (Some(tail), Some(head)) = (code.get(code.len() - count..), after.get(..*count)) else { return false };
        tail == head && telling(tail)
    };
    let most = code.len().saturating_sub(1).min(after.len());
    let overlap = (1..=most).rev().find(overlaps).unwrap_or(0);
    trimmed(code.get(..code.len() - overlap).unwrap_or_default())
}

/// Says why a change is of no use; `None` where nothing is wrong with it.
pub(crate) fn refusal(path: &str, before: &str, after: &str) -> Option<String> {
    if before == after {
        return Some("nothing changed: the code is what was there before".to_owned());
    }
    if let Some(line) = placeholder(before, after) {
        return Some(format!(
            "`{line}` stands for code that was left out; write all of the code that takes the place of these lines"
        ));
    }
    if !edit::is_python(path) {
        return None;
    }
    let problems = new_problems(before, after);
    if !problems.is_empty() {
        let list: Vec<String> = problems.iter().take(5).map(|problem| format!("- {problem}")).collect();
        return Some(format!("the file would no longer parse; mind the indentation:\n{}", list.join("\n")));
    }
    let twice = new_duplicates(path, before, after);
    if !twice.is_empty() {
        let names: Vec<String> = twice.into_iter().take(5).collect();
        return Some(format!(
            "`{}` would be defined twice; write only the code that takes the place of these lines",
            names.join("`, `")
        ));
    }
    None
}

/// Returns a new line that is a comment in the place of code.
fn placeholder<'a>(before: &str, after: &'a str) -> Option<&'a str> {
    let known: BTreeSet<&str> = before.lines().map(str::trim).collect();
    let stands_for_code = |line: &&str| {
        let comment = ["#", "//", "/*"].iter().find_map(|mark| line.strip_prefix(mark));
        let Some(comment) = comment.map(|comment| comment.trim().to_lowercase()) else { return false };
        let dots = comment.starts_with("...") || comment.starts_with('…') || comment.ends_with("...");
        let has = |words: &[&str]| words.iter().any(|word| comment.contains(word));
        let short = comment.split_whitespace().count() <= 10;
        (dots && (comment.len() < 5 || has(OF_CODE) || has(LEFT_OUT))) || (short && has(LEFT_OUT) && is_aside(&comment))
    };
    after.lines().map(str::trim).filter(|line| !known.contains(line)).find(stands_for_code)
}

/// Returns whether a comment says of code that it stays as it is, and no more.
fn is_aside(comment: &str) -> bool {
    let of_code = |word: &str| OF_CODE.iter().any(|noun| word.starts_with(noun));
    let fillers = [
        "the",
        "of",
        "rest",
        "remaining",
        "existing",
        "unchanged",
        "previous",
        "other",
        "remains",
        "remain",
        "is",
        "are",
        "stays",
        "stay",
        "same",
        "as",
        "before",
        "and",
        "all",
        "keep",
        "goes",
        "go",
        "omitted",
        "for",
        "brevity",
        "here",
        "your",
        "this",
        "in",
        "continues",
    ];
    let words: Vec<&str> = comment.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.iter().any(|word| of_code(word)) && words.iter().all(|word| of_code(word) || fillers.contains(word))
}

/// Returns the classes and functions that are defined twice now and were not before. What is decorated may be: a
/// property has a setter of its name.
fn new_duplicates(path: &str, before: &str, after: &str) -> BTreeSet<String> {
    let known = duplicates(path, before);
    duplicates(path, after).into_iter().filter(|name| !known.contains(name)).collect()
}

fn duplicates(path: &str, text: &str) -> BTreeSet<String> {
    let outline = search::outline(path, text);
    let all = lines(text);
    let line = |number: u32| all.get(number as usize - 1).map(|line| line.trim_start()).unwrap_or_default();
    let defines = |span: &&search::Span| {
        let signature = line(span.signature);
        ["def ", "async def ", "class "].iter().any(|keyword| signature.starts_with(keyword))
    };
    let decorated = |span: &&search::Span| (span.start..span.signature).any(|number| line(number).starts_with('@'));
    let second = |span: &&search::Span| span.id.contains(':');
    let spans = outline.spans.iter().filter(defines).filter(second).filter(|span| !decorated(span));
    spans.map(|span| span.path().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "import a\n\n\ndef f():\n    return 1\n\n\ndef g():\n    return 2\n";

    fn check(lines: (usize, usize), code: &str) -> String {
        let after = replaced(TEXT, lines, code);
        match refusal("a.py", TEXT, &after) {
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
        assert_eq!(replaced("", (1, 0), "x = 1\n"), "x = 1\n");
        assert_eq!(replaced("a\n", (7, 9), "b"), "a\nb\n");
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

    #[test]
    fn comments_that_say_something_and_overloads_are_taken() {
        for code in [
            "def f():\n    # The other functions of this module return strings.\n    return 3",
            "def f():\n    # Keep the existing file when it is newer than the cache\n    return 3",
            "def f():\n    # remaining time in seconds\n    return 3",
            "def f():\n    return ...",
            "class C:\n    @property\n    def x(self):\n        return 1\n\n    @x.setter\n    def x(self, x):\n        pass",
        ] {
            assert!(!check((4, 5), code).starts_with("refused"), "{code}: {}", check((4, 5), code));
        }
    }
}
