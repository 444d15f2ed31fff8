//! `improve`: sample, keep what was solved, train, evaluate, and again with what came of it.

mod file;
mod hook;
mod stage;
mod state;
mod table;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Parser, Subcommand};
use journal::Lease;
use runner::Plugs;
use runner::environments::Providers;
use tokio_util::sync::CancellationToken;

use crate::commands::sweep::{self, SweepCommand};
use crate::commands::training::export::{self, ExportCommand};
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::output::print;

use file::File;
use stage::{Kind, Stage};
use state::{Known, State};

#[derive(Debug, Args)]
pub(crate) struct Improve {
    /// What is sampled, kept, trained with and evaluated: a YAML file.
    file: PathBuf,
    /// The folder of all runs.
    #[arg(long, value_name = "DIR", default_value = ".runs")]
    runs: PathBuf,
    /// Prints the stages and runs nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The commands that stages are.
#[derive(Debug, Parser)]
struct Words {
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Debug, Subcommand)]
enum Cmd {
    Sweep(SweepCommand),
    Export(ExportCommand),
}

/// A loop that is under way.
struct Loop<'a> {
    file: &'a File,
    /// The folder of what comes of it.
    folder: PathBuf,
    /// The folder of all runs.
    runs: &'a Path,
    plugs: &'a Plugs,
    providers: &'a Providers,
    at_interrupt: &'a AtInterrupt,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: Improve,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let file = File::read(&args.file).map_err(Failed::Usage)?;
    let name = file.name(&args.file);
    let folder = args.runs.join(journal::file_name(&name));
    let stages = stage::plan(&file, &name, &args.runs, &folder);
    // What is wrong with the words of a later stage is told before the first one costs anything.
    stages.iter().try_for_each(|stage| parsed(&stage.words).map(drop)).map_err(Failed::Usage)?;
    if args.dry_run {
        let lines: Vec<String> = stages.iter().map(|stage| format!("{stage}: {}\n", stage.shown(&file))).collect();
        print(&lines.concat())?;
        return Ok(ExitCode::SUCCESS);
    }
    let work = Loop { file: &file, folder, runs: &args.runs, plugs, providers, at_interrupt };
    let ended = work.run(&stages).await?;
    print(&table::table(&stages, &args.runs)?)?;
    Ok(if ended { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Loop<'_> {
    /// Goes through the stages that are not done; returns whether all are.
    async fn run(&self, stages: &[Stage]) -> Result<bool, Failed> {
        std::fs::create_dir_all(&self.folder).with_context(|| format!("cannot make `{}`", self.folder.display()))?;
        let Some(_lease) = Lease::take(&self.folder.join("lease"))? else {
            let folder = self.folder.display();
            return Err(Failed::Usage(anyhow!(
                "another process is at `{folder}`\nhint: wait for it, or give the loop another `name`"
            )));
        };
        let mut state = State::read(&self.folder)?;
        self.write_start()?;
        for (index, stage) in stages.iter().enumerate() {
            let made_of = stage.made_of(self.file)?;
            match state.look(stage, &made_of) {
                Known::Done => continue,
                Known::New => {}
                Known::Changed { was, by_model } => {
                    say(&format!(
                        "{was} was made of something else than {stage} is now: it and what is behind it is done again"
                    ));
                    // A sweep itself sees to another file of its own; one by another model is another sweep.
                    self.set_aside(&stages[index + usize::from(!by_model)..])?;
                    state.write(&self.folder)?;
                }
            }
            say(&format!("{stage}: {}", stage.shown(self.file)));
            let (ended, drained) = self.stage(stage).await?;
            if ended {
                state.done(stage, made_of, &self.folder)?;
            } else {
                say(&format!("{stage} has not come to its end\nhint: the same command goes on there"));
            }
            if drained || !ended {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Renames what earlier times round have left of stages that are done again.
    fn set_aside(&self, stages: &[Stage]) -> anyhow::Result<()> {
        for run in stages.iter().map(|stage| &stage.run).filter(|run| !run.is_empty()) {
            let from = self.runs.join(journal::file_name(run));
            if !from.is_dir() {
                continue;
            }
            let free = |number: &u32| !self.runs.join(journal::file_name(&format!("{run}.before-{number}"))).exists();
            let number = (1..).find(free).unwrap_or_default();
            let to = self.runs.join(journal::file_name(&format!("{run}.before-{number}")));
            std::fs::rename(&from, &to).with_context(|| format!("cannot rename `{}`", from.display()))?;
            say(&format!("what there was of `{run}` is in `{}` now", to.display()));
        }
        Ok(())
    }

    /// Writes what the first model is, as a layer of configuration.
    fn write_start(&self) -> anyhow::Result<()> {
        let text = serde_yaml::to_string(&self.file.start).context("`start` cannot be written")?;
        let path = stage::layer(&self.folder, 0);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))?;
        }
        journal::write_whole(&path, text.as_bytes())
    }

    /// Does a stage; returns whether it came to its end, and whether no other one is to be begun.
    async fn stage(&self, stage: &Stage) -> Result<(bool, bool), Failed> {
        match parsed(&stage.words).map_err(Failed::Usage)? {
            None => {
                let drain = CancellationToken::new();
                self.at_interrupt.drain(&drain);
                hook::run(self.file, stage, &self.folder).await?;
                Ok((true, drain.is_cancelled()))
            }
            Some(Cmd::Sweep(args)) => {
                let code = sweep::run(self.plugs, args, self.providers, self.at_interrupt).await?;
                Ok((code == ExitCode::SUCCESS, false))
            }
            Some(Cmd::Export(args)) => {
                // What a killed one has written is none of this one's.
                remove(&stage::data(&self.folder, stage.iteration))?;
                let plugs = self.plugs.clone();
                let ended = tokio::task::spawn_blocking(move || export::run(&plugs, args)).await;
                Ok((ended.context("the export died")?? == ExitCode::SUCCESS, false))
            }
        }
    }
}

/// Reads the words of a stage as those of a command; `None` for a hook.
fn parsed(words: &[String]) -> anyhow::Result<Option<Cmd>> {
    if words.is_empty() {
        return Ok(None);
    }
    let program = std::iter::once("spotter").chain(words.iter().map(String::as_str));
    match Words::try_parse_from(program) {
        Ok(words) => Ok(Some(words.command)),
        Err(err) => bail!("`{}` is no command: {}", words.join(" "), err.render()),
    }
}

/// Removes a folder or a file, if it is there.
fn remove(path: &Path) -> anyhow::Result<()> {
    match if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) } {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

impl Stage {
    /// Returns what it does, in the words of a command line.
    fn shown(&self, file: &File) -> String {
        match self.kind {
            Kind::Train => match file.train.trim().split_once('\n') {
                Some((first, _)) => format!("{first} …"),
                None => file.train.trim().to_owned(),
            },
            _ => format!("spotter {}", self.words.join(" ")),
        }
    }
}
