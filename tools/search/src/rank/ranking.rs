//! The ranking: BM25 over the fields of spans, and over files as the sum of their spans.
//!
//! The numbers that BM25 needs, such as in how many files a word is, are those of the tree alone and not of all that
//! the packs hold: the postings of a word are read anyway, and what is not part of the tree is skipped.

use std::collections::HashMap;

use crate::error::SearchError;
use crate::index::schema::RANKED;
use crate::index::view::{DocId, FileId, View};
use crate::rank::query::Query;
use crate::rank::weights::Weights;

/// The scores of a query.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    /// Files, best first.
    pub(crate) files: Vec<(FileId, f32)>,
    /// Scores of spans, by layer and document.
    spans: Vec<Vec<f32>>,
}

impl Ranking {
    pub(crate) fn span(&self, doc: DocId) -> f32 {
        self.spans.get(doc.layer as usize).and_then(|spans| spans.get(doc.doc as usize)).copied().unwrap_or_default()
    }
}

/// Ranks the files that `admitted` lets through.
pub(crate) fn rank(
    view: &View,
    query: &Query,
    weights: &Weights,
    admitted: impl Fn(FileId) -> bool,
) -> Result<Ranking, SearchError> {
    let mut scorer = Scorer::new(view, weights, admitted);
    for (word, weight) in &query.words {
        scorer.word(word, *weight)?;
    }
    for (name, weight) in &query.names {
        scorer.definition(name, *weight)?;
    }
    let mut scores = scorer.finish();
    let top = scores.files.iter().map(|(_, score)| *score).fold(0.0, f32::max);
    let mentioned = mentioned(view, query);
    for (file, score) in &mut scores.files {
        *score += weights.mention * top * mentioned.get(file).copied().unwrap_or_default();
        if is_aside(view.path(*file)) {
            *score *= weights.aside;
        }
    }
    scores.files.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| view.path(a.0).cmp(view.path(b.0))));
    Ok(scores)
}

/// Adds up scores word by word.
struct Scorer<'a> {
    view: &'a View,
    weights: &'a Weights,
    layers: Vec<SpanScores>,
    files: FileScores,
    /// Words of an average span by field.
    span_average: [f32; RANKED],
    spans: usize,
}

/// The scores of a layer's documents.
struct SpanScores {
    scores: Vec<f32>,
    /// What the word at hand has in each document, and which these are.
    counts: Vec<f32>,
    found: Vec<u32>,
}

/// The scores of files by their id.
struct FileScores {
    scores: Vec<f32>,
    /// Words of each file that is admitted, weighted by field, and of an average one.
    lengths: Vec<Option<f32>>,
    average: f32,
    /// What the word at hand has in each file, and which these are.
    counts: Vec<f32>,
    found: Vec<FileId>,
    all: usize,
}

impl<'a> Scorer<'a> {
    fn new(view: &'a View, weights: &'a Weights, admitted: impl Fn(FileId) -> bool) -> Self {
        let mut files = FileScores::new(view.slots());
        for file in view.files().iter().filter(|file| admitted(**file)) {
            files.admit(*file);
        }
        let (mut layers, mut spans, mut words) = (Vec::new(), 0, [0.0; RANKED]);
        for layer in view.layers() {
            for unit in 0..layer.pack.units.len() {
                let Some(length) = layer.owner(unit).and_then(|file| files.length(file)) else { continue };
                let fields = layer.pack.lengths(unit);
                *length +=
                    fields.iter().zip(&weights.fields).map(|(count, weight)| *count as f32 * weight).sum::<f32>();
                spans += layer.pack.docs(unit).len();
                words.iter_mut().zip(fields).for_each(|(sum, count)| *sum += count as f32);
            }
            layers.push(SpanScores::new(layer.pack.doc_count()));
        }
        let span_average = words.map(|sum| (sum / spans.max(1) as f32).max(1.0));
        files.average = (files.lengths.iter().flatten().sum::<f32>() / files.all.max(1) as f32).max(1.0);
        Self { view, weights, layers, files, span_average, spans }
    }

