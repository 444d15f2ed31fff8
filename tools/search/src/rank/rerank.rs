//! A new order of what words found, in which the likeness of vectors has a say as well.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tool_core::{Embed, EmbedError};

use crate::cut::key::Key;
use crate::cut::span::Span;
use crate::error::SearchError;
use crate::index::code_index::CodeIndex;
use crate::index::vectors::{Vector, Vectors};
use crate::rank::request::{Found, FoundFile};

/// Of reciprocal rank fusion: the higher, the less the first ranks stand out.
const K: f64 = 60.0;
/// Failures in a row after which an episode asks no more: each may have taken the whole patience with the server.
const FAILURES: usize = 3;

/// Re-ranks what an episode finds, once it has an embedder.
#[derive(Default)]
pub(crate) struct Reranker {
    embedder: OnceLock<Arc<dyn Embed>>,
    /// Failures in a row.
    failures: AtomicUsize,
    /// Whether a failure was told of.
    told: AtomicBool,
}

/// The place of a span: a file and a span of it.
type At = (usize, usize);

impl Reranker {
    /// Sets the embedder; the first one stays.
    pub(crate) fn set(&self, embedder: Arc<dyn Embed>) {
        self.embedder.get_or_init(|| embedder);
    }

    /// Puts the `most` best spans of what was found into a new order, and their files. Without an embedder, without
    /// words, and when there are no vectors to be had, all stays as it is.
    pub(crate) async fn rerank(
        &self,
        index: &CodeIndex,
        query: &str,
        found: &mut Found,
        most: usize,
        vectors: &Vectors,
    ) -> Result<(), SearchError> {
        let query = query.trim();
        let Some(embedder) = self.embedder.get().filter(|_| !query.is_empty()) else { return Ok(()) };
        let best = best(found, most);
        if best.len() < 2 || self.failures.load(Ordering::Relaxed) >= FAILURES {
            return Ok(());
        }
        let mut texts = vec![query.to_owned()];
        texts.extend(described(index, found, &best)?);
        match likeness(embedder.as_ref(), texts, vectors).await {
            Ok(likeness) => {
                self.failures.store(0, Ordering::Relaxed);
                let order = fuse(&falling(&likeness)).into_iter().filter_map(|at| best.get(at).copied());
                reorder(found, &order.collect::<Vec<_>>());
            }
            Err(err) => self.failed(&err),
        }
        Ok(())
    }

    fn failed(&self, err: &EmbedError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!("no embeddings, so results keep their order by words: {err}");
        }
    }
}

/// Returns the best spans, best first. The best span of a file ranks as the file does, and the others as much lower as
/// they score lower: with nothing but this order, the files stay as they are.
fn best(found: &Found, most: usize) -> Vec<At> {
    let mut ranked: Vec<(At, f32)> = Vec::new();
    for (at, file) in found.files.iter().enumerate() {
        let top = file.spans.iter().map(|span| span.score).fold(0.0, f32::max);
        for (number, span) in file.spans.iter().enumerate() {
            let share = if top > 0.0 { span.score / top } else { 1.0 };
            ranked.push(((at, number), file.score * share));
        }
    }
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.into_iter().take(most).map(|(at, _)| at).collect()
}

/// Returns what is compared of each span: its path, its id, which names what it is in, and its code.
fn described(index: &CodeIndex, found: &Found, best: &[At]) -> Result<Vec<String>, SearchError> {
    let mut texts = vec![String::new(); best.len()];
    for (number, file) in found.files.iter().enumerate() {
        let mut here = best.iter().zip(&mut texts).filter(|((at, _), _)| *at == number).peekable();
        if here.peek().is_none() {
            continue;
        }
        let code = index.file(&file.path)?.map(|(_, text)| text).unwrap_or_default();
        for ((_, span), text) in here {
            *text = file.spans.get(*span).map(|found| describe(file, &found.span, &code)).unwrap_or_default();
        }
    }
    Ok(texts)
}

