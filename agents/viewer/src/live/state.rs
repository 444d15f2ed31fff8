//! What is known of the runs at the moment.

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use journal::{Run, read_text};
use memchr::memmem::Finder;
use rayon::prelude::*;
use serde_json::{Value, json};

use super::http::Request;
use crate::gather::{FILES, Gathered, Item, Row, Settings, Source};
use crate::why;

/// For so long, what was read is taken to be as it is.
const FRESH: Duration = Duration::from_millis(500);

/// An episode: place of the run, cell, instance, sample.
type Key = (usize, String, String, u32);

/// Number of a folder, and when it was made where that is known: a number may be given again.
type Identity = (u64, Option<SystemTime>);

/// The runs with what was last read of them.
pub(super) struct State {
    sources: Vec<Source>,
    settings: Settings,
    /// The rows, each with what tells whether it is still true.
    rows: HashMap<Key, (String, Row)>,
    /// The order of the rows.
    order: Vec<Key>,
    /// Which folders the journals of the runs are.
    journals: Vec<Option<Identity>>,
    /// When this began, and how often anything has changed since.
    begun: u128,
    changes: u64,
    read_at: Option<Instant>,
    index: Vec<u8>,
}

impl State {
    pub(super) fn new(sources: Vec<Source>, settings: Settings) -> Self {
        let begun = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let (rows, order, index) = (HashMap::new(), Vec::new(), Vec::new());
        let journals = sources.iter().map(identity).collect();
        Self { sources, settings, journals, rows, order, begun, changes: 0, read_at: None, index }
    }

    /// Returns the index, JSON; `None` where it is the one of this version.
    pub(super) fn index(&mut self, since: &str) -> anyhow::Result<Option<Vec<u8>>> {
        if self.read_at.is_none_or(|at| at.elapsed() > FRESH) {
            self.refresh()?;
            self.read_at = Some(Instant::now());
        }
        Ok((since != self.version()).then(|| self.index.clone()))
    }

    fn version(&self) -> String {
        format!("{}-{}", self.begun, self.changes)
    }

    fn refresh(&mut self) -> anyhow::Result<()> {
        for (source, journal) in self.sources.iter_mut().zip(&mut self.journals) {
            // A run that was taken away and is begun again is another one in the same place.
            let now = identity(source);
            if (now != *journal || source.run.refresh().is_err())
                && let Ok(run) = Run::open(source.run.folder())
            {
                source.run = run;
                *journal = now;
            }
        }
        let gathered = Gathered::new(&self.sources, &self.settings)?;
        let known = &self.rows;
        let read: Vec<(Key, Option<(String, Row)>)> = gathered
            .items()
            .par_iter()
            .map(|item| {
                let (key, stamp) = (key(item), stamp(&gathered, item));
                let new = known.get(&key).is_none_or(|(old, _)| *old != stamp);
                let row = new.then(|| {
                    let (mut row, files) = gathered.read(item);
                    row.files.extend(files.into_iter().map(|(name, text)| (name, json!(text.len()))));
                    row.stamp.clone_from(&stamp);
                    (stamp, row)
                });
                (key, row)
            })
            .collect();
        let order: Vec<Key> = read.iter().map(|(key, _)| key.clone()).collect();
        let changed = order != self.order || read.iter().any(|(_, row)| row.is_some()) || self.index.is_empty();
        if !changed {
            return Ok(());
        }
        let mut rows = std::mem::take(&mut self.rows);
        rows.extend(read.into_iter().filter_map(|(key, row)| Some((key, row?))));
        // Those of a run that was taken away are let go of.
        let shown: HashSet<&Key> = order.iter().collect();
        rows.retain(|key, _| shown.contains(key));
        let shown: Vec<Row> = order.iter().filter_map(|key| Some(rows.get(key)?.1.clone())).collect();
        let mut index = gathered.index(&shown)?;
        self.changes += 1;
        index["at"] = json!(format!("{}-{}", self.begun, self.changes));
        index["gold"] =
            self.settings.gold.keys().map(|id| (id.clone(), json!(true))).collect::<serde_json::Map<_, _>>().into();
        index["rules"] = json!(why::RULES);
        self.index = serde_json::to_vec(&index)?;
        (self.rows, self.order) = (rows, order);
        Ok(())
    }

