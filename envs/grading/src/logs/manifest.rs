//! What is known of saved logs: one JSON object a line.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use env_core::Dialect;
use serde::Deserialize;

use super::lines::open_lines;

/// What is known of one saved log. Other keys are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// Path of the log in its folder or archive.
    pub log: String,
    /// The instance that it is of.
    pub instance_id: String,
    /// `<owner>/<repo>`; where it is missing, a dataset must hold the instance.
    #[serde(default)]
    pub repo: Option<String>,
    /// The harness that wrote the log, where the manifest says so.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// The official verdict, where it is known.
    #[serde(default)]
    pub resolved: Option<bool>,
}

/// Reads a manifest, which may be compressed by zstd.
///
/// # Errors
/// Names the line that is no such object, or that names a log a second time.
pub fn read_manifest(path: &Path) -> anyhow::Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (number, line) in (1..).zip(open_lines(path)?.lines()) {
        let place = || format!("manifest `{}`, line {number}", path.display());
        let line = line.with_context(place)?;
        if line.trim().is_empty() {
            continue;
        }
        let record: Record = serde_json::from_str(&line).with_context(place)?;
        if let Some(first) = seen.insert(record.log.clone(), number) {
            bail!("{}: `{}` is named in line {first} already", place(), record.log);
        }
        records.push(record);
    }
    if records.is_empty() {
        bail!("manifest `{}`: it names no log", path.display());
    }
    Ok(records)
}

/// Returns records of the logs below a folder without a manifest, by the names that the official harness gives them:
/// `<instance_id>/test_output.txt`, and before that `<instance_id>.log`.
pub fn records_below(folder: &Path) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        // Joining an empty path would leave a slash at the end.
        let path = if below.as_os_str().is_empty() { folder.to_owned() } else { folder.join(&below) };
        let entries = std::fs::read_dir(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read `{}`", path.display()))?;
            let inside = below.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(inside);
            } else if let (Some(id), Some(log)) = (instance_of(&inside), inside.to_str()) {
                let log = log.to_owned();
                records.push(Record { log, instance_id: id, repo: None, dialect: None, resolved: None });
            }
        }
    }
    if records.is_empty() {
        bail!(
            "`{}` holds no `<instance_id>/test_output.txt` and no `<instance_id>.log`\nhint: `--manifest FILE` says \
             which log is of which instance",
            folder.display()
        );
    }
    records.sort_by(|one, other| one.log.cmp(&other.log));
    Ok(records)
}

/// Returns the instance that a log is of by its name.
pub fn instance_of(log: &Path) -> Option<String> {
    let name = log.file_name()?.to_str()?;
    let id = if name == "test_output.txt" {
        log.parent()?.file_name()?.to_str()?
    } else {
        // Some name the model after the id.
        name.strip_suffix(".log")?.split('.').next()?
    };
    id.contains("__").then(|| id.to_owned())
}
