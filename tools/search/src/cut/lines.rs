//! Cuts a file's lines into spans.
//!
//! Every line has one owner: the innermost class or outermost function that it is part of, or the module. A run of
//! lines with one owner is a span. Nothing here recurses, so that deep nesting costs no stack.

use std::collections::HashMap;
use std::ops::Range;

use crate::cut::notebook::CELL;
use crate::cut::parse::{Content, Definition, Found, Parsed, Role, Symbol};
use crate::cut::span::{Outline, Span, SpanKind};
use crate::cut::template::spellings;

/// Deeper definitions belong to the one around them.
const DEEPEST: usize = 8;
/// Bytes after which code outside of definitions is split at the next empty line: about 500 tokens.
const LONG: usize = 2_000;

/// Cuts `text` by what was found in it. The lines in its first bytes, `prefix`, are part of no span. Of the language
/// its name is given, and how lines begin that belong to the definition below them.
pub(crate) fn cut(
    text: &str,
    prefix: usize,
    (language, lead): (&str, &[&str]),
    found: &Found,
    has_errors: bool,
) -> Parsed {
    let lines = Lines::new(text);
    let first = lines.starts.partition_point(|start| *start < prefix);
    let nested = nest(text, &lines, lead, found);
    let owners = owners(&nested, lines.count());
    let kinds = module_kinds(&lines, found);
    let mut cutter = Cutter { lines: &lines, nested: &nested, spans: Vec::new(), used: HashMap::new() };
    let mut row = first;
    while let Some(owner) = owners.get(row) {
        let end = row + owners.iter().skip(row).take_while(|other| *other == owner).count();
        match owner {
            Some(owner) => cutter.definition(*owner, row..end),
            None => cutter.module(row..end, &kinds),
        }
        row = end;
    }
    let spans = cutter.spans;
    let contents = contents(&lines, &nested, &spans, found);
    let [above, lines] = [first, lines.count()].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    let spans = spans.into_iter().map(|span| span.above(above)).collect();
    let outline = Outline { language: language.to_owned(), lines: lines - above, has_errors, spans };
    Parsed { outline, contents, unparsed: None }
}

/// Where the lines of a text are.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// Whether a line may hold several lines of code, as in notebooks.
    shared: bool,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        if text.is_empty() || text.ends_with('\n') {
            starts.pop();
        }
        Self { text, starts, shared: text.starts_with(CELL) }
    }

    fn count(&self) -> usize {
        self.starts.len()
    }

    fn row(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).saturating_sub(1)
    }

    /// Returns the bytes of some lines.
    fn bytes(&self, rows: &Range<usize>) -> Range<usize> {
        let at = |row: usize| self.starts.get(row).copied().unwrap_or(self.text.len());
        at(rows.start)..at(rows.end)
    }

    fn line(&self, row: usize) -> &'a str {
        self.text.get(self.bytes(&(row..row + 1))).unwrap_or_default()
    }

    fn is_blank(&self, row: usize) -> bool {
        self.line(row).trim().is_empty()
    }

    fn indent(&self, row: usize) -> usize {
        let line = self.line(row);
        line.len() - line.trim_start().len()
    }

    /// Returns whether nothing else of the code is on the lines of a range, as far as they may be shared.
    fn fills(&self, range: &Range<usize>) -> bool {
        let whole = self.bytes(&self.rows(range));
        let is_blank = |range| self.text.get(range).is_none_or(|text: &str| text.trim().is_empty());
        !self.shared || (is_blank(whole.start..range.start) && is_blank(range.end..whole.end))
    }

    /// Returns the rows that a range of bytes touches.
    fn rows(&self, range: &Range<usize>) -> Range<usize> {
        self.row(range.start)..self.row(range.end.saturating_sub(1).max(range.start)) + 1
    }
}

/// A definition with its place among the others.
struct Nested<'a> {
    definition: &'a Definition,
    name: &'a str,
    /// Dotted path.
    path: String,
    kind: SpanKind,
    /// The lines, with the comments and decorators above.
    rows: Range<usize>,
    /// Whether its lines are a span of their own.
    own: bool,
    /// The definitions around it that have spans of their own.
    depth: usize,
    /// The path of the class around it.
    class: Option<String>,
}