fn describe(file: &FoundFile, span: &Span, code: &str) -> String {
    let lines = span.lines(code).map(|(_, line)| line);
    [file.path.as_str(), &span.id].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

/// Returns how like the first text each other one is. Only those are embedded whose vector is not kept yet.
async fn likeness(embedder: &dyn Embed, texts: Vec<String>, vectors: &Vectors) -> Result<Vec<f32>, EmbedError> {
    let keys: Vec<Key> = texts.iter().map(|text| Key::of(&[embedder.name(), text])).collect();
    let mut known: Vec<Option<Vector>> = keys.iter().map(|key| vectors.get(key)).collect();
    let is_new = texts.into_iter().zip(&known).filter(|(_, vector)| vector.is_none());
    let new: Vec<String> = is_new.map(|(text, _)| text).collect();
    if !new.is_empty() {
        let embedded = embedder.embed(&new).await?;
        if embedded.len() != new.len() {
            return Err(EmbedError(format!("{} vectors for {} texts", embedded.len(), new.len())));
        }
        let places = keys.iter().zip(&mut known).filter(|(_, vector)| vector.is_none());
        for ((key, place), vector) in places.zip(embedded) {
            *place = Some(vectors.put(*key, &vector));
        }
    }
    let known: Vec<Vector> = known.into_iter().flatten().collect();
    let Some((query, spans)) = known.split_first() else { return Ok(Vec::new()) };
    if spans.iter().any(|span| span.len() != query.len()) {
        return Err(EmbedError("the vectors are not of the same length".to_owned()));
    }
    Ok(spans.iter().map(|span| span.iter().zip(&**query).map(|(a, b)| a * b).sum()).collect())
}

/// Returns the places of the numbers, that of the highest first.
fn falling(numbers: &[f32]) -> Vec<usize> {
    let mut places: Vec<(usize, f32)> = numbers.iter().copied().enumerate().collect();
    places.sort_by(|a, b| b.1.total_cmp(&a.1));
    places.into_iter().map(|(place, _)| place).collect()
}

/// Mixes two rankings: things are named by their rank in the first, and `second` lists them as the second ranks them.
/// The second decides a tie, without which it could never turn two things around.
fn fuse(second: &[usize]) -> Vec<usize> {
    let worth = |rank: usize| 1.0 / (K + 1.0 + rank as f64);
    let mut mixed: Vec<(usize, f64)> =
        second.iter().enumerate().map(|(rank, first)| (*first, worth(*first) + worth(rank))).collect();
    mixed.sort_by(|a, b| b.1.total_cmp(&a.1));
    mixed.into_iter().map(|(first, _)| first).collect()
}

/// Puts spans into an order, and files into that of their first spans. What is not named stays in its place.
fn reorder(found: &mut Found, order: &[At]) {
    let mut files: Vec<usize> = Vec::new();
    for (file, _) in order {
        if !files.contains(file) {
            files.push(*file);
        }
    }
    for (number, file) in found.files.iter_mut().enumerate() {
        let spans: Vec<usize> = order.iter().filter(|(at, _)| *at == number).map(|(_, span)| *span).collect();
        permute(&mut file.spans, &spans);
    }
    permute(&mut found.files, &files);
}

/// Puts the items at some places into the order in which these places are given.
fn permute<T: Clone>(items: &mut [T], order: &[usize]) {
    let moved: Vec<T> = order.iter().filter_map(|at| items.get(*at).cloned()).collect();
    let mut places = order.to_vec();
    places.sort_unstable();
    for (place, item) in places.into_iter().zip(moved) {
        if let Some(old) = items.get_mut(place) {
            *old = item;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rankings_have_a_say() {
        // What both agree on stays, as it does where the vectors make no difference.
        assert_eq!(fuse(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(fuse(&falling(&[0.5, 0.5, 0.5])), [0, 1, 2]);
        // First by words and last by vectors is worth as much as the other way round: the vectors decide.
        assert_eq!(fuse(&[1, 0]), [1, 0]);
        assert_eq!(fuse(&[2, 1, 0]), [2, 0, 1]);
        // Second by words and first by vectors is better than first and last.
        assert_eq!(fuse(&falling(&[0.1, 0.9, 0.5])), [1, 0, 2]);
        // Far behind by words, the first by vectors comes forward, but not before what is good by both.
        let second: Vec<usize> = [49, 0, 1].into_iter().chain(2..49).collect();
        assert_eq!(fuse(&second)[..3], [0, 1, 2]);
        assert_eq!(fuse(&second).iter().position(|first| *first == 49), Some(17));
        assert!(fuse(&[]).is_empty());
    }

    #[test]
    fn what_is_not_named_stays_in_its_place() {
        let mut items = ["a", "b", "c", "d", "e"];
        permute(&mut items, &[4, 0, 2]);
        assert_eq!(items, ["e", "b", "a", "d", "c"]);
        permute(&mut items, &[]);
        assert_eq!(items, ["e", "b", "a", "d", "c"]);
    }
}
