//! Reads unified diffs, also those written by hand.

use serde_json::json;
use tool_core::Texts;

use crate::patch::file_patch::{FilePatch, Hunk, HunkLine, Origin, Sign};
use crate::patch::quoted::{header_path, parse_path};

/// Why a text is not a patch. The message is for the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

/// Parses a unified diff, plain or by git, of one or more files. Text around it is skipped.
///
/// # Errors
/// When it names no file, or a hunk cannot be told from the text around it.
pub fn parse_patch(patch: &str, texts: &dyn Texts) -> Result<Vec<FilePatch>, ParseError> {
    let mut lines: Vec<&str> = patch.split_terminator('\n').collect();
    let is_header =
        |line: &&&str| line.starts_with("@@") || line.starts_with("--- ") || line.starts_with("diff --git ");
    if lines.iter().find(is_header).is_some_and(|line| line.ends_with('\r')) {
        lines = lines.into_iter().map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    }
    let mut parser = Parser { lines, at: 0, texts };
    let mut files: Vec<FilePatch> = Vec::new();
    while let Some(line) = parser.line(0) {
        if line.starts_with("diff --git ") {
            files.push(parser.git_file()?);
        } else if parser.at_plain_header() {
            let mut file = FilePatch::default();
            parser.plain_header(&mut file)?;
            parser.hunks(&mut file)?;
            files.push(file);
        } else {
            parser.pass_over(line)?;
        }
    }
    if files.is_empty() {
        return Err(ParseError(texts.plain("patch/no_file_named")));
    }
    Ok(files)
}

struct Parser<'a> {
    lines: Vec<&'a str>,
    at: usize,
    texts: &'a dyn Texts,
}