/// Orders the definitions and finds what each is in.
fn nest<'a>(text: &'a str, lines: &Lines<'_>, lead: &[&str], found: &'a Found) -> Vec<Nested<'a>> {
    let mut definitions: Vec<&Definition> = found.definitions.iter().collect();
    definitions.sort_by_key(|definition| (definition.range.start, std::cmp::Reverse(definition.range.end)));
    definitions.dedup_by_key(|definition| definition.name.clone());
    let mut outers: HashMap<usize, usize> = HashMap::new();
    for outer in &found.outers {
        let start = outers.entry(outer.end).or_insert(outer.start);
        *start = outer.start.min(*start);
    }
    let mut nested: Vec<Nested<'a>> = Vec::with_capacity(definitions.len());
    let mut open: Vec<usize> = Vec::new();
    for definition in definitions {
        let ends_before = |at: usize| {
            nested.get(at).is_some_and(|around: &Nested<'_>| around.definition.range.end <= definition.range.start)
        };
        while open.last().is_some_and(|at| ends_before(*at)) {
            open.pop();
        }
        let around = open.last().and_then(|at| nested.get(*at));
        // What is around a definition is not what is around the class that ends with it.
        let within = |outer: &usize| around.is_none_or(|around| around.definition.range.start < *outer);
        let outer = outers.get(&definition.range.end).copied().filter(within);
        let start = outer.unwrap_or(usize::MAX).min(definition.range.start);
        let next = place(text, definition, around);
        let range = start..definition.range.end;
        let own = next.own && lines.fills(&range);
        open.push(nested.len());
        nested.push(Nested { rows: with_lead(lines, lead, lines.rows(&range)), own, ..next });
    }
    nested
}

/// Returns a definition with the names of what it is in; its rows are not known yet.
fn place<'a>(text: &'a str, definition: &'a Definition, around: Option<&Nested<'a>>) -> Nested<'a> {
    let name = text.get(definition.name.clone()).unwrap_or_default();
    let receiver = definition.receiver.clone().and_then(|receiver| text.get(receiver));
    let inside_function = around.is_some_and(|around| !around.own || around.definition.role == Role::Function);
    let own = !inside_function && definition.role != Role::Alias;
    let depth = around.map_or(0, |around| around.depth + 1);
    let class = match (around, receiver) {
        (_, Some(receiver)) => Some(receiver.to_owned()),
        (Some(around), None) => Some(around.path.clone()),
        (None, None) => None,
    };
    // Code in the braces of a template is no path.
    let step = if name.contains("{{") { name.replace(['.', ':'], "_") } else { name.to_owned() };
    let path = class.as_ref().map_or_else(|| step.clone(), |class| format!("{class}.{step}"));
    let kind = match definition.role {
        Role::Class | Role::Scope | Role::Alias => SpanKind::Class,
        Role::Function if class.is_some() && !inside_function => SpanKind::Method,
        Role::Function => SpanKind::Function,
    };
    Nested { definition, name, path, kind, rows: 0..0, own: own && depth < DEEPEST, depth, class }
}

/// Extends lines by the comments and attributes that stand right above them.
fn with_lead(lines: &Lines<'_>, lead: &[&str], rows: Range<usize>) -> Range<usize> {
    let indent = lines.indent(rows.start);
    let mut start = rows.start;
    while start > 0 {
        let above = lines.line(start - 1).trim_start();
        let aligned = lines.indent(start - 1).abs_diff(indent) <= usize::from(above.starts_with('*'));
        if !aligned || !lead.iter().any(|lead| above.starts_with(lead)) {
            break;
        }
        start -= 1;
    }
    start..rows.end
}