    /// Returns a file of an episode.
    pub(super) fn file(&self, request: &Request) -> anyhow::Result<String> {
        let run: usize = request.field("run").parse().context("which run?")?;
        let sample: u32 = request.field("sample").parse().context("which sample?")?;
        let source = self.sources.get(run).context("there is no such run")?;
        let name = FILES.into_iter().find(|name| *name == request.field("name")).context("there is no such file")?;
        let (cell, id) = (request.field("cell"), request.field("id"));
        let episode = source.run.episode(cell, id, sample).context("there is no such episode")?;
        if name == "patch.diff" {
            return Ok(episode.prediction.map(|prediction| prediction.patch_text().to_owned()).unwrap_or_default());
        }
        Ok(read_text(&episode.folder.join(name))?.unwrap_or_default())
    }

    /// Returns what a dataset says of an instance, JSON.
    pub(super) fn gold(&self, id: &str) -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::to_vec(&self.settings.gold.get(id))?)
    }

    /// Returns what is searched in: the episodes that are shown, each with the place of its row.
    pub(super) fn search(&self) -> anyhow::Result<Search> {
        let gathered = Gathered::new(&self.sources, &self.settings)?;
        let places: HashMap<&Key, usize> = self.order.iter().enumerate().map(|(place, key)| (key, place)).collect();
        let of = |item: &Item| {
            let episode = item.episode.as_ref()?;
            let patch = episode.prediction.as_ref().map(|prediction| prediction.patch_text().to_owned());
            Some(Searched {
                row: *places.get(&key(item))?,
                folder: episode.folder.clone(),
                patch: patch.unwrap_or_default(),
            })
        };
        Ok(Search(gathered.items().iter().filter_map(of).collect()))
    }
}

/// What is searched in.
pub(super) struct Search(Vec<Searched>);

/// An episode that is searched in.
struct Searched {
    row: usize,
    folder: PathBuf,
    patch: String,
}

impl Search {
    /// Returns how often a text is in the files of each row, as the page finds it in its own blocks.
    pub(super) fn find(&self, query: &str) -> anyhow::Result<Vec<u8>> {
        let forms = forms(query);
        let found: Vec<Value> = self.0.par_iter().flat_map_iter(|searched| searched.find(&forms)).collect();
        Ok(serde_json::to_vec(&found)?)
    }
}

impl Searched {
    fn find<'a>(&'a self, forms: &'a [String]) -> impl Iterator<Item = Value> + 'a {
        let text = move |name: &str| match name {
            "patch.diff" => self.patch.clone(),
            _ => read_text(&self.folder.join(name)).ok().flatten().unwrap_or_default(),
        };
        FILES.into_iter().filter_map(move |name| {
            let (count, excerpt) = hits(&text(name), forms)?;
            Some(json!([self.row, name, count, excerpt]))
        })
    }
}

/// Returns what tells the folder of a run's journal from another one of its name.
fn identity(source: &Source) -> Option<Identity> {
    let metadata = std::fs::metadata(source.run.folder().join("journal")).ok()?;
    Some((metadata.ino(), metadata.created().ok()))
}

fn key(item: &Item) -> Key {
    (item.run, item.cell.clone(), item.instance_id.clone(), item.sample)
}

/// Returns what changes when anything comes of an episode: of its files, its scores, and whether it is asked for.
fn stamp(gathered: &Gathered<'_>, item: &Item) -> String {
    let of_file = |folder: &Path, name: &str| {
        let metadata = std::fs::metadata(folder.join(name)).ok();
        metadata.map(|metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
    };
    let files = |episode: &journal::Episode| {
        let files = FILES.map(|name| of_file(&episode.folder, name));
        (episode.came.unwrap_or_default(), files)
    };
    format!("{:?}", (item.episode.as_ref().map(files), item.asked, gathered.scores_of(item)))
}

/// Returns the forms that a text has in a record, in small letters: as it is, and as JSON writes it once and twice.
fn forms(query: &str) -> Vec<String> {
    let quoted = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap_or_default();
        quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
    };
    let once = quoted(query);
    let mut forms = vec![query.to_ascii_lowercase(), once.to_ascii_lowercase(), quoted(&once).to_ascii_lowercase()];
    forms.dedup();
    forms.retain(|form| !form.is_empty());
    forms
}

/// Returns how often any of the forms is in a text, and what is around the first of them.
fn hits(text: &str, forms: &[String]) -> Option<(usize, String)> {
    let lower = text.to_ascii_lowercase();
    let (mut count, mut first) = (0, usize::MAX);
    for form in forms {
        for at in Finder::new(form).find_iter(lower.as_bytes()) {
            (count, first) = (count + 1, first.min(at));
        }
    }
    let around = || {
        String::from_utf8_lossy(&text.as_bytes()[first.saturating_sub(40)..text.len().min(first + 120)]).into_owned()
    };
    (count > 0).then(|| (count, around().trim_matches('\u{fffd}').to_owned()))
}
