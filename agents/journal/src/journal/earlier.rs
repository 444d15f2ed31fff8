//! Run folders of versions that kept no journal.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::de::DeserializeOwned;

use crate::files::{file_name, read_text};
use crate::journal::entry::{Ended, Entry, Failed, Judged, Line};
use crate::predictions::{Lines, PREDICTIONS};

/// Returns what the files of a run say, as a journal would. What is damaged is left out, as it was then.
pub(crate) fn lines(run: &Path) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(run).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let entries = of_cell(&entry.path())?;
        lines.extend(entries.into_iter().map(|entry| Line { at: 0.0, cell: name.clone(), entry }));
    }
    Ok(lines)
}

fn of_cell(cell: &Path) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let asked = cell.join("asked.json");
    if let Some(text) = read_text(&asked)? {
        // What a rate is of must not be guessed.
        let instance_ids = serde_json::from_str(&text).with_context(|| format!("`{}` is damaged", asked.display()))?;
        entries.push(Entry::Asked { sample: 0, instance_ids });
    }
    let predictions = cell.join(PREDICTIONS);
    if predictions.is_file() {
        for prediction in Lines::open(&predictions)?.torn() {
            match prediction {
                Ok(prediction) => entries.push(Entry::Predicted { sample: 0, prediction }),
                Err(err) => tracing::warn!("`{}`: {err:#}; it is skipped", predictions.display()),
            }
        }
    }
    // An id that no folder can have as its name is known from the predictions.
    let ids: HashMap<String, String> = entries.iter().flat_map(ids).map(|id| (file_name(&id), id)).collect();
    for folder in fs::read_dir(cell).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        let (path, name) = (folder.path(), folder.file_name().to_string_lossy().into_owned());
        let instance_id = ids.get(&name).cloned().unwrap_or(name);
        if let Some(ended) = parse::<Ended>(&path.join("ended.json")) {
            entries.push(Entry::Ended { instance_id: instance_id.clone(), sample: 0, ended });
        }
        if let Some(failed) = parse::<Failed>(&path.join("failed.json")) {
            entries.push(Entry::Failed { instance_id: instance_id.clone(), sample: 0, failed });
        }
        if let Some(judged) = parse::<Judged>(&path.join("judged.json")) {
            entries.push(Entry::Judged { instance_id, sample: 0, judged });
        }
    }
    Ok(entries)
}

fn ids(entry: &Entry) -> Vec<String> {
    match entry {
        Entry::Asked { instance_ids, .. } => instance_ids.clone(),
        Entry::Predicted { prediction, .. } => vec![prediction.instance_id.clone()],
        _ => Vec::new(),
    }
}

fn parse<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_str(&read_text(path).ok()??).ok()
}