/// Returns the definition that each line belongs to, by its place in `nested`.
fn owners(nested: &[Nested<'_>], lines: usize) -> Vec<Option<usize>> {
    let mut owners = vec![None; lines];
    for (index, definition) in nested.iter().enumerate().filter(|(_, definition)| definition.own) {
        // A comment above the first method is still the method's, but no line is taken from a sibling.
        let rows = definition.rows.start.min(lines)..definition.rows.end.min(lines);
        for owner in owners.get_mut(rows).unwrap_or_default() {
            *owner = Some(index);
        }
    }
    owners
}

/// Returns what each line is that stands outside of definitions; blanks and comments are what follows them.
fn module_kinds(lines: &Lines<'_>, found: &Found) -> Vec<SpanKind> {
    let mut kinds: Vec<Option<SpanKind>> = vec![None; lines.count()];
    for (ranges, kind) in [(&found.imports, SpanKind::Imports), (&found.docs, SpanKind::Docstring)] {
        let ranges = ranges.iter().filter(|range| lines.fills(range));
        for rows in ranges.map(|range| lines.rows(range)).filter(|rows| lines.indent(rows.start) == 0) {
            kinds.get_mut(rows).unwrap_or_default().fill(Some(kind));
        }
    }
    let comment = |row: usize| lines.is_blank(row) || lines.line(row).starts_with(['#', '/', '*']);
    let mut next = SpanKind::Module;
    let mut filled = vec![SpanKind::Module; lines.count()];
    for (row, filled) in filled.iter_mut().enumerate().rev() {
        next = match kinds.get(row) {
            Some(Some(kind)) => *kind,
            _ if comment(row) => next,
            _ => SpanKind::Module,
        };
        *filled = next;
    }
    filled
}

struct Cutter<'a> {
    lines: &'a Lines<'a>,
    nested: &'a [Nested<'a>],
    spans: Vec<Span>,
    /// How often each id was given.
    used: HashMap<String, usize>,
}

impl Cutter<'_> {
    /// Adds a run of lines of one definition.
    fn definition(&mut self, index: usize, rows: Range<usize>) {
        let Some(nested) = self.nested.get(index) else { return };
        let signature = self.lines.row(nested.definition.range.start);
        let before_body = self.lines.text.get(..nested.definition.body).map_or(0, |text| text.trim_end().len());
        let last = self.lines.row(before_body.max(nested.definition.name.end).saturating_sub(1));
        let signature = if rows.contains(&signature) {
            signature..last.min(rows.end - 1).max(signature)
        } else {
            rows.start..rows.start
        };
        self.push(&nested.path, nested.kind, rows, &signature);
    }

    /// Adds a run of lines outside of definitions, split by what they are and where they are long.
    fn module(&mut self, rows: Range<usize>, kinds: &[SpanKind]) {
        let kind_of = |row: usize| kinds.get(row).copied().unwrap_or(SpanKind::Module);
        let mut start = rows.start;
        let mut bytes = 0;
        for row in rows.clone() {
            bytes += self.lines.line(row).len();
            let last = row + 1 == rows.end;
            let long = bytes > LONG && self.lines.is_blank(row) && self.lines.indent(row + 1) == 0;
            if last || long || kind_of(row + 1) != kind_of(row) {
                let kind = kind_of(row);
                let id = match kind {
                    SpanKind::Imports => "imports",
                    SpanKind::Docstring => "docstring",
                    _ => "impl",
                };
                self.push(id, kind, start..row + 1, &(start..start));
                (start, bytes) = (row + 1, 0);
            }
        }
    }

    /// Adds a span without the blank lines around it, unless nothing is left.
    fn push(&mut self, id: &str, kind: SpanKind, rows: Range<usize>, signature: &Range<usize>) {
        let Some(start) = rows.clone().find(|row| !self.lines.is_blank(*row)) else { return };
        let end = rows.rev().find(|row| !self.lines.is_blank(*row)).unwrap_or(start);
        let count = self.used.entry(id.to_owned()).or_default();
        *count += 1;
        let id = if *count == 1 { id.to_owned() } else { format!("{id}:{count}") };
        let number = |row: usize| u32::try_from(row + 1).unwrap_or(u32::MAX);
        let (first, last) = (signature.start.clamp(start, end), signature.end.clamp(start, end));
        let (start, end) = (number(start), number(end));
        self.spans.push(Span { id, kind, start, end, signature: number(first), signature_end: number(last) });
    }
}

