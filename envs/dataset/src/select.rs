//! Part of a dataset's instances.

use std::collections::HashSet;
use std::path::Path;

use env_core::{EnvError, Instance, find_instance};
use regex::RegexBuilder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::DatasetError;

/// Part of a dataset's instances: the named ones, of those the matching ones, shuffled, of those a slice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Ids, in any case; empty takes all.
    pub ids: Vec<String>,
    /// Regular expression that an id must match somewhere, in any case.
    pub filter: Option<String>,
    /// Seed of a shuffled order, which is the same on any machine and for any order of the dataset.
    pub shuffle: Option<u64>,
    /// `<from>:<to>`, each optional, counted from 0; negative counts from the end.
    pub slice: Option<String>,
}

/// Returns the places of the instances that `selection` picks: named ones in the order of the names, else in the
/// dataset's.
///
/// # Errors
/// [`DatasetError::Selection`] for an unknown id, with the nearest one, for an expression or slice that does not parse,
/// and when nothing is selected.
pub fn select(instances: &[Instance], selection: &Selection) -> Result<Vec<usize>, DatasetError> {
    let mut picked: Vec<(usize, &Instance)> = if selection.ids.is_empty() {
        instances.iter().enumerate().collect()
    } else {
        let mut seen = HashSet::new();
        let found = selection.ids.iter().map(|id| find_instance(instances, id.trim()));
        let found: Result<Vec<_>, EnvError> = found.collect();
        let found = found.map_err(|err| DatasetError::Selection(err.to_string()))?;
        let place = |instance: &&Instance| instances.iter().position(|one| std::ptr::eq(one, *instance));
        let found = found.into_iter().filter(|instance| seen.insert(&instance.instance_id));
        found.filter_map(|instance| Some((place(&instance)?, instance))).collect()
    };
    if let Some(filter) = &selection.filter {
        let expression = RegexBuilder::new(filter)
            .case_insensitive(true)
            .build()
            .map_err(|err| DatasetError::Selection(format!("`{filter}` is not a regular expression: {err}")))?;
        picked.retain(|(_, instance)| expression.is_match(&instance.instance_id));
    }
    if let Some(seed) = selection.shuffle {
        picked.sort_by_cached_key(|(_, instance)| Sha256::digest(format!("{seed} {}", instance.instance_id)));
    }
    if let Some(slice) = &selection.slice {
        let (from, to) = range(slice, picked.len())?;
        picked = picked.into_iter().take(to).skip(from).collect();
    }
    if picked.is_empty() {
        let of = instances.len();
        let filter = selection.filter.as_ref().map(|filter| format!(" filter `{filter}`")).unwrap_or_default();
        let slice = selection.slice.as_ref().map(|slice| format!(" slice `{slice}`")).unwrap_or_default();
        return Err(DatasetError::Selection(format!("none of {of} instances is selected by{filter}{slice}")));
    }
    Ok(picked.into_iter().map(|(place, _)| place).collect())
}

/// Reads ids from a file: a JSON list, or one a line, where blank lines and what follows `#` do not count.
///
/// # Errors
/// [`DatasetError::Io`], or [`DatasetError::Malformed`] when there is none.
pub fn read_ids(path: &Path) -> Result<Vec<String>, DatasetError> {
    let text = std::fs::read_to_string(path).map_err(|source| DatasetError::Io { path: path.to_owned(), source })?;
    let malformed = |reason: String| DatasetError::Malformed { place: format!("`{}`", path.display()), reason };
    let text = text.trim_start_matches('\u{feff}').trim();
    let ids: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text).map_err(|err| malformed(format!("is not a JSON list of ids: {err}")))?
    } else {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    if ids.is_empty() { Err(malformed("holds no ids".to_owned())) } else { Ok(ids) }
}

/// Parses a slice of `length` things into its first index and the one after its last.
fn range(slice: &str, length: usize) -> Result<(usize, usize), DatasetError> {
    let wrong =
        || DatasetError::Selection(format!("`{slice}` is not a slice\nhint: write `<from>:<to>`, such as `:10`"));
    let (from, to) = slice.split_once(':').ok_or_else(wrong)?;
    let index = |text: &str, absent: usize| match text.trim() {
        "" => Ok(absent),
        text => {
            let number: i64 = text.parse().map_err(|_| wrong())?;
            let distance = usize::try_from(number.unsigned_abs()).map_err(|_| wrong())?;
            Ok(if number < 0 { length.saturating_sub(distance) } else { distance.min(length) })
        }
    };
    Ok((index(from, 0)?, index(to, length)?))
}
