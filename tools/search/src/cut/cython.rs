//! Finds the definitions of Cython files, for which there is no grammar.
//!
//! Cython is laid out like Python, so that indentation says where a definition ends, and the words at the start of a
//! line say what it is. Text within quotes and comments is blanked first; nothing is parsed.

use std::ops::Range;

use crate::cut::cython_lines::{Line, lines, masked, quoted};
use crate::cut::parse::{Definition, Found, Role};

/// Words before a name that is not a return type and no name.
const MODIFIERS: [&str; 12] =
    ["cdef", "cpdef", "inline", "public", "api", "readonly", "extern", "const", "static", "volatile", "def", "async"];

/// Words that begin a type with a body, and how they are found.
const KINDS: [&str; 7] = ["class", "struct", "union", "enum", "fused", "cppclass", "property"];

/// Words that are followed by a bracket and call nothing.
const KEYWORDS: [&str; 26] = [
    "and", "as", "assert", "await", "cdef", "cpdef", "def", "del", "elif", "else", "except", "for", "from", "if", "in",
    "is", "lambda", "not", "or", "raise", "return", "sizeof", "while", "with", "yield", "import",
];

/// Letters that may stand before quotes.
const PREFIXES: [char; 6] = ['r', 'R', 'u', 'U', 'b', 'B'];

/// What is open around a line.
struct Open {
    indent: usize,
    kind: Kind,
    /// The place among the definitions; `None` for a block.
    definition: Option<usize>,
    /// Where the decorators begin, where there are any.
    outer: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Class,
    /// A block such as `cdef extern from "a.h":`, in which each line is as if `cdef` stood before it.
    Declarations,
}

/// Finds the definitions, imports, docstrings and calls of a text.
pub(crate) fn find(text: &str) -> Found {
    let masked = masked(text);
    let lines = lines(&masked);
    let mut finder = Finder { text, masked: &masked, found: Found::default(), open: Vec::new(), last: 0 };
    let mut decorators: Option<usize> = None;
    let mut may_be_doc = true;
    for (number, line) in lines.iter().enumerate() {
        finder.close(line.indent);
        let code = finder.code(line);
        if code.starts_with('@') {
            decorators.get_or_insert(line.start);
            finder.last = line.end;
            continue;
        }
        if std::mem::take(&mut may_be_doc) && is_text(text.get(line.start..).unwrap_or_default()) {
            finder.found.docs.push(line.start..text_end(text, line.start).max(line.end));
        }
        let body = lines.get(number + 1).filter(|next| next.indent > line.indent).map(|_| line.end);
        may_be_doc = finder.line(line, body, decorators.take());
        finder.last = line.end;
    }
    finder.close(0);
    finder.found
}

struct Finder<'a> {
    text: &'a str,
    /// The text with quotes and comments blank.
    masked: &'a str,
    found: Found,
    open: Vec<Open>,
    /// Where the last line ended.
    last: usize,
}

impl<'a> Finder<'a> {
    fn code(&self, line: &Line) -> &'a str {
        self.masked.get(line.start..line.end).unwrap_or_default()
    }

    /// Ends what a line of this indentation is no part of.
    fn close(&mut self, indent: usize) {
        while let Some(open) = self.open.pop_if(|open| open.indent >= indent) {
            let Some(definition) = open.definition.and_then(|at| self.found.definitions.get_mut(at)) else { continue };
            definition.range.end = self.last.max(definition.range.end);
            definition.body = definition.body.min(definition.range.end);
            if let Some(start) = open.outer {
                self.found.outers.push(start..definition.range.end);
            }
        }
    }

    /// Takes in a line; `body` is where it ends, if lines of greater indentation are below it. Returns whether a
    /// docstring may follow.
    fn line(&mut self, line: &Line, body: Option<usize>, outer: Option<usize>) -> bool {
        let code = self.code(line);
        let first = word(code);
        if matches!(first, "import" | "from" | "cimport" | "include") {
            self.found.imports.push(line.start..line.end);
            return false;
        }
        let around = self.open.last().map(|open| open.kind);
        let in_function = around == Some(Kind::Function);
        let declares = matches!(first, "cdef" | "cpdef" | "ctypedef") || around == Some(Kind::Declarations);
        let typed = around == Some(Kind::Class) && body.is_none() && !matches!(first, "def" | "class" | "async");
        let plain = matches!(first, "def" | "class" | "async" | "property");
        if !plain && (in_function || !(declares || (typed && self.is_foreign()))) {
            self.calls(line.start..line.end, None);
            return false;
        }
        if let Some((name, bases)) = type_name(code) {
            self.define(line, Role::Class, name, body, outer);
            bases.into_iter().for_each(|base| self.found.bases.push(shifted(&base, line.start)));
            return true;
        }
        if let Some(name) = alias_name(code) {
            let (range, name) = (line.start..line.end, shifted(&name, line.start));
            let body = range.end;
            self.found.definitions.push(Definition { role: Role::Alias, range, name, receiver: None, body });
            return false;
        }
        if let Some(name) = function_name(code, plain) {
            let range = shifted(&name, line.start);
            self.define(line, Role::Function, name, body, outer);
            self.calls(line.start..line.end, Some(range));
            return true;
        }
        if body.is_some() && code.trim_end().ends_with(':') && declares {
            self.open.push(Open { indent: line.indent, kind: Kind::Declarations, definition: None, outer: None });
            return false;
        }
        self.calls(line.start..line.end, None);
        false
    }

    /// Returns whether what is around stands in a block of declarations, where methods are named without a word before.
    fn is_foreign(&self) -> bool {
        self.open.iter().any(|open| open.kind == Kind::Declarations)
    }

    fn define(&mut self, line: &Line, role: Role, name: Range<usize>, body: Option<usize>, outer: Option<usize>) {
        let kind = if role == Role::Class { Kind::Class } else { Kind::Function };
        let inline = self.code(line).rfind(':').map(|at| line.start + at + 1).filter(|at| *at < line.end);
        let body = body.or(inline).unwrap_or(line.end);
        let name = shifted(&name, line.start);
        let place = self.found.definitions.len();
        self.found.definitions.push(Definition { role, range: line.start..line.end, name, receiver: None, body });
        self.open.push(Open { indent: line.indent, kind, definition: Some(place), outer });
    }

    /// Notes the names that are followed by a bracket, but for one.
    fn calls(&mut self, range: Range<usize>, but: Option<Range<usize>>) {
        let code = self.masked.get(range.clone()).unwrap_or_default();
        for (at, _) in code.match_indices('(') {
            let before = code.get(..at).unwrap_or_default().trim_end_matches(' ');
            let start = before.trim_end_matches(is_word).len();
            let name = before.get(start..).unwrap_or_default();
            let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_');
            let place = range.start + start..range.start + before.len();
            if is_name && !KEYWORDS.contains(&name) && but.as_ref() != Some(&place) {
                self.found.calls.push(place);
            }
        }
        debug_assert!(self.text.len() == self.masked.len());
    }
}