    /// Adds what a word of the query gives to spans and files.
    fn word(&mut self, word: &str, weight: f32) -> Result<(), SearchError> {
        let b = self.weights.span_length;
        for (layer, spans) in self.view.layers().iter().zip(&mut self.layers) {
            for (field, (field_weight, average)) in self.weights.fields.iter().zip(&self.span_average).enumerate() {
                layer.pack.postings(field, word, |doc, count, length| {
                    let count = field_weight * count as f32;
                    let file = layer.owner(layer.pack.unit_of(doc));
                    if file.is_some_and(|file| self.files.count(file, count)) {
                        spans.count(doc, count / (1.0 - b + b * length as f32 / average));
                    }
                })?;
            }
        }
        let in_spans = self.layers.iter().map(|spans| spans.found.len()).sum();
        let span_weight = weight * rarity(in_spans, self.spans);
        let file_weight = weight * rarity(self.files.found.len(), self.files.all);
        self.layers.iter_mut().for_each(|spans| spans.settle(self.weights, span_weight));
        self.files.settle(self.weights, file_weight);
        Ok(())
    }

    /// Adds what a name of the query gives to the files and spans that define it.
    fn definition(&mut self, name: &str, weight: f32) -> Result<(), SearchError> {
        let mut docs = self.view.symbol(&format!("c:{name}"))?;
        docs.extend(self.view.symbol(&format!("f:{name}"))?);
        let mut seen = Vec::new();
        let worth = self.weights.definition * weight * rarity(docs.len(), self.spans);
        for doc in docs {
            let Some(file) = self.view.file_of(doc).filter(|file| self.files.length(*file).is_some()) else { continue };
            let spans = self.layers.get_mut(doc.layer as usize);
            let score = spans.and_then(|spans| spans.scores.get_mut(doc.doc as usize));
            score.into_iter().for_each(|score| *score += worth);
            if !seen.contains(&file) {
                seen.push(file);
                self.files.scores.get_mut(file.0 as usize).into_iter().for_each(|score| *score += worth);
            }
        }
        Ok(())
    }

    /// Returns the scores of files, the best span of each counted in.
    fn finish(self) -> Ranking {
        let spans = self.layers.into_iter().map(|spans| spans.scores).collect();
        let mut ranking = Ranking { files: Vec::new(), spans };
        for (file, score) in (0..).map(FileId).zip(&self.files.scores).filter(|(_, score)| **score > 0.0) {
            let best = self.view.docs(file).map(|doc| ranking.span(doc)).fold(0.0, f32::max);
            ranking.files.push((file, score + self.weights.best_span * best));
        }
        ranking
    }
}

impl SpanScores {
    fn new(docs: usize) -> Self {
        Self { scores: vec![0.0; docs], counts: vec![0.0; docs], found: Vec::new() }
    }

    /// Notes that the word at hand is in a document.
    fn count(&mut self, doc: u32, count: f32) {
        let Some(in_doc) = self.counts.get_mut(doc as usize) else { return };
        if *in_doc == 0.0 {
            self.found.push(doc);
        }
        *in_doc += count;
    }

    /// Turns the counts of the word at hand into scores.
    fn settle(&mut self, weights: &Weights, weight: f32) {
        let k = weights.saturation;
        for doc in self.found.drain(..) {
            let at = doc as usize;
            let (Some(count), Some(score)) = (self.counts.get_mut(at), self.scores.get_mut(at)) else { continue };
            let count = std::mem::take(count);
            *score += weight * count * (k + 1.0) / (count + k);
        }
    }
}

impl FileScores {
    fn new(slots: usize) -> Self {
        let (scores, counts, lengths) = (vec![0.0; slots], vec![0.0; slots], vec![None; slots]);
        Self { scores, lengths, average: 1.0, counts, found: Vec::new(), all: 0 }
    }

