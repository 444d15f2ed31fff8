//! The stages of a loop.

use std::fmt;
use std::path::{Path, PathBuf};

use journal::read_text;
use serde::{Deserialize, Serialize};

use super::file::{Data, File};

/// What a stage does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Evaluate,
    Sample,
    Export,
    Train,
}

/// One stage of a loop.
#[derive(Debug, Clone)]
pub(super) struct Stage {
    pub(super) kind: Kind,
    /// Which time round, from 1; 0 is what there was to begin with.
    pub(super) iteration: u32,
    /// The run that comes of it; empty where none does.
    pub(super) run: String,
    /// The words of the command that does it; none for a hook.
    pub(super) words: Vec<String>,
    /// The files that it is made of.
    files: Vec<PathBuf>,
    /// The layer that names its model, where it asks one.
    model: Option<PathBuf>,
}

/// All that decides what comes of a stage: with something else it is another one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MadeOf {
    words: String,
    files: Vec<String>,
    /// The layer that names its model.
    pub(super) model: String,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Evaluate => "evaluate",
            Kind::Sample => "sample",
            Kind::Export => "export",
            Kind::Train => "train",
        };
        write!(formatter, "{kind} {}", self.iteration)
    }
}

impl Stage {
    /// Returns all that decides what comes of it.
    pub(super) fn made_of(&self, file: &File) -> anyhow::Result<MadeOf> {
        let words = if self.kind == Kind::Train { file.train.clone() } else { self.words.join(" ") };
        let text = |path: &PathBuf| Ok(read_text(path)?.unwrap_or_default());
        let files = self.files.iter().map(text).collect::<anyhow::Result<_>>()?;
        Ok(MadeOf { words, files, model: self.model.iter().map(text).collect::<anyhow::Result<String>>()? })
    }
}

/// Returns the layer of configuration that names the model that came of an iteration.
pub(super) fn layer(folder: &Path, iteration: u32) -> PathBuf {
    folder.join(iteration.to_string()).join("model.yaml")
}

/// Returns the folder of the data of an iteration.
pub(super) fn data(folder: &Path, iteration: u32) -> PathBuf {
    folder.join(iteration.to_string()).join("data")
}

/// Returns the stages in their order. `folder` is for what comes of the loop, beside its runs.
pub(super) fn plan(file: &File, name: &str, runs: &Path, folder: &Path) -> Vec<Stage> {
    let loops = Loops { file, name, runs, folder };
    let mut stages: Vec<Stage> = file.evaluate.iter().map(|sweep| loops.evaluate(sweep, 0)).collect();
    let mut sampled = Vec::new();
    for iteration in 1..=file.iterations {
        let run = format!("{name}-sample-{iteration}");
        let model = layer(folder, iteration.saturating_sub(1));
        stages.push(loops.swept(Kind::Sample, iteration, run.clone(), &file.sample, &model));
        if file.data == Data::Last {
            sampled.clear();
        }
        sampled.push(run);
        stages.push(loops.export(&sampled, iteration));
        let (run, words, files) = (String::new(), Vec::new(), vec![data(folder, iteration).join("card.json")]);
        stages.push(Stage { kind: Kind::Train, iteration, run, words, files, model: None });
        stages.extend(file.evaluate.iter().map(|sweep| loops.evaluate(sweep, iteration)));
    }
    stages
}

/// What all stages have in common.
struct Loops<'a> {
    file: &'a File,
    name: &'a str,
    runs: &'a Path,
    folder: &'a Path,
}

impl Loops<'_> {
    fn evaluate(&self, sweep: &str, iteration: u32) -> Stage {
        let run = format!("{}-evaluate-{iteration}", self.name);
        self.swept(Kind::Evaluate, iteration, run, sweep, &layer(self.folder, iteration))
    }

    fn swept(&self, kind: Kind, iteration: u32, run: String, sweep: &str, model: &Path) -> Stage {
        let sweep = self.file.sweep(sweep);
        let mut words = vec!["sweep".to_owned(), sweep.clone(), "--run".to_owned(), run.clone()];
        let own = [model.to_string_lossy().into_owned(), format!("runs={}", self.runs.display())];
        for layer in self.file.config.iter().cloned().chain(own) {
            words.extend(["--config".to_owned(), layer]);
        }
        let layers = self.file.config.iter().map(PathBuf::from).filter(|layer| layer.is_file());
        let files = std::iter::once(PathBuf::from(sweep)).chain(layers).collect();
        Stage { kind, iteration, run, words, files, model: Some(model.to_owned()) }
    }

    fn export(&self, sampled: &[String], iteration: u32) -> Stage {
        let mut words: Vec<String> = ["export", "sft"].map(str::to_owned).into();
        words.extend(sampled.iter().cloned());
        words.extend(["--runs".to_owned(), self.runs.to_string_lossy().into_owned()]);
        let out = data(self.folder, iteration).to_string_lossy().into_owned();
        // The folder of an iteration is the loop's own; what an earlier try left there is done anew.
        words.extend(["--out".to_owned(), out, "--force".to_owned()]);
        words.extend(self.file.export());
        Stage { kind: Kind::Export, iteration, run: String::new(), words, files: Vec::new(), model: None }
    }
}