impl<'a> Parser<'a> {
    fn line(&self, ahead: usize) -> Option<&'a str> {
        self.lines.get(self.at + ahead).copied()
    }

    /// Refuses the line at hand for the reason of this name.
    fn err<T>(&self, reason: &str) -> Result<T, ParseError> {
        let line: String = self.line(0).unwrap_or_default().chars().take(100).collect();
        let values = json!({ "line": self.at + 1, "reason": self.texts.plain(reason), "source": line });
        Err(ParseError(self.texts.render("patch/at_line", values)))
    }

    fn at_plain_header(&self) -> bool {
        let starts = |ahead, prefix| self.line(ahead).is_some_and(|line: &str| line.starts_with(prefix));
        starts(0, "--- ") && starts(1, "+++ ")
    }

    /// Passes over a line outside of any hunk, unless it looks like a part of one.
    fn pass_over(&mut self, line: &str) -> Result<(), ParseError> {
        if line.starts_with("@@") {
            return self.err("patch/hunk_without_file");
        }
        if line.starts_with("*** ") && (line.contains(" Patch") || line.contains(" File:")) {
            return self.err("patch/other_format");
        }
        self.at += if is_signature(line) { 2 } else { 1 };
        Ok(())
    }

    fn git_file(&mut self) -> Result<FilePatch, ParseError> {
        let mut file = FilePatch::default();
        let named = self.line(0).and_then(|line| header_path(line.strip_prefix("diff --git ")?));
        if let Some((old, new)) = named {
            (file.old, file.new) = (Some(old), Some(new));
        }
        self.at += 1;
        while let Some(line) = self.line(0) {
            if self.at_plain_header() {
                self.plain_header(&mut file)?;
                break;
            }
            if !self.extended_header(line, &mut file)? {
                break;
            }
            self.at += 1;
        }
        if file.old.is_none() && file.new.is_none() {
            return Err(ParseError(self.texts.plain("patch/header_names_no_file")));
        }
        self.hunks(&mut file)?;
        Ok(file)
    }

    /// Takes one of the lines that git puts between `diff --git` and the hunks; returns whether it was one.
    fn extended_header(&self, line: &str, file: &mut FilePatch) -> Result<bool, ParseError> {
        const PLAIN: [&str; 4] = ["index ", "similarity index ", "dissimilarity index ", "old mode "];
        if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
            return self.err("patch/binary");
        }
        if let Some(mode) = line.strip_prefix("new mode ").or_else(|| line.strip_prefix("new file mode ")) {
            file.mode = match u32::from_str_radix(mode.trim(), 8) {
                Ok(mode) if mode & 0o170_000 == 0o100_000 => Some(mode & 0o777),
                _ => return self.err("patch/odd_mode"),
            };
            if line.starts_with("new file") {
                file.old = None;
            }
        } else if line.starts_with("deleted file mode ") {
            file.new = None;
        } else if let Some((path, origin)) = moved(line, " from ") {
            (file.old, file.origin) = (Some(parse_path(path)), origin);
        } else if let Some((path, origin)) = moved(line, " to ") {
            (file.new, file.origin) = (Some(parse_path(path)), origin);
        } else {
            return Ok(PLAIN.iter().any(|prefix| line.starts_with(prefix)));
        }
        Ok(true)
    }

    /// Takes `---` and `+++`.
    fn plain_header(&mut self, file: &mut FilePatch) -> Result<(), ParseError> {
        for prefix in ["--- ", "+++ "] {
            let Some(path) = self.line(0).and_then(|line| line.strip_prefix(prefix)) else { break };
            let path = Some(parse_path(path)).filter(|path| path != "/dev/null");
            if path.as_deref() == Some("") {
                return self.err("patch/no_path");
            }
            // A rename has said its paths already, without prefixes.
            if file.origin == Origin::Same {
                *(if prefix == "--- " { &mut file.old } else { &mut file.new }) = path;
            }
            self.at += 1;
        }
        if file.old.is_none() && file.new.is_none() {
            self.at -= 1;
            return self.err("patch/two_nulls");
        }
        Ok(())
    }

    fn hunks(&mut self, file: &mut FilePatch) -> Result<(), ParseError> {
        while let Some(line) = self.line(0) {
            if line.starts_with("@@@") {
                return self.err("patch/merge");
            }
            if line.starts_with("@@") {
                file.hunks.push(self.hunk(line)?);
            } else if line.trim().is_empty() && self.line(1).is_some_and(|next| next.starts_with("@@")) {
                self.at += 1;
            } else if line.starts_with("Binary files ") {
                return self.err("patch/binary");
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    fn hunk(&mut self, header: &str) -> Result<Hunk, ParseError> {
        let counts = parse_counts(header);
        let patch_line = self.at + 1;
        self.at += 1;
        let counted = counts.and_then(|(_, old, new)| self.counted_end(old, new));
        let end = match counted {
            Some(end) => end,
            None => self.bounded_end()?,
        };
        let mut hunk = Hunk {
            patch_line,
            stated: counts.map(|(start, old, _)| (start, old)),
            miscounted: counts.is_some() && counted.is_none(),
            ..Hunk::default()
        };
        for line in self.lines.get(self.at..end).unwrap_or_default() {
            hunk.take(line);
        }
        self.at = end;
        Ok(hunk)
    }

    /// Returns where the hunk ends by its counts, when they are right.
    fn counted_end(&self, mut old: usize, mut new: usize) -> Option<usize> {
        let mut at = self.at;
        while old > 0 || new > 0 {
            match self.lines.get(at)?.chars().next() {
                None | Some(' ' | '\r') => {
                    old = old.checked_sub(1)?;
                    new = new.checked_sub(1)?;
                }
                Some('-') => old = old.checked_sub(1)?,
                Some('+') => new = new.checked_sub(1)?,
                Some('\\') => {}
                Some(_) => return None,
            }
            at += 1;
        }
        while self.lines.get(at).is_some_and(|line| line.starts_with('\\')) {
            at += 1;
        }
        let goes_on = self.lines.get(at).is_some_and(|line| line.starts_with(['+', '-', ' '])) && !self.is_boundary(at);
        (!goes_on).then_some(at)
    }

    /// Returns where the hunk ends by what comes after it.
    fn bounded_end(&self) -> Result<usize, ParseError> {
        let mut end = self.at;
        while !self.is_boundary(end) {
            let line = self.lines.get(end).copied().unwrap_or_default();
            if !line.is_empty() && !line.starts_with([' ', '+', '-', '\\', '\r']) {
                let here = Self { lines: self.lines.clone(), at: end, texts: self.texts };
                return here.err("patch/no_sign");
            }
            end += 1;
        }
        while end > self.at && self.lines.get(end - 1).is_some_and(|line| line.trim_end_matches('\r').is_empty()) {
            end -= 1;
        }
        Ok(end)
    }

    /// Returns whether a line cannot be a part of a hunk.
    fn is_boundary(&self, at: usize) -> bool {
        const HEADERS: [&str; 6] = ["@@", "diff --git ", "diff -", "Index: ", "```", "*** End"];
        let Some(line) = self.lines.get(at) else { return true };
        let next = |prefix| self.lines.get(at + 1).is_some_and(|line: &&str| line.starts_with(prefix));
        HEADERS.iter().any(|header| line.starts_with(header))
            || line.starts_with("--- ") && next("+++ ")
            || is_signature(line) && self.lines.len() <= at + 3
    }
}

impl Hunk {
    fn take(&mut self, line: &str) {
        let (sign, text) = match line.chars().next() {
            Some('+') => (Sign::Added, line.get(1..)),
            Some('-') => (Sign::Removed, line.get(1..)),
            Some(' ') => (Sign::Context, line.get(1..)),
            Some('\\') => {
                let sign = self.lines.last().map(|line| line.sign);
                self.old_unended |= sign.is_some_and(|sign| sign != Sign::Added);
                self.new_unended |= sign.is_some_and(|sign| sign != Sign::Removed);
                return;
            }
            // An editor has cut the blank of an empty line.
            _ => (Sign::Context, Some(line)),
        };
        self.lines.push(HunkLine { sign, text: text.unwrap_or_default().to_owned() });
    }
}

/// Parses `@@ -start,count +start,count @@` into the old start, the old count and the new count.
fn parse_counts(header: &str) -> Option<(usize, usize, usize)> {
    let mut parts = header.trim_start_matches('@').split_whitespace();
    let side = |part: &str| -> Option<(usize, usize)> {
        let (start, count) = part.split_once(',').unwrap_or((part, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let (start, old) = side(parts.next()?.strip_prefix('-')?)?;
    let (_, new) = side(parts.next()?.strip_prefix('+')?)?;
    Some((start, old, new))
}

/// Returns the path of a `rename from` line and its like.
fn moved<'a>(line: &'a str, way: &str) -> Option<(&'a str, Origin)> {
    let (verb, path) = line.split_once(way)?;
    match verb {
        "rename" => Some((path, Origin::Renamed)),
        "copy" => Some((path, Origin::Copied)),
        _ => None,
    }
}

/// Returns whether a line begins the version that git puts under a patch for mail.
fn is_signature(line: &str) -> bool {
    line.trim_end_matches('\r') == "-- "
}
