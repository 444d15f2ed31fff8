//! The file that says what a loop is made of.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use env_core::nearest;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};
use sweep::file::Source;

/// The keys of the file.
const KEYS: [&str; 9] = ["name", "iterations", "sample", "evaluate", "config", "start", "export", "data", "train"];
/// More iterations than anyone has done.
const MOST: u32 = 100;

/// What is sampled, kept, trained with and evaluated.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Name of the loop, and of its folder; by default that of the file.
    name: Option<String>,
    /// How often it is gone through. Default 1.
    #[serde(default = "once")]
    pub(super) iterations: u32,
    /// The sweep whose solved episodes are trained with: a file, or one that ships with the program.
    pub(super) sample: String,
    /// The sweep that tells what came of it, also before the first iteration; none by default.
    pub(super) evaluate: Option<String>,
    /// Layers of configuration for all sweeps: files, or `key.path=value`.
    #[serde(default)]
    pub(super) config: Vec<String>,
    /// A layer of configuration that names the model to begin with, such as `{model: {name: …, base_url: …}}`.
    #[serde(default)]
    pub(super) start: Mapping,
    /// Further words of `export sft`, such as `[--for, torchtune, --per-instance, 2]`.
    #[serde(default)]
    export: Vec<Value>,
    /// Which samples are trained with.
    #[serde(default)]
    pub(super) data: Data,
    /// The command that trains, for a shell.
    pub(super) train: String,
    /// The folder that the file is in.
    #[serde(skip)]
    pub(super) folder: PathBuf,
}

/// Which samples an iteration is trained with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Data {
    /// Those of all iterations so far.
    #[default]
    All,
    /// Those of its own.
    Last,
}

fn once() -> u32 {
    1
}

impl File {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, by line and column.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let source = Source::parse(path, &text)?;
        let keys: Mapping = serde_yaml::from_str(&text)
            .map_err(|err| source.at("", format!("the file must hold keys with values, such as `sample`: {err}")))?;
        if let Some(key) = keys.keys().filter_map(Value::as_str).find(|key| !KEYS.contains(key)) {
            let hint = match nearest(key, KEYS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are `{}`", KEYS.join("`, `")),
            };
            bail!(source.at(key, format!("unknown key `{key}`\nhint: {hint}")));
        }
        let read: Result<Self, _> = serde_yaml::from_value(Value::Mapping(keys));
        let mut file = read.map_err(|err| source.at("", err))?;
        if !(1..=MOST).contains(&file.iterations) {
            bail!(source.at("iterations", format!("`iterations` must be from 1 to {MOST}")));
        }
        if file.train.trim().is_empty() {
            bail!(source.at("train", "`train` is empty\nhint: it is the command that trains, such as `./train.sh`"));
        }
        if let Some(wrong) = file.export.iter().find(|word| word_of(word).is_none()) {
            bail!(source.at("export", format!("`export` is a list of words, and {wrong:?} is none")));
        }
        file.folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).into();
        Ok(file)
    }

    /// Returns the name of the loop.
    pub(super) fn name(&self, path: &Path) -> String {
        let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        self.name.clone().or_else(stem).unwrap_or_default()
    }

    /// Returns the further words of the export.
    pub(super) fn export(&self) -> impl Iterator<Item = String> + '_ {
        self.export.iter().filter_map(word_of)
    }

    /// Returns the path of a sweep file, which is looked for beside this file, or the name of one that ships.
    pub(super) fn sweep(&self, named: &str) -> String {
        let beside = self.folder.join(named);
        if beside.exists() { beside.to_string_lossy().into_owned() } else { named.to_owned() }
    }
}

/// Returns a word as a command line has it.
fn word_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_line_and_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.yaml");
        for (text, expected) in [
            ("sample: smoke\ntrian: x\n", "l.yaml:2:1: unknown key `trian`\nhint: did you mean `train`?"),
            ("sample: smoke\ntrain: x\niterations: 0\n", "l.yaml:3:1: `iterations` must be from 1 to 100"),
            ("sample: smoke\ntrain: ' '\n", "l.yaml:2:1: `train` is empty"),
            ("sample: smoke\n", "missing field `train`"),
            ("sample: smoke\ntrain: x\nexport: [[a]]\n", "l.yaml:3:1: `export` is a list of words"),
            ("- a\n", "the file must hold keys with values"),
        ] {
            std::fs::write(&path, text).unwrap();
            let err = format!("{:#}", File::read(&path).unwrap_err());
            assert!(err.contains(expected), "{text:?}: {err}");
        }
    }
}
