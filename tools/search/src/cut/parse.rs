//! A file's text cut into what is indexed of it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use rustc_hash::FxHashMap;
use tree_sitter::{Parser, Query, QueryCursor, StreamingIterator, Tree};

use crate::cut::cython;
use crate::cut::language::{LANGUAGES, Language};
use crate::cut::lines::cut;
use crate::cut::notebook;
use crate::cut::part::parts;
use crate::cut::span::Outline;
use crate::cut::template;

/// A file as it goes into the index.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) outline: Outline,
    /// What is indexed of each span, in the order of the outline.
    pub(crate) contents: Vec<Content>,
    /// Why names may be missing.
    pub(crate) unparsed: Option<String>,
}

/// What is indexed of one span; ranges are of the file's bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) names: Vec<String>,
    pub(crate) signature: Vec<Range<usize>>,
    pub(crate) doc: Vec<Range<usize>>,
    pub(crate) body: Vec<Range<usize>>,
    pub(crate) symbols: Vec<Symbol>,
}

/// A word of the symbol table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Symbol {
    /// A class is defined here.
    Class(String),
    /// A function is defined here: its name, and once more with its class.
    Function(String),
    /// A class with this base is defined here.
    Base(String),
    /// This is called here.
    Call(String),
}

/// What a query found, before it is cut into spans.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) definitions: Vec<Definition>,
    pub(crate) outers: Vec<Range<usize>>,
    pub(crate) docs: Vec<Range<usize>>,
    pub(crate) imports: Vec<Range<usize>>,
    pub(crate) bases: Vec<Range<usize>>,
    pub(crate) calls: Vec<Range<usize>>,
}

/// A definition in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) role: Role,
    pub(crate) range: Range<usize>,
    pub(crate) name: Range<usize>,
    /// The class that a method names outside of the class's own text.
    pub(crate) receiver: Option<Range<usize>>,
    /// Where the body starts; the end where there is none.
    pub(crate) body: usize,
}

/// What a definition is to the spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Class,
    Function,
    /// Gives its name to what is in it, and is no definition of its own.
    Scope,
    /// Gives a type a name, in a span with what is around it.
    Alias,
}

/// The grammars and their queries, each loaded when it is first needed.
pub(crate) struct Grammars(Vec<OnceLock<Option<(tree_sitter::Language, Query)>>>);

impl Grammars {
    pub(crate) fn new() -> Self {
        Self(LANGUAGES.iter().map(|_| OnceLock::new()).collect())
    }

    fn get(&self, language: usize) -> Option<&(tree_sitter::Language, Query)> {
        let load = || LANGUAGES.get(language)?.load().map_err(|err| tracing::error!("{err}")).ok();
        self.0.get(language)?.get_or_init(load).as_ref()
    }
}

/// Cuts a file's text into spans, without any index. Text of no known language is cut by length alone.
pub fn outline(path: &str, text: &str) -> Outline {
    // The queries take longer to compile than most files to parse.
    static GRAMMARS: LazyLock<Grammars> = LazyLock::new(Grammars::new);
    let mut parser = FileParser::new(&GRAMMARS);
    let (mut whole, mut used) = (Outline::default(), FxHashMap::default());
    // Part by part, as files are indexed, so that the ids are those of the index.
    for part in parts(path, &notebook::code(path, text)) {
        let source = part.prefix + part.text;
        whole.append(parser.parse(path, &source, source.len() - part.text.len()).outline, &mut used);
    }
    whole
}

/// The parser of one thread.
pub(crate) struct FileParser<'a> {
    grammars: &'a Grammars,
    parser: Parser,
    cursor: QueryCursor,
}

impl<'a> FileParser<'a> {
    pub(crate) fn new(grammars: &'a Grammars) -> Self {
        Self { grammars, parser: Parser::new(), cursor: QueryCursor::new() }
    }

    /// Cuts a file, or a part of one, into spans. The first bytes are lines that only say what the others are in. Text
    /// of no known language, or that its grammar gives up on, is cut by length alone.
    pub(crate) fn parse(&mut self, path: &str, text: &str, prefix: usize) -> Parsed {
        let plain = |why| Parsed { unparsed: why, ..cut(text, prefix, ("", &[]), &Found::default(), false) };
        let language = Language::of(path);
        let Some((index, row)) = language.and_then(|index| Some((index, LANGUAGES.get(index)?))) else {
            return plain(None);
        };
        let is_notebook = notebook::is_notebook(path);
        if is_notebook && let Some(why) = notebook::unparsed(text) {
            return plain(Some(why));
        }
        let masked = match template::written(path) {
            Some(_) => Cow::Owned(template::masked(text)),
            None if is_notebook => Cow::Owned(notebook::masked(text)),
            None => Cow::Borrowed(text),
        };
        let (found, errors) = match row.has_grammar() {
            true => self.find(index, &masked).unwrap_or_else(|| (Found::default(), Errors::All)),
            false => (cython::find(&masked), Errors::None),
        };
        let parsed = cut(text, prefix, (row.name, row.lead), &found, errors != Errors::None);
        let why = (errors == Errors::All).then(|| "syntax errors, so that names may be missing".to_owned());
        Parsed { unparsed: why, ..parsed }
    }

    fn find(&mut self, language: usize, text: &str) -> Option<(Found, Errors)> {
        let (grammar, query) = self.grammars.get(language)?;
        self.parser.set_language(grammar).ok()?;
        let tree = self.parser.parse(text, None)?;
        let names = query.capture_names();
        let mut found = Found::default();
        let mut matches = self.cursor.matches(query, tree.root_node(), text.as_bytes());
        while let Some(matched) = matches.next() {
            let captures = matched.captures().iter().filter_map(|capture| {
                let name = names.get(usize::try_from(capture.index).ok()?)?;
                Some((*name, capture.node.byte_range()))
            });
            found.add(captures);
        }
        Some((found, Errors::of(&tree, text)))
    }
}

/// How much of a text the grammar could not make sense of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errors {
    None,
    Some,
    /// Of more than half.
    All,
}

impl Errors {
    fn of(tree: &Tree, text: &str) -> Self {
        if !tree.root_node().has_error() {
            return Self::None;
        }
        let mut cursor = tree.walk();
        let mut bytes = 0;
        loop {
            let node = cursor.node();
            if node.is_error() {
                bytes += text.get(node.byte_range()).map_or(0, |text| text.trim().len());
            } else if node.has_error() && cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return if 2 * bytes > text.trim().len() { Self::All } else { Self::Some };
                }
            }
        }
    }
}

impl Found {
    /// Takes in the captures of one match.
    fn add<'a>(&mut self, captures: impl Iterator<Item = (&'a str, Range<usize>)>) {
        let (mut defined, mut name, mut receiver, mut body) = (None, None, None, None);
        for (capture, range) in captures {
            match capture {
                "class" => defined = Some((Role::Class, range)),
                "function" => defined = Some((Role::Function, range)),
                "scope" => defined = Some((Role::Scope, range)),
                "name" => name = Some(range),
                "receiver" => receiver = Some(range),
                "body" => body = Some(range.start),
                "outer" => self.outers.push(range),
                "doc" => self.docs.push(range),
                "import" => self.imports.push(range),
                "base" => self.bases.push(range),
                _ => self.calls.push(range),
            }
        }
        if let (Some((role, range)), Some(name)) = (defined, name) {
            let body = body.unwrap_or(range.end);
            self.definitions.push(Definition { role, range, name, receiver, body });
        }
    }
}
