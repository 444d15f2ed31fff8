//! Answers requests.

use std::collections::{BTreeSet, HashMap};

use globset::{GlobBuilder, GlobMatcher};

use crate::cut::place::relative;
use crate::error::SearchError;
use crate::index::code_index::CodeIndex;
use crate::index::view::{DocId, FileId};
use crate::rank::query::Query;
use crate::rank::ranking::{Ranking, rank};
use crate::rank::request::{Found, FoundFile, FoundSpan, SearchRequest};
use crate::rank::symbols::{Named, definitions};
use crate::rank::weights::Weights;

/// Files that an answer has at most.
const FILES: usize = 50;
/// Spans of one file that an answer has at most.
const SPANS: usize = 10;
/// Spans with a smaller share of the score of the file's best are left out.
const SHARE: f32 = 0.5;

impl CodeIndex {
    /// Answers a request.
    ///
    /// # Errors
    /// [`SearchError::Empty`] for an empty one, [`SearchError::Pattern`] for a pattern that is none.
    pub fn search(&self, request: &SearchRequest) -> Result<Found, SearchError> {
        let (request, weights) = (&request.without_blanks(), &Weights::default());
        if request.is_empty() {
            return Err(SearchError::Empty);
        }
        let pattern = Pattern::new(&request.file_pattern, &self.root)?;
        let fits = |file: FileId| self.admits(file, request.include_tests) && pattern.fits(self.view.path(file));
        let named = self.named(request, fits)?;
        let mut did_you_mean = Vec::new();
        if named.as_ref().is_some_and(BTreeSet::is_empty) {
            did_you_mean = self.suggest(request)?;
        }
        let snippet = match request.code_snippet.trim() {
            "" => None,
            snippet => Some(self.with_snippet(snippet, fits)?.into_iter().collect::<BTreeSet<DocId>>()),
        };
        let narrowed = match (named, snippet) {
            (Some(named), Some(snippet)) => Some(named.intersection(&snippet).copied().collect()),
            (named, snippet) => named.or(snippet),
        };
        let query = Query::read(&request.query, &self.fields.tokenizer, weights);
        let ranking = rank(&self.view, &query, weights, fits)?;
        let files = match narrowed {
            Some(docs) => self.listed(docs, &ranking)?,
            None if request.query.trim().is_empty() => self.matching(fits)?,
            None => self.ranked(&ranking)?,
        };
        Ok(Found { files, did_you_mean })
    }

    /// Ranks the files by a free text alone, and returns the paths of the best.
    pub(crate) fn rank_files(&self, query: &str, weights: &Weights, most: usize) -> Result<Vec<&str>, SearchError> {
        let query = Query::read(query, &self.fields.tokenizer, weights);
        let ranking = rank(&self.view, &query, weights, |file| self.admits(file, false))?;
        Ok(ranking.files.iter().take(most).map(|(file, _)| self.view.path(*file)).collect())
    }

    /// Returns the spans of the classes and functions asked for; `None` where no names are.
    fn named(
        &self,
        request: &SearchRequest,
        fits: impl Fn(FileId) -> bool,
    ) -> Result<Option<BTreeSet<DocId>>, SearchError> {
        let (classes, functions) = (&request.class_names, &request.function_names);
        if classes.is_empty() && functions.is_empty() {
            return Ok(None);
        }
        let mut found = BTreeSet::new();
        if functions.is_empty() {
            for class in classes {
                found.extend(definitions(&self.view, Named::Class, class)?);
            }
        }
        for function in functions {
            if classes.is_empty() {
                found.extend(definitions(&self.view, Named::Function, function)?);
            }
            for class in classes {
                found.extend(definitions(&self.view, Named::Function, &format!("{class}.{function}"))?);
            }
        }
        found.retain(|doc| self.view.file_of(*doc).is_some_and(&fits));
        Ok(Some(found))
    }

    /// Returns whether a file is searched.
    pub(crate) fn admits(&self, file: FileId, tests: bool) -> bool {
        tests || !self.view.is_test(file)
    }

