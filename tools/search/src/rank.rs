//! The ranking: BM25 over the fields of spans, and over files as the sum of their spans.
//!
//! The numbers that BM25 needs, such as in how many files a word is, are those of the tree alone and not of all that
//! the packs hold: the postings of a word are read anyway, and what is not part of the tree is passed over.

use std::collections::HashMap;

use crate::error::SearchError;
use crate::query::Query;
use crate::schema::RANKED;
use crate::view::{DocId, FileId, View};
use crate::weights::Weights;

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
    layers: Vec<LayerScores>,
    files: usize,
    spans: usize,
    /// Words of an average span by field, and of an average file.
    span_average: [f32; RANKED],
    file_average: f32,
}

struct LayerScores {
    admitted: Vec<bool>,
    /// Words of each file, weighted by field.
    lengths: Vec<f32>,
    files: Vec<f32>,
    spans: Vec<f32>,
    /// What the word at hand has in each document and file, and which these are.
    doc_counts: Vec<f32>,
    file_counts: Vec<f32>,
    docs: Vec<u32>,
    units: Vec<u32>,
}

impl<'a> Scorer<'a> {
    fn new(view: &'a View, weights: &'a Weights, admitted: impl Fn(FileId) -> bool) -> Self {
        let (mut layers, mut files, mut spans) = (Vec::new(), 0, 0);
        let (mut words, mut weighted) = ([0.0; RANKED], 0.0);
        for (number, layer) in (0..).zip(view.layers()) {
            let units = layer.pack.units.len();
            let (mut mask, mut lengths) = (vec![false; units], vec![0.0; units]);
            for (unit, (mask, length)) in (0..).zip(mask.iter_mut().zip(&mut lengths)) {
                let live = layer.live.get(unit as usize).copied().unwrap_or_default();
                *mask = live && admitted(FileId { layer: number, unit });
                if *mask {
                    let fields = layer.pack.lengths(unit as usize);
                    *length = fields.iter().zip(&weights.fields).map(|(count, weight)| *count as f32 * weight).sum();
                    files += 1;
                    spans += layer.pack.docs(unit as usize).len();
                    words.iter_mut().zip(fields).for_each(|(sum, count)| *sum += count as f32);
                    weighted += *length;
                }
            }
            layers.push(LayerScores::new(mask, lengths, layer.pack.doc_count()));
        }
        let span_average = words.map(|sum| (sum / spans.max(1) as f32).max(1.0));
        let file_average = (weighted / files.max(1) as f32).max(1.0);
        Self { view, weights, layers, files, spans, span_average, file_average }
    }

    /// Adds what a word of the query gives to spans and files.
    fn word(&mut self, word: &str, weight: f32) -> Result<(), SearchError> {
        let (mut in_spans, mut in_files) = (0, 0);
        for (layer, scores) in self.view.layers().iter().zip(&mut self.layers) {
            for field in 0..RANKED {
                let (Some(field_weight), Some(average)) =
                    (self.weights.fields.get(field), self.span_average.get(field))
                else {
                    continue;
                };
                let b = self.weights.span_length;
                layer.pack.postings(field, word, |doc, count, length| {
                    let count = field_weight * count as f32;
                    let share = count / (1.0 - b + b * length as f32 / average);
                    scores.count(doc, layer.pack.unit_of(doc), share, count);
                })?;
            }
            in_spans += scores.docs.len();
            in_files += scores.units.len();
        }
        let span_weight = weight * rarity(in_spans, self.spans);
        let file_weight = weight * rarity(in_files, self.files);
        for scores in &mut self.layers {
            scores.settle(self.weights, span_weight, file_weight, self.file_average);
        }
        Ok(())
    }

    /// Adds what a name of the query gives to the files and spans that define it.
    fn definition(&mut self, name: &str, weight: f32) -> Result<(), SearchError> {
        let mut docs = self.view.symbol(&format!("c:{name}"))?;
        docs.extend(self.view.symbol(&format!("f:{name}"))?);
        let mut seen = Vec::new();
        let worth = self.weights.definition * weight * rarity(docs.len(), self.spans);
        for doc in docs {
            let (Some(file), Some(scores)) = (self.view.file_of(doc), self.layers.get_mut(doc.layer as usize)) else {
                continue;
            };
            if !scores.admitted.get(file.unit as usize).copied().unwrap_or_default() {
                continue;
            }
            scores.spans.get_mut(doc.doc as usize).into_iter().for_each(|score| *score += worth);
            if !seen.contains(&file) {
                seen.push(file);
                scores.files.get_mut(file.unit as usize).into_iter().for_each(|score| *score += worth);
            }
        }
        Ok(())
    }

    /// Returns the scores of files, the best span of each counted in.
    fn finish(self) -> Ranking {
        let mut files = Vec::new();
        for (number, (layer, scores)) in (0..).zip(self.view.layers().iter().zip(&self.layers)) {
            for (unit, score) in (0..).zip(&scores.files) {
                if *score > 0.0 {
                    let docs = layer.pack.docs(unit as usize);
                    let spans = scores.spans.get(docs.start as usize..docs.end as usize).unwrap_or_default();
                    let best = spans.iter().copied().fold(0.0, f32::max);
                    files.push((FileId { layer: number, unit }, score + self.weights.best_span * best));
                }
            }
        }
        Ranking { files, spans: self.layers.into_iter().map(|scores| scores.spans).collect() }
    }
}

impl LayerScores {
    fn new(admitted: Vec<bool>, lengths: Vec<f32>, docs: usize) -> Self {
        let units = admitted.len();
        Self {
            admitted,
            lengths,
            files: vec![0.0; units],
            spans: vec![0.0; docs],
            doc_counts: vec![0.0; docs],
            file_counts: vec![0.0; units],
            docs: Vec::new(),
            units: Vec::new(),
        }
    }

    /// Notes that the word at hand is in a document.
    fn count(&mut self, doc: u32, unit: usize, share: f32, count: f32) {
        if !self.admitted.get(unit).copied().unwrap_or_default() {
            return;
        }
        let (Some(in_doc), Some(in_file)) = (self.doc_counts.get_mut(doc as usize), self.file_counts.get_mut(unit))
        else {
            return;
        };
        if *in_doc == 0.0 {
            self.docs.push(doc);
        }
        if *in_file == 0.0 {
            self.units.push(u32::try_from(unit).unwrap_or(u32::MAX));
        }
        *in_doc += share;
        *in_file += count;
    }

    /// Turns the counts of the word at hand into scores.
    fn settle(&mut self, weights: &Weights, span_weight: f32, file_weight: f32, average: f32) {
        let k = weights.saturation;
        for doc in self.docs.drain(..) {
            let (Some(count), Some(score)) = (self.doc_counts.get_mut(doc as usize), self.spans.get_mut(doc as usize))
            else {
                continue;
            };
            let count = std::mem::take(count);
            *score += span_weight * count * (k + 1.0) / (count + k);
        }
        for unit in self.units.drain(..) {
            let at = unit as usize;
            let (Some(count), Some(score), Some(length)) =
                (self.file_counts.get_mut(at), self.files.get_mut(at), self.lengths.get(at))
            else {
                continue;
            };
            let b = weights.file_length;
            let count = std::mem::take(count) / (1.0 - b + b * length / average);
            *score += file_weight * count * (k + 1.0) / (count + k);
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
