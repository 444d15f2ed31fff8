//! Which files of a dataset hold which split.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The data files of a dataset: `data/test-00000-of-00001.parquet`, `train.jsonl` and the like.
pub(crate) struct Shards(Vec<String>);

impl Shards {
    /// Keeps the data files of `names`: the Parquet files, or the JSON ones where there are none.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let names: BTreeSet<String> = names.into_iter().collect();
        let with = |endings: &[&str]| -> Vec<String> {
            let ends = |name: &&String| endings.iter().any(|ending| name.ends_with(ending));
            names.iter().filter(ends).cloned().collect()
        };
        let parquet = with(&[".parquet", ".parquet.zst"]);
        Self(if parquet.is_empty() { with(&[".jsonl", ".jsonl.zst", ".json", ".json.zst"]) } else { parquet })
    }

    /// Lists the data files in a folder and in the folders in it.
    pub(crate) fn of_folder(folder: &Path) -> std::io::Result<Self> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if path.is_dir() {
                for entry in std::fs::read_dir(&path)? {
                    let inner = entry?.file_name();
                    names.extend(inner.to_str().map(|inner| format!("{name}/{inner}")));
                }
            } else {
                names.push(name.to_owned());
            }
        }
        Ok(Self::new(names))
    }

    /// Returns the files of `split`, or of the only split there is.
    pub(crate) fn choose(&self, split: Option<&str>) -> Result<Vec<String>, String> {
        let splits: BTreeSet<&str> = self.0.iter().map(|name| split_of(name)).collect();
        let listed = || splits.iter().copied().collect::<Vec<_>>().join("`, `");
        let wanted = match (split, splits.first()) {
            (_, None) => return Err("has no Parquet or JSON files".to_owned()),
            (Some(split), _) if splits.contains(split) => split,
            (Some(split), _) => return Err(format!("has no split `{split}`\nhint: there are `{}`", listed())),
            (None, Some(only)) if splits.len() == 1 => only,
            (None, _) => return Err(format!("has several splits\nhint: add one of `{}` after a colon", listed())),
        };
        Ok(self.0.iter().filter(|name| split_of(name) == wanted).cloned().collect())
    }
}

/// Returns the split that a file's name starts with.
fn split_of(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split(['-', '.']).next().unwrap_or(file)
}

/// Returns whether the shards are as many as their names say.
pub(crate) fn complete(names: &[String]) -> bool {
    names.iter().all(|name| {
        let count =
            name.split_once("-of-").map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(""));
        count.and_then(|count| count.parse::<usize>().ok()).is_none_or(|count| count == names.len())
    })
}

/// Returns whether `text` is a full commit id.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether a file starts and ends as Parquet does.
pub(crate) fn is_parquet(path: &Path) -> std::io::Result<bool> {
    let mut file = std::fs::File::open(path)?;
    if file.metadata()?.len() < 12 {
        return Ok(false);
    }
    let (mut start, mut end) = ([0; 4], [0; 4]);
    file.read_exact(&mut start)?;
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut end)?;
    Ok(&start == b"PAR1" && &end == b"PAR1")
}
