//! Makes packs of the files that no pack has yet.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tantivy::directory::RamDirectory;

use crate::error::SearchError;
use crate::key::Key;
use crate::pack::{Pack, PackWriter};
use crate::parse::{FileParser, Grammars};
use crate::schema::Fields;
use crate::tree::{Candidate, Limits, Skipped, Stamp, read};

/// Fewer files than this are not worth a thread of their own.
const SHARE: usize = 200;
/// More threads than this make more packs than a query likes.
const THREADS: usize = 8;
/// Stack of a thread; the grammars' own recursion is bounded.
const STACK: usize = 8 << 20;

/// What became of some files.
#[derive(Default)]
pub(crate) struct Built {
    /// Every file that is text of a person: its path, stamp and key.
    pub(crate) files: Vec<(String, Stamp, Key)>,
    /// The packs of those that were new.
    pub(crate) packs: Vec<(Arc<Pack>, RamDirectory)>,
}

/// Reads files and indexes those whose key is not among the known ones.
pub(crate) fn build(
    root: &Path,
    candidates: Vec<Candidate>,
    fields: &Fields,
    known: &HashSet<Key>,
    limits: Limits,
    skipped: &mut Skipped,
) -> Result<Built, SearchError> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let threads = candidates.len().div_ceil(SHARE).clamp(1, cores);
    let many = candidates.len() > SHARE / 4;
    let (candidates, next) = (Shared::new(candidates), AtomicUsize::new(0));
    let job = || work(root, &candidates, &next, PackWriter::new(fields, many)?, &fields.grammars, known, limits);
    let parts: Vec<Result<_, SearchError>> = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, job);
        let others: Vec<_> = (1..threads).map(spawn).collect();
        let mut parts = vec![job()];
        for other in others {
            // A thread that did not start leaves its files to the others.
            let Ok(other) = other else { continue };
            parts.push(other.join().unwrap_or_else(|_| Err(SearchError::Tree("a thread has panicked".to_owned()))));
        }
        parts
    });
    let mut built = Built::default();
    for part in parts {
        let (files, pack, left_out) = part?;
        built.files.extend(files);
        built.packs.extend(pack.map(|(pack, directory)| (Arc::new(pack), directory)));
        left_out.counts.iter().for_each(|(skip, count)| *skipped.counts.entry(*skip).or_default() += count);
        skipped.unreadable.extend(left_out.unreadable);
    }
    Ok(built)
}

/// Candidates that each thread takes one by one.
struct Shared(Vec<std::sync::Mutex<Option<Candidate>>>);

impl Shared {
    fn new(candidates: Vec<Candidate>) -> Self {
        Self(candidates.into_iter().map(|candidate| std::sync::Mutex::new(Some(candidate))).collect())
    }

    fn take(&self, next: &AtomicUsize) -> Option<Candidate> {
        let slot = self.0.get(next.fetch_add(1, Ordering::Relaxed))?;
        slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }
}

type Part = (Vec<(String, Stamp, Key)>, Option<(Pack, RamDirectory)>, Skipped);

fn work(
    root: &Path,
    candidates: &Shared,
    next: &AtomicUsize,
    mut writer: PackWriter<'_>,
    grammars: &Grammars,
    known: &HashSet<Key>,
    limits: Limits,
) -> Result<Part, SearchError> {
    let (mut parser, mut files, mut skipped) = (FileParser::new(grammars), Vec::new(), Skipped::default());
    while let Some(candidate) = candidates.take(next) {
        let (path, stamp) = (candidate.path.clone(), candidate.stamp);
        let Some(bytes) = read(root, candidate, limits, &mut skipped) else { continue };
        let key = Key::of(&path, &bytes);
        if !known.contains(&key) {
            let text = String::from_utf8_lossy(&bytes);
            writer.add(key, &path, &text, &parser.parse(&path, &text))?;
        }
        files.push((path, stamp, key));
    }
    Ok((files, writer.finish()?, skipped))
}
