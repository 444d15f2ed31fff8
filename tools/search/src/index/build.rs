//! Makes packs of the parts of files that no pack has yet.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use tantivy::directory::RamDirectory;

use crate::cut::key::Key;
use crate::cut::notebook;
use crate::cut::parse::FileParser;
use crate::cut::part::parts;
use crate::error::SearchError;
use crate::index::manifest::Keyed;
use crate::index::pack::{Pack, PackWriter};
use crate::index::schema::Fields;
use crate::index::tree::{Candidate, Limits, Skipped, read};

/// Fewer bytes than this are not worth a thread of their own.
const SHARE: u64 = 512 << 10;
/// More threads than this make more packs than a query likes.
const THREADS: usize = 8;
/// Stack of a thread; the grammars' own recursion is bounded.
const STACK: usize = 8 << 20;

/// What became of some files.
#[derive(Default)]
pub(crate) struct Built {
    /// Every file that is text of a person.
    pub(crate) files: Vec<Keyed>,
    /// The packs of the parts that were new.
    pub(crate) packs: Vec<(Arc<Pack>, RamDirectory)>,
}

/// A part that no pack has yet.
struct New {
    path: Arc<str>,
    key: Key,
    prefix: String,
    text: String,
}

/// Reads files and indexes the parts that are not known. The same new parts always make the same packs.
pub(crate) fn build(
    root: &Path,
    mut candidates: Vec<Candidate>,
    fields: &Fields,
    is_known: impl Fn(&Key) -> bool + Sync,
    limits: Limits,
    skipped: &mut Skipped,
) -> Result<Built, SearchError> {
    candidates.sort_by(|a, b| a.path.cmp(&b.path));
    let (mut built, mut new) = (Built::default(), Vec::new());
    let reads = parallel(shares(candidates, Candidate::size), |share| Ok(read_all(root, share, &is_known, limits)))?;
    for (files, unknown, left_out) in reads {
        built.files.extend(files);
        new.extend(unknown);
        skipped.add(left_out);
    }
    let packs = parallel(shares(new, |new| new.text.len() as u64), |share| index(share, fields))?;
    built.packs = packs.into_iter().flatten().map(|(pack, directory)| (Arc::new(pack), directory)).collect();
    Ok(built)
}

/// Cuts a list into shares of about the same size, one for each thread that is worth it.
fn shares<T>(items: Vec<T>, size: impl Fn(&T) -> u64) -> Vec<Vec<T>> {
    let cores = thread::available_parallelism().map_or(1, usize::from).min(THREADS) as u64;
    let all: u64 = items.iter().map(&size).sum();
    let each = all.div_ceil(all.div_ceil(SHARE).clamp(1, cores)).max(1);
    let (mut shares, mut share, mut done) = (Vec::new(), Vec::new(), 0);
    for item in items {
        done += size(&item);
        share.push(item);
        if done >= each {
            shares.push(std::mem::take(&mut share));
            done = 0;
        }
    }
    if !share.is_empty() {
        shares.push(share);
    }
    shares
}

/// Does the work on each share, the first one here and the others beside it.
fn parallel<T: Send, R: Send>(
    shares: Vec<T>,
    work: impl Fn(T) -> Result<R, SearchError> + Sync,
) -> Result<Vec<R>, SearchError> {
    thread::scope(|scope| {
        let mut shares = shares.into_iter();
        let (first, work) = (shares.next(), &work);
        let start = |share| thread::Builder::new().stack_size(STACK).spawn_scoped(scope, move || work(share));
        let others = shares.map(start).collect::<Result<Vec<_>, _>>()?;
        let mut done: Vec<Result<R, SearchError>> = first.map(work).into_iter().collect();
        let panicked = |_| Err(SearchError::Tree("a thread has panicked".to_owned()));
        done.extend(others.into_iter().map(|other| other.join().unwrap_or_else(panicked)));
        done.into_iter().collect()
    })
}

type Read = (Vec<Keyed>, Vec<New>, Skipped);

fn read_all(root: &Path, share: Vec<Candidate>, is_known: impl Fn(&Key) -> bool, limits: Limits) -> Read {
    let (mut files, mut new, mut skipped) = (Vec::new(), Vec::new(), Skipped::default());
    for candidate in share {
        let (path, stamp) = (candidate.path.clone(), candidate.stamp);
        let Some(bytes) = read(root, candidate, limits, &mut skipped) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let text = notebook::code(&path, &text);
        let parts = parts(&path, &text);
        let keys = parts.iter().map(|part| part.key).collect();
        let name: Arc<str> = Arc::from(path.as_str());
        new.extend(parts.into_iter().filter(|part| !is_known(&part.key)).map(|part| New {
            path: name.clone(),
            key: part.key,
            prefix: part.prefix,
            text: part.text.to_owned(),
        }));
        files.push(Keyed { path, stamp, keys });
    }
    (files, new, skipped)
}

fn index(share: Vec<New>, fields: &Fields) -> Result<Option<(Pack, RamDirectory)>, SearchError> {
    let bytes: usize = share.iter().map(|new| new.text.len()).sum();
    let mut parser = FileParser::new(&fields.grammars);
    let mut writer = PackWriter::new(fields, bytes)?;
    for New { path, key, prefix, text } in share {
        // The path is part of the file's first span alone.
        let head = prefix.is_empty().then_some(&*path);
        let source = prefix + &text;
        let parsed = parser.parse(&path, &source, source.len() - text.len());
        writer.add(key, head, &source, &text, &parsed)?;
    }
    writer.finish()
}
