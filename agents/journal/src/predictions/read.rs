//! Predictions from a file or from the folder of a run.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::file::{Lines, of_file};
use super::prediction::PREDICTIONS;
use super::prediction::Prediction;
use crate::folder::Run;
use crate::journal::FOLDER;

/// The predictions of a file, and remarks for the user.
#[derive(Debug)]
pub struct Predictions {
    /// The predictions, one at most for an instance by a model.
    pub predictions: Vec<Prediction>,
    /// Remarks on rows that are damaged or occur twice.
    pub remarks: Vec<String>,
}

/// How many ids with two patches are listed.
const LISTED: usize = 10;

/// Reads predictions from a file of any of the known forms, or from the folder of a run.
///
/// The forms are told apart by what is in the file: a list, an object keyed by instance id, or one object a line. A
/// line may be one of OpenHands' `output.jsonl`. Of a large line only the prediction is kept.
pub fn read_predictions(path: &Path) -> anyhow::Result<Predictions> {
    let read = || -> anyhow::Result<Predictions> {
        let numbered = if path.is_dir() { of_folder(path)? } else { of_file(path)? };
        if numbered.is_empty() {
            bail!("it holds none");
        }
        without_doubles(numbered)
    };
    read().with_context(|| format!("predictions `{}`", path.display()))
}

/// Returns the predictions of a run or of a cell of one, by its journal; without one, by the file that a folder has.
fn of_folder(folder: &Path) -> anyhow::Result<Vec<(usize, Prediction)>> {
    let is_run = |path: &Path| path.join(FOLDER).is_dir();
    if is_run(folder) {
        return of_cells(folder, folder, None);
    }
    let absolute = folder.canonicalize().with_context(|| format!("cannot read `{}`", folder.display()))?;
    if let (Some(run), Some(cell)) = (absolute.parent().filter(|run| is_run(run)), absolute.file_name()) {
        return of_cells(folder, run, Some(&cell.to_string_lossy()));
    }
    let file = in_folder(folder)?;
    // The run may have been killed.
    Lines::open(&file)?.torn().numbered().collect()
}

/// Returns the predictions of the only cell that has any, or of the one that is named.
fn of_cells(folder: &Path, run: &Path, cell: Option<&str>) -> anyhow::Result<Vec<(usize, Prediction)>> {
    let run = Run::open(run)?;
    let names = run.cells().into_iter().filter(|name| cell.is_none_or(|cell| cell == name));
    let predictions = |name: String| -> Vec<Prediction> {
        run.episodes(&name).into_iter().filter_map(|episode| episode.prediction).collect()
    };
    let mut cells: Vec<Vec<Prediction>> = names.map(predictions).filter(|found| !found.is_empty()).collect();
    match cells.len() {
        0 => Ok(Vec::new()),
        1 => Ok((1..).zip(cells.remove(0)).collect()),
        count => {
            bail!("`{}` has {count} cells with predictions\nhint: name the folder of one of them", folder.display())
        }
    }
}

/// Returns the file of predictions in a folder: the only one below it where the folder has several levels.
fn in_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let own = folder.join(PREDICTIONS);
    if own.is_file() {
        return Ok(own);
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join(PREDICTIONS)).collect();
    below.retain(|path| path.is_file());
    match below.as_slice() {
        [only] => Ok(only.clone()),
        [] => bail!("`{}` is not a run folder: it has no `{PREDICTIONS}`", folder.display()),
        _ => bail!(
            "`{}` has {} cells with predictions\nhint: name the folder of one of them",
            folder.display(),
            below.len()
        ),
    }
}

/// Returns the predictions without those that are there more than once, which must be equal.
fn without_doubles(numbered: Vec<(usize, Prediction)>) -> anyhow::Result<Predictions> {
    let mut seen: HashMap<(String, String), usize> = HashMap::with_capacity(numbered.len());
    let mut kept: Vec<(usize, Prediction)> = Vec::with_capacity(numbered.len());
    let (mut remarks, mut different) = (Vec::new(), Vec::new());
    for (line, prediction) in numbered {
        let key = (prediction.instance_id.to_lowercase(), prediction.model_name_or_path.clone());
        if let Some((first, former)) = seen.get(&key).and_then(|index| kept.get(*index)) {
            let Prediction { instance_id, model_name_or_path, .. } = former;
            let of = format!("`{instance_id}` by `{model_name_or_path}`");
            match former.is_same(&prediction) {
                true => remarks.push(format!("line {line}: the same prediction for {of} as in line {first}")),
                false => different.push(format!("  {of}: lines {first} and {line}")),
            }
            continue;
        }
        if prediction.spoiled {
            remarks.push(format!(
                "line {line}: the patch for `{}` contains a lone surrogate or bytes that are not text, and counts as \
                a patch that does not apply",
                prediction.instance_id
            ));
        }
        seen.insert(key, kept.len());
        kept.push((line, prediction));
    }
    if different.is_empty() {
        return Ok(Predictions { predictions: kept.into_iter().map(|(_, prediction)| prediction).collect(), remarks });
    }
    let more = different.len().saturating_sub(LISTED);
    different.truncate(LISTED);
    if more > 0 {
        different.push(format!("  and {more} more"));
    }
    let listed = different.join("\n");
    bail!("two predictions that differ for one instance\n{listed}\nhint: keep one of each in the file")
}

#[cfg(test)]
mod tests;
