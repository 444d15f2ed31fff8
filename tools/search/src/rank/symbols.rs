//! The symbol table: where names are defined, called and inherited from, and what a misspelt one may mean.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::cut::span::Span;
use crate::error::SearchError;
use crate::index::code_index::CodeIndex;
use crate::index::view::{DocId, FileId, View};

/// Names offered for one that is not there.
const OFFERED: usize = 5;
/// How alike two names must be, from 0 to 1.
const ALIKE: f64 = 0.84;

/// Where a name is defined or used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Path relative to the root.
    pub path: String,
    /// The span.
    pub span: Span,
    /// The lines in it that have the name, each with its text.
    pub lines: Vec<(u32, String)>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Class,
    Function,
}

impl Named {
    fn prefix(self) -> &'static str {
        match self {
            Self::Class => "c:",
            Self::Function => "f:",
        }
    }
}

/// Returns the spans that define a class or function. Of a dotted name the last two parts count, so that a function is
/// found by its class and a class by its module.
pub(crate) fn definitions(view: &View, named: Named, name: &str) -> Result<Vec<DocId>, SearchError> {
    let prefix = named.prefix();
    let mut parts = name.trim().trim_end_matches("()").rsplit('.');
    let last = parts.next().unwrap_or_default();
    let found = match (named, parts.next()) {
        (Named::Function, Some(class)) => view.symbol(&format!("{prefix}{class}.{last}"))?,
        _ => Vec::new(),
    };
    // What is before the dot may be a module.
    let module = |found: &Vec<DocId>| found.is_empty() && !(named == Named::Function && is_class(name));
    if module(&found) { view.symbol(&format!("{prefix}{last}")) } else { Ok(found) }
}

/// Returns whether the part before a name's last dot looks like a class.
fn is_class(name: &str) -> bool {
    let before = name.rsplit('.').nth(1).unwrap_or_default();
    before.trim_start_matches('_').starts_with(char::is_uppercase)
}

/// Returns the spans that call a name, and those of the classes that have it as a base.
pub(crate) fn references(view: &View, name: &str) -> Result<Vec<DocId>, SearchError> {
    let last = last_part(name);
    let mut found = view.symbol(&format!("b:{last}"))?;
    found.extend(view.symbol(&format!("x:{last}"))?);
    found.sort();
    found.dedup();
    Ok(found)
}

impl CodeIndex {
    /// Returns where a class or function is defined; the name may be dotted.
    ///
    /// # Errors
    /// When the index itself failed.
    pub fn definitions(&self, name: &str, tests: bool) -> Result<Vec<Place>, SearchError> {
        let mut docs = definitions(&self.view, Named::Class, name)?;
        docs.extend(definitions(&self.view, Named::Function, name)?);
        self.places(docs, name, tests)
    }

    /// Returns where a class or function is called or inherited from.
    ///
    /// # Errors
    /// When the index itself failed.
    pub fn references(&self, name: &str, tests: bool) -> Result<Vec<Place>, SearchError> {
        self.places(references(&self.view, name)?, name, tests)
    }

    /// Returns the spans with the lines that have a name, in the order of paths and lines.
    fn places(&self, docs: Vec<DocId>, name: &str, tests: bool) -> Result<Vec<Place>, SearchError> {
        let mut by_file: BTreeMap<FileId, BTreeSet<DocId>> = BTreeMap::new();
        for doc in docs {
            if let Some(file) = self.view.file_of(doc).filter(|file| self.admits(*file, tests)) {
                by_file.entry(file).or_default().insert(doc);
            }
        }
        let mut places = Vec::new();
        for (file, docs) in by_file {
            let ((outline, order), text) = (self.view.outline(file)?, self.view.text(file)?);
            for (span, _) in outline.spans.iter().zip(order).filter(|(_, doc)| docs.contains(doc)) {
                let lines = span.lines(&text).filter(|(_, line)| has_name(line, last_part(name)));
                let lines = lines.map(|(number, line)| (number, line.trim_end().to_owned())).collect();
                places.push(Place { path: self.view.path(file).to_owned(), span: span.clone(), lines });
            }
        }
        places.sort_by(|a, b| (&a.path, a.span.start).cmp(&(&b.path, b.span.start)));
        Ok(places)
    }

