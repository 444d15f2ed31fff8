//! Tests that are run on the candidates of runs, for the scorers that go by them.

mod details;
mod kept;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use journal::Run;
use runner::environments::{Providers, open};
use runner::{Plugs, Resolved};
use serde_yaml::{Mapping, Value};
use verifier::Pool;
use verifier::trials::Bounds;

pub(super) use details::tests;
use work::{Testing, Tried};

use crate::commands::engine::engine;
use crate::console::say;
use crate::failed::Failed;
use crate::listener::counted;
use crate::settings::{seconds, workers};

/// The blocks of a run's configuration by which its instances are run again.
const BLOCKS: [&str; 5] = ["env", "sandbox", "evaluation", "images", "permits"];

/// How tests are run for `tests` and `rank`.
#[derive(Debug, Args)]
pub(crate) struct TrialArgs {
    /// A layer of configuration: a YAML file, or `key.path=value`. It goes over that of the run for the sandboxes in which
    /// `tests` runs tests, and names the model that `llm` and `judge` ask, by `model.name` and `model.base_url`.
    #[arg(short = 'c', long = "config", value_name = "FILE|KEY=VALUE")]
    pub(super) layers: Vec<String>,
    /// The dataset of the instances, where the run does not know it. Short for `-c env.dataset=…`.
    #[arg(short, long)]
    dataset: Option<String>,
    /// How many instances have tests run at once, and how many sandboxes there are for it.
    #[arg(short, long, default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    workers: usize,
    /// How many test files of the repository are run: those nearest to what the candidates touch.
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    near: usize,
    /// How many tests are taken, of an instance, of those that agents wrote.
    #[arg(long, value_name = "NUMBER", default_value_t = 32)]
    written: usize,
    /// Seconds that one run of tests may take at the base commit; with a candidate it may take twice as long. Where the
    /// repository's own take longer, fewer are run.
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = seconds, allow_negative_numbers = true)]
    tests_timeout: u64,
}

/// Runs the tests on the candidates that have not been run, and writes what they show of each beside the scores.
pub(super) async fn run(plugs: &Plugs, args: &TrialArgs, pool: Pool, providers: &Providers) -> Result<(), Failed> {
    let resolved = resolve(plugs, args, &pool).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let engine = engine(&resolved, providers, counted(), args.workers);
    let timeout = Duration::from_secs(args.tests_timeout);
    let ids: Vec<String> = pool.instances().map(|(id, _)| id.to_owned()).collect();
    let testing = Arc::new(Testing {
        environment,
        config: resolved.config.evaluation.clone(),
        runs: resolved.config.runs.clone(),
        pool,
        bounds: Bounds { near: args.near, written: args.written, timeout },
        at_once: args.workers,
    });
    let tried = engine.run(&testing, ids, |_| Ok(())).await?;
    let broken: Vec<&Tried> = tried.iter().filter(|one| one.tested.is_err()).collect();
    details::write(&testing.pool, &tried)?;
    if !broken.is_empty() && broken.len() == tried.len() {
        let why = broken.first().and_then(|one| one.tested.as_ref().err()).cloned().unwrap_or_default();
        return Err(Failed::Run(anyhow!("no tests could be run: {why}")));
    }
    Ok(())
}

/// Returns the settings that the instances are run with: those of the first run that has any, and the arguments over them.
fn resolve(plugs: &Plugs, args: &TrialArgs, pool: &Pool) -> anyhow::Result<Resolved> {
    let mut settings = runner::Settings { layers: args.layers.clone(), ..runner::Settings::default() };
    let mut known: Vec<(PathBuf, String)> = Vec::new();
    for member in pool.instances().flat_map(|(_, members)| members) {
        let cell = (member.run.clone(), member.cell.clone());
        if !known.contains(&cell) {
            known.push(cell);
        }
    }
    for (run, cell) in &known {
        if let Some(base) = blocks(run, cell)? {
            settings.base = Some((base, format!("the configuration of `{}`", run.join(cell).display())));
            break;
        }
    }
    if let Some((run, _)) = known.first() {
        let runs = run.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        settings.sets.push(("runs".to_owned(), Value::from(runs.to_string_lossy().as_ref()), "the run".to_owned()));
        // Sandboxes tell by this name where they come from.
        let name = run.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        settings.sets.push(("run".to_owned(), Value::from(name), "the run".to_owned()));
    }
    settings.assignments.extend(args.dataset.clone().map(|dataset| ("env.dataset", dataset)));
    let ids: Vec<String> = pool.instances().map(|(id, _)| id.to_owned()).collect();
    Resolved::load(plugs, &settings, &ids)
}

/// Returns what a cell's configuration says of how instances are run; `None` where it has none.
fn blocks(run: &Path, cell: &str) -> anyhow::Result<Option<Value>> {
    let Some(text) = Run::open(run)?.config(cell)? else { return Ok(None) };
    let whole: Mapping =
        serde_yaml::from_str(&text).with_context(|| format!("the configuration of `{cell}` in `{}`", run.display()))?;
    let kept: Mapping = whole
        .into_iter()
        .filter(|(key, value)| key.as_str().is_some_and(|key| BLOCKS.contains(&key)) && value.is_mapping())
        .collect();
    if kept.is_empty() {
        return Ok(None);
    }
    say(&format!("tests are run with the settings of `{}`", run.join(cell).display()));
    Ok(Some(Value::Mapping(kept)))
}