/// Returns where the name of a class, a struct and the like stands, and its bases; ranges are of the line.
fn type_name(code: &str) -> Option<(Range<usize>, Vec<Range<usize>>)> {
    let head = code.split(['(', ':', '=']).next().unwrap_or_default();
    let words = words(head);
    let kind = words.iter().rposition(|range| KINDS.contains(&&head[range.clone()]))?;
    let is_head = words.iter().take(kind).all(|range| {
        let word = &head[range.clone()];
        MODIFIERS.contains(&word) || KINDS.contains(&word) || matches!(word, "ctypedef" | "packed")
    });
    // `cdef enum class Name`, and `cdef enum:`, which has none.
    let name = words.get(kind + 1).filter(|_| is_head)?;
    let name = name.start..head[name.clone()].find('[').map_or(name.end, |at| name.start + at);
    // A class of another module is `numpy.ndarray`.
    let name = head[name.clone()].rfind('.').map_or(name.start, |at| name.start + at + 1)..name.end;
    let bases = code.get(head.len()..).and_then(|rest| rest.strip_prefix('('));
    let bases = bases.and_then(|rest| Some(&rest[..rest.find(')')?])).unwrap_or_default();
    let mut at = head.len() + 1;
    let mut found = Vec::new();
    for part in bases.split(',') {
        let trimmed = part.trim_end();
        let start = trimmed.trim_end_matches(is_word).len();
        if start < trimmed.len() && !part.contains('=') {
            found.push(at + start..at + trimmed.len());
        }
        at += part.len() + 1;
    }
    Some((name, found))
}

/// Returns where the name of a function stands; `plain` says that the line begins with `def`.
fn function_name(code: &str, plain: bool) -> Option<Range<usize>> {
    let mut depth = 0usize;
    let mut at = 0;
    for (place, character) in code.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '=' | ':' if depth == 0 && place >= at => return None,
            '(' if depth == 0 && place >= at => {
                let before = up_to_name(&code[..place]);
                let start = before.trim_end_matches(is_word).len();
                let name = &before[start..];
                let rest = code[place + 1..].trim_start();
                if rest.starts_with('*') && !plain {
                    return None;
                }
                if name.is_empty() || MODIFIERS.contains(&name) {
                    // A tuple of C as the return type.
                    at = place + code[place..].find(')')? + 1;
                    continue;
                }
                // A name needs something before it: a type, or the word that defines.
                return (start > 0 || plain).then_some(start..before.len());
            }
            _ => {}
        }
    }
    None
}

/// Returns a text without what may stand after a name: its parameters, and its name in C, which is quoted and masked by
/// now.
fn up_to_name(text: &str) -> &str {
    let text = without_parameters(text.trim_end());
    without_parameters(text.strip_suffix(" 0").map_or(text, str::trim_end))
}

/// Returns a text without the square brackets at its end, such as those of `swap[T]`.
fn without_parameters(text: &str) -> &str {
    let mut depth = 0usize;
    for (at, character) in text.char_indices().rev() {
        match character {
            ']' => depth += 1,
            '[' if depth == 1 => return text[..at].trim_end(),
            '[' => depth = depth.saturating_sub(1),
            _ if depth == 0 => break,
            _ => {}
        }
    }
    text
}

