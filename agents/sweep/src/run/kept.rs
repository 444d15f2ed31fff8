//! What a run stores of the command that started it, so that a process on another machine plans the same cells.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use journal::{read_text, write_whole};
use runner::{Plugs, Settings};
use serde::{Deserialize, Serialize};

use super::SWEEP;
use crate::file::File;
use crate::plan::Plan;

/// Name of the file beside the copy of the sweep file.
pub const KEPT: &str = "sweep.json";

/// What the command said besides the sweep file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Version of the program.
    pub spotter: String,
    /// Name of the run.
    pub run: String,
    /// The folder that the command ran in, which paths are relative to.
    pub folder: PathBuf,
    /// The layers of configuration, as they were given.
    pub layers: Vec<String>,
}

impl Kept {
    /// Returns what is kept of a plan of this process.
    pub(super) fn of(plan: &Plan) -> anyhow::Result<Self> {
        let folder = std::env::current_dir().context("cannot determine the working folder")?;
        let (run, layers) = (plan.run.clone(), plan.layers.clone());
        Ok(Self { spotter: env!("CARGO_PKG_VERSION").to_owned(), run, folder, layers })
    }

    pub(super) fn write(&self, run: &Path) -> anyhow::Result<()> {
        write_whole(&run.join(KEPT), &serde_json::to_vec_pretty(self)?)
    }

    /// Reads what the folder of a run keeps.
    ///
    /// # Errors
    /// When it is not the folder of a sweep, is damaged, or was started by another version of the program.
    pub fn read(run: &Path) -> anyhow::Result<Self> {
        if !run.is_dir() {
            bail!(
                "there is no run folder `{}`\nhint: it must be on a file system that this machine shares",
                run.display()
            );
        }
        let path = run.join(KEPT);
        let Some(text) = read_text(&path)? else {
            bail!(
                "`{}` holds no `{KEPT}`, so it is not the folder of a sweep\nhint: `spotter sweep FILE` starts one",
                run.display()
            );
        };
        let damaged = || format!("`{}` is damaged\nhint: `spotter sweep FILE` writes it again", path.display());
        let value: serde_json::Value = serde_json::from_str(&text).with_context(damaged)?;
        // The version comes first: another one's file may look otherwise.
        let (theirs, ours) = (value["spotter"].as_str().unwrap_or("another version"), env!("CARGO_PKG_VERSION"));
        if theirs != ours {
            bail!(
                "the sweep was started by spotter {theirs}, and this is {ours}\nhint: run the same program on all \
                machines"
            );
        }
        serde_json::from_value(value).with_context(damaged)
    }

    /// Plans the sweep of a run folder, given by its whole path. The working folder must be [`Kept::folder`].
    ///
    /// # Errors
    /// When the copy of the sweep file cannot be read or planned, or the folder has been renamed.
    pub fn plan(&self, plugs: &Plugs, run: &Path) -> anyhow::Result<Plan> {
        let path = run.join(SWEEP);
        let file = File::read(&path).with_context(|| format!("the sweep of `{}` cannot be planned", run.display()))?;
        let mut settings = Settings { layers: self.layers.clone(), ..Settings::default() };
        let plan = Plan::new(file.clone(), plugs, &settings, &self.run)?;
        if is_same(&super::folder(&plan)?, run) {
            return Ok(plan);
        }
        // The folder of all runs has another path on this machine.
        let runs = run.parent().and_then(Path::to_str).context("the folder of the run has no parent")?;
        settings.assignments.push(("runs", runs.to_owned()));
        let plan = Plan::new(file, plugs, &settings, &self.run)?;
        if !is_same(&super::folder(&plan)?, run) {
            bail!("`{}` is the folder of the run `{}`\nhint: give it that name again", run.display(), self.run);
        }
        Ok(plan)
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: Option<&str>, expected: &Expect) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(text) = text {
            std::fs::write(folder.path().join(KEPT), text).unwrap();
        }
        let said = Kept::read(folder.path()).map_or_else(|err| format!("{err:#}"), |kept| kept.run);
        expected.assert_eq(&said.replace(&folder.path().display().to_string(), "RUN"));
    }

    #[test]
    fn a_folder_that_cannot_be_worked_on_is_refused_with_the_reason() {
        check(
            None,
            &expect![[r#"
                `RUN` holds no `sweep.json`, so it is not the folder of a sweep
                hint: `spotter sweep FILE` starts one"#]],
        );
        check(
            Some(r#"{"spotter": "0.0.7", "other": 1}"#),
            &expect![[r#"
                the sweep was started by spotter 0.0.7, and this is 0.1.0
                hint: run the same program on all machines"#]],
        );
        check(
            Some("{"),
            &expect![[r#"
                `RUN/sweep.json` is damaged
                hint: `spotter sweep FILE` writes it again: EOF while parsing an object at line 1 column 1"#]],
        );
        let err = Kept::read(Path::new("no/such/run")).unwrap_err().to_string();
        assert!(err.starts_with("there is no run folder `no/such/run`"), "{err}");
    }
}
