//! Runs named by arguments.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use env_core::nearest;
use journal::{Run, file_name};
use runner::shown::harmless;

/// Where runs are that are named rather than given as paths.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// The folder of all runs.
    #[arg(long, value_name = "DIR", default_value = ".runs")]
    runs: PathBuf,
}

impl Runs {
    /// Opens a run by its name, or by the path of its folder. Nothing is written.
    pub(crate) fn open(&self, name: &str) -> anyhow::Result<Run> {
        let named = self.runs.join(file_name(name));
        if named.is_dir() {
            return Run::open(&named);
        }
        let path = Path::new(name);
        if path.is_dir() {
            return Run::open(path);
        }
        let known = self.known();
        let hint = match (nearest(name, known.iter().map(String::as_str)), known.first()) {
            (Some(near), _) => format!("did you mean `{}`?", harmless(near)),
            (None, Some(_)) => format!("the runs are `{}`", harmless(&known.join("`, `"))),
            (None, None) => format!("there are none in `{}`; `--runs DIR` looks elsewhere", self.runs.display()),
        };
        bail!("there is no run `{}`\nhint: {hint}", harmless(name))
    }

    /// Returns the names of the runs, sorted.
    fn known(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.runs).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().join("journal").is_dir());
        let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}