    /// Returns names for those asked for that are defined nowhere, and the classes of a method that has others.
    fn suggest(&self, request: &SearchRequest) -> Result<Vec<String>, SearchError> {
        let mut names = Vec::new();
        for class in &request.class_names {
            if definitions(&self.view, Named::Class, class)?.is_empty() {
                names.extend(self.similar(Named::Class, class)?);
            }
        }
        for function in &request.function_names {
            if definitions(&self.view, Named::Function, function)?.is_empty() {
                names.extend(self.similar(Named::Function, function)?);
            } else if !request.class_names.is_empty() {
                names.extend(self.methods(function)?);
            }
        }
        Ok(names)
    }

    /// Groups spans by file, the best first.
    fn listed(&self, docs: BTreeSet<DocId>, ranking: &Ranking) -> Result<Vec<FoundFile>, SearchError> {
        let scores: HashMap<FileId, f32> = ranking.files.iter().copied().collect();
        let mut by_file: HashMap<FileId, Vec<(DocId, f32)>> = HashMap::new();
        for doc in docs {
            if let Some(file) = self.view.file_of(doc) {
                by_file.entry(file).or_default().push((doc, ranking.span(doc)));
            }
        }
        let mut files: Vec<(FileId, f32)> = Vec::new();
        for (file, spans) in &by_file {
            let best = spans.iter().map(|(_, score)| *score).fold(0.0, f32::max);
            files.push((*file, best + scores.get(file).copied().unwrap_or_default()));
        }
        files.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| self.view.path(a.0).cmp(self.view.path(b.0))));
        let spans_of = |file: &FileId| by_file.get(file).cloned().unwrap_or_default();
        files.iter().take(FILES).map(|(file, score)| self.show(*file, *score, spans_of(file))).collect()
    }

    /// Returns the files of a pattern alone, in order, without spans.
    fn matching(&self, fits: impl Fn(FileId) -> bool) -> Result<Vec<FoundFile>, SearchError> {
        let files = self.view.files().iter().filter(|file| fits(**file)).take(FILES);
        files.map(|file| self.show(*file, 0.0, Vec::new())).collect()
    }

    /// Returns the best files with their best spans.
    fn ranked(&self, ranking: &Ranking) -> Result<Vec<FoundFile>, SearchError> {
        let mut files = Vec::new();
        for (file, score) in ranking.files.iter().take(FILES) {
            let mut spans: Vec<(DocId, f32)> = self.view.docs(*file).map(|doc| (doc, ranking.span(doc))).collect();
            spans.sort_by(|a, b| b.1.total_cmp(&a.1));
            let least = spans.first().map_or(0.0, |(_, best)| best * SHARE);
            spans.retain(|(_, score)| *score > 0.0 && *score >= least);
            spans.truncate(SPANS);
            files.push(self.show(*file, *score, spans)?);
        }
        Ok(files)
    }

    fn show(&self, file: FileId, score: f32, docs: Vec<(DocId, f32)>) -> Result<FoundFile, SearchError> {
        let mut spans = Vec::with_capacity(docs.len());
        if !docs.is_empty() {
            let (outline, order) = self.view.outline(file)?;
            for (doc, score) in docs {
                let span = order.iter().position(|other| *other == doc).and_then(|at| outline.spans.get(at).cloned());
                spans.extend(span.map(|span| FoundSpan { span, score }));
            }
        }
        Ok(FoundFile { path: self.view.path(file).to_owned(), score, spans })
    }
}

/// A file pattern; an empty one fits every file, and one without a slash fits names in any folder.
pub(crate) struct Pattern(Vec<GlobMatcher>);

impl Pattern {
    pub(crate) fn new(pattern: &str, root: &str) -> Result<Self, SearchError> {
        let pattern = relative(pattern, root);
        if pattern.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let matcher = |text: &str| {
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            let wrong =
                |err: globset::Error| SearchError::Pattern { pattern: pattern.to_owned(), why: err.to_string() };
            glob.map(|glob| glob.compile_matcher()).map_err(wrong)
        };
        let inside = format!("{}/**", pattern.trim_end_matches('/'));
        Ok(Self(vec![matcher(pattern)?, matcher(&format!("**/{pattern}"))?, matcher(&inside)?]))
    }

    pub(crate) fn fits(&self, path: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|matcher| matcher.is_match(path))
    }
}