    /// Returns the names of classes and functions that are most like one that is not there.
    ///
    /// # Errors
    /// When the index itself failed.
    pub fn did_you_mean(&self, name: &str) -> Result<Vec<String>, SearchError> {
        let mut names = self.similar(Named::Class, name)?;
        names.extend(self.similar(Named::Function, name)?);
        names.truncate(OFFERED);
        Ok(names)
    }

    /// Returns a few of the classes' methods of a name, each with its class.
    pub(crate) fn methods(&self, name: &str) -> Result<Vec<String>, SearchError> {
        let end = format!(".{}", last_part(name));
        let mut methods = Vec::new();
        for layer in self.view.layers() {
            layer.pack.symbols(Named::Function.prefix(), |other| {
                if other.ends_with(&end) {
                    methods.push(other.to_owned());
                }
            })?;
        }
        methods.sort();
        methods.dedup();
        self.there(Named::Function, methods)
    }

    /// Returns the first few of some names that are defined in the tree.
    fn there(&self, named: Named, names: Vec<String>) -> Result<Vec<String>, SearchError> {
        let mut there = Vec::new();
        for name in names {
            if there.len() < OFFERED && !self.view.symbol(&format!("{}{name}", named.prefix()))?.is_empty() {
                there.push(name);
            }
        }
        Ok(there)
    }

    /// Returns the names most like `name`, the best first.
    pub(crate) fn similar(&self, named: Named, name: &str) -> Result<Vec<String>, SearchError> {
        let wanted = name.trim().to_lowercase();
        let letters = letters(&wanted);
        let mut alike: Vec<(f64, String)> = Vec::new();
        for layer in self.view.layers() {
            layer.pack.symbols(named.prefix(), |other| {
                let missing = (letters ^ self::letters(other)).count_ones();
                if missing > 6 || other.contains('.') != wanted.contains('.') {
                    return;
                }
                let score = likeness(&wanted, &other.to_lowercase());
                if score >= ALIKE {
                    alike.push((score, other.to_owned()));
                }
            })?;
        }
        alike.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        alike.dedup();
        self.there(named, alike.into_iter().map(|(_, name)| name).collect())
    }
}

/// Returns a name without what is before its last dot.
fn last_part(name: &str) -> &str {
    name.trim().trim_end_matches("()").rsplit('.').next().unwrap_or_default()
}

/// Returns whether a line has a name, which in a template may be a part of a word, or have braces.
fn has_name(line: &str, name: &str) -> bool {
    has_word(line, name) || (name.contains("{{") || line.contains("{{")) && line.contains(name)
}

/// Returns whether a line has a word.
fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c: char| !is_word(c)).any(|other| other == word)
}

/// Returns how alike two names are, from 0 to 1; underscores do not matter, and a name in another is much like it.
fn likeness(wanted: &str, other: &str) -> f64 {
    let plain = |name: &str| name.chars().filter(|c| *c != '_').collect::<String>();
    let (wanted, other) = (plain(wanted), plain(other));
    if wanted == other {
        return 1.0;
    }
    let share = wanted.len().min(other.len()) as f64 / wanted.len().max(other.len()).max(1) as f64;
    let inside = wanted.len().min(other.len()) > 3 && (other.contains(&wanted) || wanted.contains(&other));
    let inside = if inside { 0.8 + 0.2 * share } else { 0.0 };
    inside.max(strsim::jaro_winkler(&wanted, &other) * (0.7 + 0.3 * share))
}

/// Returns which letters a name has, one bit each.
fn letters(name: &str) -> u32 {
    let letters = name.bytes().map(|byte| byte.to_ascii_lowercase()).filter(u8::is_ascii_lowercase);
    letters.fold(0, |mask, byte| mask | 1 << (byte - b'a'))
}
