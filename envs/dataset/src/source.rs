//! Where rows come from: a path, or a dataset on the hub.

use std::path::{Path, PathBuf};

use env_core::nearest;

use crate::DatasetError;

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
    /// Parses a path, a name of a `known` dataset such as `swe-gym-lite`, or a hub id such as `SWE-Gym/SWE-Gym`; names, ids and folders may
    /// end in `:<split>`, names and ids in `@<revision>`.
    ///
    /// A known name comes before a file of that name; `./swe-gym` is always the file.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] with the nearest name.
    pub fn parse(text: &str, known: &[KnownDataset]) -> Result<Self, DatasetError> {
        let (rest, revision) = cut(text, '@', ':');
        let (name, split) = cut(&rest, ':', '@');
        let found = known.iter().find(|entry| entry.goes_by(&name));
        if let Some(entry) = found {
            return Ok(Self::Hub(HubDataset {
                id: entry.id.clone(),
                split: split.or_else(|| entry.split.clone()),
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

/// A dataset on the hub that goes by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDataset {
    /// The name; `None` for one that only goes by its id.
    pub name: Option<String>,
    /// Other names.
    pub aliases: Vec<String>,
    /// `<owner>/<name>` on the hub, which is a name, too.
    pub id: String,
    /// The split that is taken when none is named.
    pub split: Option<String>,
    /// The revision that is taken when none is named.
    pub revision: String,
}

impl KnownDataset {
    fn goes_by(&self, name: &str) -> bool {
        let names = self.name.iter().chain(&self.aliases);
        names.chain([&self.id]).any(|own| own.eq_ignore_ascii_case(name))
    }
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

    fn known() -> Vec<KnownDataset> {
        let one = |name: Option<&str>, id: &str, split: &str| KnownDataset {
            name: name.map(str::to_owned),
            aliases: Vec::new(),
            id: id.to_owned(),
            split: Some(split.to_owned()),
            revision: "b".repeat(40),
        };
        vec![
            one(Some("swe-gym"), "SWE-Gym/SWE-Gym", "train"),
            one(Some("swe-bench"), "SWE-bench/SWE-bench", "test"),
            one(Some("swe-bench-lite"), "SWE-bench/SWE-bench_Lite", "test"),
            one(None, "princeton-nlp/SWE-bench_Lite", "test"),
        ]
    }

    fn hub(text: &str) -> (String, Option<String>, String) {
        match Source::parse(text, &known()).expect("it parses") {
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
        let text = |name: &str| Source::parse(name, &known()).expect_err(name).to_string();
        assert!(
            text("swe-gim").starts_with("unknown dataset `swe-gim`\nhint: did you mean `swe-gym`?"),
            "{}",
            text("swe-gim")
        );
        assert_eq!(text("./none.jsonl"), "no such file or directory: `./none.jsonl`");
        assert_eq!(text("a/b.parquet.zst"), "no such file or directory: `a/b.parquet.zst`");
        assert!(Source::parse("", &known()).is_err());
        assert!(Source::parse("a/../b", &known()).is_err());
    }
}