/// Sorts what was found into the spans.
fn contents(lines: &Lines<'_>, nested: &[Nested<'_>], spans: &[Span], found: &Found) -> Vec<Content> {
    let mut contents: Vec<Content> = Vec::new();
    contents.resize_with(spans.len(), Content::default);
    let outline = Spans(spans);
    for definition in nested {
        let Some(content) = outline.at(lines, definition.definition.name.start).and_then(|at| contents.get_mut(at))
        else {
            continue;
        };
        define(content, definition, lines);
    }
    for range in &found.docs {
        let content = outline.at(lines, range.start).and_then(|at| contents.get_mut(at));
        content.into_iter().for_each(|content| content.doc.push(range.clone()));
    }
    for (ranges, symbol) in [(&found.bases, Symbol::Base as fn(String) -> Symbol), (&found.calls, Symbol::Call)] {
        for range in ranges {
            let content = outline.at(lines, range.start).and_then(|at| contents.get_mut(at));
            if let (Some(content), Some(name)) = (content, lines.text.get(range.clone())) {
                content.symbols.extend(names(name).map(symbol));
            }
        }
    }
    for (content, span) in contents.iter_mut().zip(spans) {
        content.symbols.sort();
        content.symbols.dedup();
        let whole = lines.bytes(&(span.start as usize - 1..span.end as usize));
        content.signature.retain(|range| whole.start <= range.start && range.end <= whole.end);
        content.body = without(whole, content.signature.iter().chain(&content.doc));
    }
    contents
}

/// Notes a definition in the content of the span that holds its name.
fn define(content: &mut Content, nested: &Nested<'_>, lines: &Lines<'_>) {
    let definition = nested.definition;
    if nested.own {
        content.names.push(nested.path.clone());
        content.signature.push(definition.range.start..definition.body);
        let above = lines.bytes(&(nested.rows.start..lines.row(definition.range.start)));
        if !above.is_empty() {
            content.doc.push(above);
        }
    }
    match definition.role {
        Role::Class | Role::Alias => content.symbols.extend(names(nested.name).map(Symbol::Class)),
        Role::Scope => {}
        Role::Function => {
            content.symbols.extend(names(nested.name).map(Symbol::Function));
            let class = nested.class.as_deref().map(|class| class.rsplit('.').next().unwrap_or_default());
            for class in class.into_iter().flat_map(names) {
                content.symbols.extend(names(nested.name).map(|name| Symbol::Function(format!("{class}.{name}"))));
            }
        }
    }
}

/// Returns what a name is found by.
fn names(name: &str) -> impl Iterator<Item = String> {
    std::iter::once(name.to_owned()).chain(spellings(name))
}

struct Spans<'a>(&'a [Span]);

impl Spans<'_> {
    /// Returns the place of the span that holds a byte.
    fn at(&self, lines: &Lines<'_>, byte: usize) -> Option<usize> {
        let line = lines.row(byte) + 1;
        let at = self.0.partition_point(|span| span.start as usize <= line).checked_sub(1)?;
        self.0.get(at).filter(|span| span.end as usize >= line).map(|_| at)
    }
}

/// Returns what is left of a range without some parts of it.
fn without<'a>(whole: Range<usize>, parts: impl Iterator<Item = &'a Range<usize>>) -> Vec<Range<usize>> {
    let mut parts: Vec<&Range<usize>> = parts.collect();
    parts.sort_by_key(|part| part.start);
    let mut left = Vec::with_capacity(parts.len() + 1);
    let mut at = whole.start;
    for part in parts {
        if part.start > at {
            left.push(at..part.start.min(whole.end));
        }
        at = at.max(part.end);
    }
    if at < whole.end {
        left.push(at..whole.end);
    }
    left
}
