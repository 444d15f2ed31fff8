//! What is wrong with a manifest.

use std::path::{Path, PathBuf};

use env_core::nearest;

/// What is wrong with a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("manifest `{}`{}: {reason}", file.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct ManifestError {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1 on, where it is known.
    pub line: Option<usize>,
    /// What is wrong there, naming the key.
    pub reason: String,
}

impl ManifestError {
    /// Returns an error of the file as a whole.
    pub(crate) fn of_file(file: &Path, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, reason: reason.into() }
    }

    /// Returns an error about the value of a key.
    pub(crate) fn at_key(file: &Path, text: &str, key: &str, reason: String) -> Self {
        Self { file: file.to_owned(), line: line_of(text, key), reason }
    }

    /// Returns an error about a name that is none of the known ones.
    pub(crate) fn unknown(file: &Path, text: &str, what: &str, name: &str, known: &[&str]) -> Self {
        Self::at_key(file, text, name, unknown(what, name, known))
    }

    /// Returns an error of the YAML reader, its list of what is known cut down to the nearest.
    pub(crate) fn of_yaml(file: &Path, text: &str, err: &serde_yaml::Error) -> Self {
        let said = err.to_string();
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        let mut line = err.location().map(|location| location.line());
        let (path, what) = said.split_once(": ").filter(|(path, _)| !path.contains(' ')).unwrap_or(("", said));
        let words: Vec<&str> = what.split('`').skip(1).step_by(2).collect();
        let reason = match (what, words.as_slice()) {
            (what, [key, known @ ..]) if what.starts_with("unknown field") => {
                line = line_of(text, key).or(line);
                let what = if path.is_empty() { "key".to_owned() } else { format!("key in `{path}`") };
                unknown(&what, key, known)
            }
            (what, [value, known @ ..]) if what.starts_with("unknown variant") => {
                unknown(&format!("value of `{path}`"), value, known)
            }
            (what, _) if path.is_empty() => what.to_owned(),
            (what, _) => format!("`{path}`: {what}"),
        };
        Self { file: file.to_owned(), line, reason }
    }
}

/// Returns the first line that holds a key or an item of a list, from 1 on.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let is_it = |line: &str| {
        let words = line.split([' ', ',', '[', ']', '{', '}', '"', '\'']);
        words.map(|word| word.trim_end_matches(':')).any(|word| word == name)
    };
    text.lines().position(|line| is_it(line.split('#').next().unwrap_or_default())).map(|index| index + 1)
}

/// Says that a name is unknown, with the nearest known one, or all where none is near.
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there is {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    format!("unknown {what}: `{name}`\nhint: {hint}")
}
