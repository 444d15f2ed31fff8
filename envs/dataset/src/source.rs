//! Where rows come from: a path, or a dataset on the hub.

use std::path::{Path, PathBuf};

use env_core::nearest;
use serde::Deserialize;

use crate::DatasetError;

/// Names, ids, default splits and pinned revisions of the datasets that are known.
const TABLE: &str = include_str!("hub.json");

/// What a path to rows ends in, `.zst` aside.
const EXTENSIONS: [&str; 3] = ["jsonl", "json", "parquet"];

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file, or a folder of Parquet files.
    Path {
        /// The file or folder.
        path: PathBuf,
        /// The split, for a folder that holds several.
        split: Option<String>,
    },
    /// A dataset on the Hugging Face hub.
    Hub(HubDataset),
}

/// A dataset on the Hugging Face hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubDataset {
    /// `<owner>/<name>`.
    pub id: String,
    /// The split; `None` takes the only one.
    pub split: Option<String>,
    /// A commit, or a branch or tag, which stands for the commit that it named when it was first downloaded.
    pub revision: String,
}

impl Source {
    /// Parses a path, a name such as `swe-gym-lite`, or a hub id such as `SWE-Gym/SWE-Gym`; names, ids and folders may
    /// end in `:<split>`, names and ids in `@<revision>`.
    ///
    /// A known name comes before a file of that name; `./swe-gym` is always the file.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] with the nearest name.
    pub fn parse(text: &str) -> Result<Self, DatasetError> {
        let (rest, revision) = cut(text, '@', ':');
        let (name, split) = cut(&rest, ':', '@');
        let known = entries()?;
        let found = known.iter().find(|entry| entry.goes_by(&name));
        if let Some(entry) = found {
            return Ok(Self::Hub(HubDataset {
                id: entry.id.clone(),
                split: Some(split.unwrap_or_else(|| entry.split.clone())),
                revision: revision.unwrap_or_else(|| entry.revision.clone()),
            }));
        }
        if Path::new(text).exists() {
            return Ok(Self::Path { path: PathBuf::from(text), split: None });
        }
        if split.is_some() && revision.is_none() && Path::new(&name).exists() {
            return Ok(Self::Path { path: PathBuf::from(name), split });
        }
        if is_path(&name) {
            return Err(DatasetError::NotFound(format!("no such file or directory: `{text}`")));
        }
        if is_hub_id(&name) {
            let revision = revision.unwrap_or_else(|| "main".to_owned());
            return Ok(Self::Hub(HubDataset { id: name, split, revision }));
        }
        let names: Vec<&str> = known.iter().filter_map(|entry| entry.name.as_deref()).collect();
        let nearest =
            nearest(&name, names.iter().copied()).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
        let hint = format!("{nearest}a path, a hub id or one of {}", names.join(", "));
        Err(DatasetError::NotFound(format!("unknown dataset `{text}`\nhint: {hint}")))
    }
}

/// A line of the table.
#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    name: Option<String>,
    id: String,
    split: String,
    revision: String,
}

impl Entry {
    fn goes_by(&self, name: &str) -> bool {
        self.id.eq_ignore_ascii_case(name) || self.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name))
    }
}

fn entries() -> Result<Vec<Entry>, DatasetError> {
    let place = "`hub.json`".to_owned();
    serde_json::from_str(TABLE).map_err(|err| DatasetError::Malformed { place, reason: err.to_string() })
}

/// Cuts what follows `mark` out of `text`, up to `end`.
fn cut(text: &str, mark: char, end: char) -> (String, Option<String>) {
    match text.split_once(mark) {
        Some((before, after)) if !before.is_empty() => {
            let stop = after.find(end).unwrap_or(after.len());
            let (value, rest) = after.split_at(stop);
            (format!("{before}{rest}"), Some(value.to_owned()).filter(|value| !value.is_empty()))
        }
        _ => (text.to_owned(), None),
    }
}

fn is_path(name: &str) -> bool {
    let stem = name.strip_suffix(".zst").unwrap_or(name);
    let extension = Path::new(stem).extension().and_then(|extension| extension.to_str());
    name.starts_with(['.', '/', '~']) || extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn is_hub_id(name: &str) -> bool {
    let fits = |part: &str| {
        let chars = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && !part.starts_with('.') && !part.contains("..") && part.chars().all(chars)
    };
    name.split_once('/').is_some_and(|(owner, name)| fits(owner) && fits(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(text: &str) -> (String, Option<String>, String) {
        match Source::parse(text).expect("it parses") {
            Source::Hub(HubDataset { id, split, revision }) => (id, split, revision),
            Source::Path { path, .. } => panic!("`{text}` is taken for the path {}", path.display()),
        }
    }

    #[test]
    fn names_and_ids_have_splits_and_revisions() {
        let (id, split, revision) = hub("swe-gym");
        assert_eq!((id.as_str(), split.as_deref(), revision.len()), ("SWE-Gym/SWE-Gym", Some("train"), 40));
        assert_eq!(hub("SWE-Bench-Lite:dev").1.as_deref(), Some("dev"));
        let (id, split, revision) = hub("princeton-nlp/swe-bench_lite:dev@abc");
        assert_eq!(
            (id.as_str(), split.as_deref(), revision.as_str()),
            ("princeton-nlp/SWE-bench_Lite", Some("dev"), "abc")
        );
        assert_eq!(hub("swe-bench@abc:dev"), hub("swe-bench:dev@abc"));
        assert_eq!(hub("someone/else"), ("someone/else".to_owned(), None, "main".to_owned()));
    }

    #[test]
    fn what_is_neither_says_what_there_is() {
        let text = |name: &str| Source::parse(name).expect_err(name).to_string();
        assert!(
            text("swe-gim").starts_with("unknown dataset `swe-gim`\nhint: did you mean `swe-gym`?"),
            "{}",
            text("swe-gim")
        );
        assert_eq!(text("./none.jsonl"), "no such file or directory: `./none.jsonl`");
        assert_eq!(text("a/b.parquet.zst"), "no such file or directory: `a/b.parquet.zst`");
        assert!(Source::parse("").is_err());
        assert!(Source::parse("a/../b").is_err());
    }
}
