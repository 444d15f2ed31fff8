//! Which episodes are being worked on, by whom.

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::cell_dir::LEASES;
use crate::files::file_name;
use crate::journal::{Key, holder};

/// What the name of the folder of the leases of an instance's further samples ends with.
const SAMPLES: &str = ".samples";

/// An episode that a process holds the lease of.
#[derive(Debug, Clone, PartialEq)]
pub struct InFlight {
    /// The cell.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Which of the episodes of one agent on one instance, from 0.
    pub sample: u32,
    /// Name of the machine on which it is worked on.
    pub machine: String,
    /// Id of the process that works on it.
    pub process: u32,
    /// When the process took it up, in seconds since 1970; `None` where the file system does not tell.
    pub taken: Option<f64>,
}

/// Returns what of a cell is held. The names of leases are those of files, which only the episodes themselves tell the ids of.
pub(super) fn in_flight<'a>(run: &Path, cell: &str, known: impl Iterator<Item = &'a Key>) -> Vec<InFlight> {
    let folder = run.join(LEASES).join(file_name(cell));
    let mut names: Vec<(String, u32)> = Vec::new();
    for name in names_in(&folder) {
        match name.strip_suffix(SAMPLES) {
            Some(stem) => {
                let samples = names_in(&folder.join(&name)).into_iter().filter_map(|sample| sample.parse().ok());
                names.extend(samples.map(|sample| (stem.to_owned(), sample)));
            }
            None => names.push((name, 0)),
        }
    }
    if names.is_empty() {
        return Vec::new();
    }
    let ids: HashMap<(String, u32), &String> = known.map(|(id, sample)| ((file_name(id), *sample), id)).collect();
    let one = |key: (String, u32)| {
        let instance_id = (*ids.get(&key)?).clone();
        let (name, sample) = key;
        let path = match sample {
            0 => folder.join(name),
            sample => folder.join(format!("{name}{SAMPLES}")).join(sample.to_string()),
        };
        let holder = holder(&path)?;
        Some(InFlight {
            cell: cell.to_owned(),
            instance_id,
            sample,
            machine: holder.owner.host().to_owned(),
            process: holder.owner.process(),
            taken: holder.taken.and_then(since_1970),
        })
    };
    let mut found: Vec<InFlight> = names.into_iter().filter_map(one).collect();
    found.sort_by(|one, other| (&one.instance_id, one.sample).cmp(&(&other.instance_id, other.sample)));
    found
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn since_1970(time: SystemTime) -> Option<f64> {
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64())
}
