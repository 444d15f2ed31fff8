//! How often the file that a reference patch changes is among the first that a search finds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, STORED, STRING, Schema, TEXT, Value as _};
use tantivy::{Index, TantivyDocument, Term};

use crate::error::SearchError;
use crate::index::cache::Cache;
use crate::index::code_index::{CodeIndex, Options};
use crate::rank::weights::Weights;

/// The numbers of files after which is looked.
pub const CUTS: [usize; 4] = [1, 5, 10, 20];

/// An issue, the tree it is on, and the files that its solution changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The instance's id.
    pub id: String,
    /// The issue's text.
    pub issue: String,
    /// The folder with the tree.
    pub tree: PathBuf,
    /// The name under which the cache keeps the tree's repository.
    pub repository: String,
    /// The files, of which at least one is in the tree.
    pub gold: Vec<String>,
}

/// What came of a method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The method's name.
    pub method: String,
    /// Of how many cases.
    pub cases: usize,
    /// In how many a changed file is among the first 1, 5, 10 and 20 files.
    pub found: [usize; CUTS.len()],
}

/// Measures our ranking, the same with each feature turned off, BM25 on whole files, and a search for the issue's
/// identifiers, all on the same files. `told` is called with the rank of each case.
///
/// # Errors
/// When a tree cannot be read or an index fails.
pub fn measure(
    cases: &[Case],
    cache: &Cache,
    features: bool,
    mut told: impl FnMut(&Case, Option<usize>),
) -> Result<Vec<Measured>, SearchError> {
    let mut methods = vec![("spotter".to_owned(), Weights::default())];
    if features {
        let without = |name: &&str| Weights::without(name).map(|weights| (format!("without {name}"), weights));
        methods.extend(Weights::FEATURES.iter().filter_map(without));
    }
    let baselines = ["BM25 on whole files", "ripgrep on identifiers"];
    let names = methods.iter().map(|(name, _)| name.clone()).chain(baselines.map(str::to_owned));
    let new = |method| Measured { method, cases: cases.len(), found: [0; CUTS.len()] };
    let mut measured: Vec<Measured> = names.map(new).collect();
    let mut by_tree: BTreeMap<&Path, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        by_tree.entry(&case.tree).or_default().push(case);
    }
    for (tree, cases) in by_tree {
        let repository = cases.first().map(|case| case.repository.clone()).unwrap_or_default();
        let index = CodeIndex::open(tree, cache, &Options { repository, ..Options::default() })?;
        let plain = Plain::new(&index)?;
        for case in cases {
            for (number, (_, weights)) in methods.iter().enumerate() {
                let rank = rank_of(index.rank_files(&case.issue, weights, 20)?, case);
                measured.get_mut(number).into_iter().for_each(|measured| measured.note(rank));
                if number == 0 {
                    told(case, rank);
                }
            }
            let ranks = [rank_of(plain.bm25(&case.issue)?, case), rank_of(plain.ripgrep(&case.issue), case)];
            measured.iter_mut().skip(methods.len()).zip(ranks).for_each(|(measured, rank)| measured.note(rank));
        }
    }
    Ok(measured)
}

impl Measured {
    fn note(&mut self, rank: Option<usize>) {
        for (cut, found) in CUTS.iter().zip(&mut self.found) {
            *found += usize::from(rank.is_some_and(|rank| rank < *cut));
        }
    }
}

/// Returns the place of the first changed file.
fn rank_of(paths: Vec<impl AsRef<str>>, case: &Case) -> Option<usize> {
    paths.iter().position(|path| case.gold.iter().any(|gold| gold == path.as_ref()))
}

/// What others do, on the same files.
struct Plain {
    index: Index,
    files: Vec<(String, String)>,
}

impl Plain {
    fn new(index: &CodeIndex) -> Result<Self, SearchError> {
        let mut files = Vec::new();
        for path in index.paths() {
            files.extend(index.file(path)?.map(|(_, text)| (path.to_owned(), text)));
        }
        let mut schema = Schema::builder();
        let (path_field, body) = (schema.add_text_field("path", STRING | STORED), schema.add_text_field("body", TEXT));
        let plain = Index::create_in_ram(schema.build());
        let mut writer = plain.writer_with_num_threads(1, 50 << 20)?;
        for (path, text) in &files {
            let mut document = TantivyDocument::default();
            document.add_text(path_field, path);
            document.add_text(body, text);
            writer.add_document(document)?;
        }
        writer.commit()?;
        Ok(Self { index: plain, files })
    }

    /// BM25 with the usual tokenizer over whole files.
    fn bm25(&self, issue: &str) -> Result<Vec<String>, SearchError> {
        let (path, body) = (self.index.schema().get_field("path")?, self.index.schema().get_field("body")?);
        let mut tokenizer = self.index.tokenizer_for_field(body)?;
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut stream = tokenizer.token_stream(issue);
        while stream.advance() {
            let term = Term::from_field_text(body, &stream.token().text);
            clauses.push((Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))));
        }
        let searcher = self.index.reader()?.searcher();
        let top = searcher.search(&BooleanQuery::new(clauses), &TopDocs::with_limit(20).order_by_score())?;
        let mut paths = Vec::new();
        for (_, address) in top {
            let document: TantivyDocument = searcher.doc(address)?;
            paths.extend(document.get_first(path).and_then(|value| value.as_str().map(str::to_owned)));
        }
        Ok(paths)
    }

    /// Files in the order of how many of the issue's identifiers are in them, and how often, as `rg -c -w` counts.
    fn ripgrep(&self, issue: &str) -> Vec<&str> {
        let names = identifiers(issue);
        let mut counts: Vec<(usize, usize, &str)> = Vec::new();
        for (path, text) in &self.files {
            let (mut distinct, mut lines) = (0, 0);
            for name in &names {
                let count = lines_with(text, name);
                distinct += usize::from(count > 0);
                lines += count;
            }
            counts.push((distinct, lines, path));
        }
        counts.retain(|(distinct, _, _)| *distinct > 0);
        counts.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then_with(|| a.2.cmp(b.2)));
        counts.into_iter().take(20).map(|(_, _, path)| path).collect()
    }
}

/// Returns the words of an issue that look like names in code.
fn identifiers(issue: &str) -> BTreeSet<&str> {
    let words = issue.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| word.len() > 2);
    let called = |word: &&str| {
        let inner = word.trim_matches('_');
        let hump = inner.chars().skip(1).any(char::is_uppercase) && inner.chars().any(char::is_lowercase);
        word.contains('_') || hump
    };
    words.filter(called).collect()
}

/// Returns how many lines have a word.
fn lines_with(text: &str, word: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let whole = |at: &usize| {
        let (before, after) = (text.get(..*at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
        !before.ends_with(is_word) && !after.starts_with(is_word)
    };
    let (mut lines, mut last) = (0, None);
    for at in memchr::memmem::find_iter(text.as_bytes(), word).filter(whole) {
        let end = memchr::memchr(b'\n', text.as_bytes().get(at..).unwrap_or_default()).map(|length| at + length);
        if last != Some(end) {
            lines += 1;
        }
        last = Some(end);
    }
    lines
}