    fn admit(&mut self, file: FileId) {
        self.lengths.get_mut(file.0 as usize).into_iter().for_each(|length| *length = Some(0.0));
        self.all += 1;
    }

    /// Returns the length of a file that is admitted.
    fn length(&mut self, file: FileId) -> Option<&mut f32> {
        self.lengths.get_mut(file.0 as usize)?.as_mut()
    }

    /// Notes that the word at hand is in a file; returns whether the file is admitted.
    fn count(&mut self, file: FileId, count: f32) -> bool {
        let at = file.0 as usize;
        let (Some(Some(_)), Some(in_file)) = (self.lengths.get(at), self.counts.get_mut(at)) else { return false };
        if *in_file == 0.0 {
            self.found.push(file);
        }
        *in_file += count;
        true
    }

    /// Turns the counts of the word at hand into scores.
    fn settle(&mut self, weights: &Weights, weight: f32) {
        let (k, b) = (weights.saturation, weights.file_length);
        for file in self.found.drain(..) {
            let at = file.0 as usize;
            let (Some(count), Some(score), Some(Some(length))) =
                (self.counts.get_mut(at), self.scores.get_mut(at), self.lengths.get(at))
            else {
                continue;
            };
            let count = std::mem::take(count) / (1.0 - b + b * length / self.average);
            *score += weight * count * (k + 1.0) / (count + k);
        }
    }
}

/// Returns how telling a word is that is in `found` of `all`.
fn rarity(found: usize, all: usize) -> f32 {
    let (found, all) = (found.min(all) as f32, all as f32);
    (1.0 + (all - found + 0.5) / (found + 0.5)).ln()
}

/// Returns how surely the query names each file, from 0 to 1.
fn mentioned(view: &View, query: &Query) -> HashMap<FileId, f32> {
    let mut mentioned: HashMap<FileId, f32> = HashMap::new();
    for mention in &query.mentions {
        let mut best = 0;
        let mut named = Vec::new();
        for file in view.files() {
            let length = common(view.path(*file), mention);
            if length > best {
                (best, named) = (length, Vec::new());
            }
            if length == best && best > 0 {
                named.push(*file);
            }
        }
        for file in &named {
            let sure = 1.0 / named.len() as f32;
            let score = mentioned.entry(*file).or_default();
            *score = score.max(sure);
        }
    }
    mentioned
}

/// Returns how many parts at the end of a path are also in a mention, one after the other; what follows them in the
/// mention is a name in the file. One part is too few, unless it is the whole mention.
fn common(path: &str, mention: &[String]) -> usize {
    let whole: Vec<&str> = path.split('/').collect();
    let Some((name, folders)) = whole.split_last() else { return 0 };
    let stem = name.rsplit_once('.').map_or(*name, |(stem, _)| stem);
    let (last, folders) = match folders.split_last() {
        Some((folder, above)) if stem == "__init__" => (*folder, above),
        _ => (stem, folders),
    };
    let ends = mention.iter().enumerate().filter(|(_, part)| *part == last || *part == name);
    let lengths = ends.map(|(at, part)| {
        let before = mention.get(..at).unwrap_or_default().iter().rev();
        let length = 1 + before.zip(folders.iter().rev()).take_while(|(part, folder)| part == folder).count();
        if length > 1 || (mention.len() == 1 && part == name) { length } else { 0 }
    });
    lengths.max().unwrap_or_default()
}

/// Returns whether a file is beside the code proper.
fn is_aside(path: &str) -> bool {
    const FOLDERS: [&str; 14] = [
        "doc",
        "docs",
        "example",
        "examples",
        "benchmark",
        "benchmarks",
        "asv_bench",
        "script",
        "scripts",
        "tools",
        "demo",
        "tutorials",
        "galleries",
        "release",
    ];
    let first = path.split('/').next().unwrap_or_default();
    FOLDERS.contains(&first) || matches!(path, "setup.py" | "conftest.py" | "versioneer.py")
}