/// Returns where the name stands that a line such as `ctypedef int name` gives to a type.
fn alias_name(code: &str) -> Option<Range<usize>> {
    let after = code.strip_prefix("ctypedef").filter(|rest| rest.starts_with([' ', '\t']))?;
    let from = code.len() - after.len();
    // A pointer to a function, `ctypedef int (*name)(int)`.
    if let Some(star) = after.find("(*") {
        let start = from + star + 2;
        let name = code[start..].trim_start_matches(['*', ' ']);
        let start = code.len() - name.len();
        let end = start + word(name).len();
        return (start < end).then_some(start..end);
    }
    let named = up_to_name(code);
    let start = named.trim_end_matches(is_word).len();
    (from < start && start < named.len()).then_some(start..named.len())
}

/// Returns the words of a text; what is between square brackets belongs to the word before.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let (mut start, mut depth) = (None, 0usize);
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        depth = match character {
            '[' => depth + 1,
            ']' => depth.saturating_sub(1),
            _ => depth,
        };
        let ends = depth == 0 && character.is_whitespace();
        match (start, ends) {
            (None, false) => start = Some(at),
            (Some(begin), true) => {
                words.push(begin..at);
                start = None;
            }
            _ => {}
        }
    }
    words
}

fn word(code: &str) -> &str {
    &code[..code.len() - code.trim_start_matches(is_word).len()]
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns whether a text begins with quotes, as a docstring does.
fn is_text(text: &str) -> bool {
    text.trim_start_matches(PREFIXES).starts_with(['"', '\''])
}

/// Returns where the text in quotes ends that begins at a byte.
fn text_end(text: &str, start: usize) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    quoted(text.as_bytes(), start + rest.len() - rest.trim_start_matches(PREFIXES).len())
}

fn shifted(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns each definition as its role, name and lines.
    fn shown(text: &str) -> Vec<String> {
        let found = find(text);
        let row = |byte: usize| text[..byte].matches('\n').count() + 1;
        let line = |definition: &Definition| {
            let role = match definition.role {
                Role::Class | Role::Scope => "class",
                Role::Function => "function",
                Role::Alias => "alias",
            };
            let (start, end) = (row(definition.range.start), row(definition.range.end));
            format!("{role} {} {start}-{end}", &text[definition.name.clone()])
        };
        found.definitions.iter().map(line).collect()
    }

    #[test]
    fn what_cython_defines_is_found() {
        for (text, expected) in [
            ("cpdef int f(int a) nogil:\n    return a\n", vec!["function f 1-2"]),
            (
                "cdef inline double g(double r) except? -1:\n    cdef int x = h(1)\n    return r\n",
                vec!["function g 1-3"],
            ),
            ("cdef (int, int) pair(int a):\n    pass\n", vec!["function pair 1-2"]),
            ("cdef int[:, ::1] view(\n    int a,\n    b=f(1),\n):\n    pass\n", vec!["function view 1-5"]),
            (
                "cdef class Box(Base):\n    cdef int size\n    cpdef int grow(self, int by):\n        pass\n",
                vec!["class Box 1-4", "function grow 3-4"],
            ),
            (
                "cdef extern from \"a.h\" nogil:\n    int c_call(int)\n    ctypedef struct point:\n        int x\n",
                vec!["function c_call 2-2", "class point 3-4"],
            ),
            (
                "cdef extern from \"a.h\":\n    int call \"c_call\" (int)\n    T pick \"c_pick\" [T](T)\n    int tell[T] \"t\"(T)\n",
                vec!["function call 2-2", "function pick 3-3", "function tell 4-4"],
            ),
            ("ctypedef fused real:\n    float\n    double\n", vec!["class real 1-3"]),
            ("cdef T swap[T](T a, T b):\n    pass\n", vec!["function swap 1-2"]),
            ("ctypedef class numpy.ndarray [object PyArrayObject]:\n    cdef int flags\n", vec!["class ndarray 1-2"]),
            (
                "ctypedef unsigned long size\nctypedef double (*call)(double)\nctypedef int row[3]\nctypedef int c0 \"c\"\n",
                vec!["alias size 1-1", "alias call 2-2", "alias row 3-3", "alias c0 4-4"],
            ),
            ("cdef:\n    int a = f(2)\n    void go(int b):\n        pass\n", vec!["function go 3-4"]),
            ("cdef int (*pointer)(int)\ncdef object x = call(1)\n", vec![]),
            (
                "\"\"\"\ndef in_text(): pass\n\"\"\"\n# def comment():\n@wraps(f)\ndef real(): pass\n",
                vec!["function real 6-6"],
            ),
            ("def a(\n# (\n", vec!["function a 1-1"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn odd_text_does_no_harm() {
        for text in [
            "\"\"\"",
            "'\\",
            "cdef",
            "def (",
            "cdef é(",
            "class",
            "(((\ndef a():\n\tpass",
            "cdef class",
            "\u{feff}def f(): 1",
        ] {
            find(text);
        }
    }
}
