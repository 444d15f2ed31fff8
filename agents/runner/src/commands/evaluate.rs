//! `evaluate`: judges patches that are already there.

use std::process::ExitCode;

use clap::Args;

use super::Failed;
use super::output::{print_json, to_json};
use super::run_folder::{open_run, summarize};
use crate::Plug;
use crate::cli::Settings;
use crate::config::{Resolved, digest};
use crate::environments::{Providers, open};
use crate::evaluate::{evaluate_all, load_predictions};

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The patches: a `preds.jsonl` or `preds.json`, or the word `gold` or `empty`.
    #[arg(short, long)]
    pub(crate) predictions: String,
    /// Only these instances.
    pub(crate) instances: Vec<String>,
    /// How many are judged at once.
    #[arg(short, long, default_value_t = 1)]
    pub(crate) workers: usize,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(super) async fn run(plugs: &[Plug], args: Evaluate, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings, &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let predictions =
        load_predictions(&args.predictions, environment.as_ref(), &args.instances).map_err(Failed::Usage)?;
    // The patches are part of what the run is, so that two files never share a folder by chance.
    let patches: Vec<&str> = predictions.iter().filter_map(|(_, one)| one.model_patch.as_deref()).collect();
    let made = || format!("evaluate-{}-{}", resolved.fingerprint(), digest(&patches));
    let run_name = resolved.config.run.clone().unwrap_or_else(made);
    let run_dir = open_run(&resolved, &run_name, "evaluate", false)?;
    let verdicts = evaluate_all(&environment, predictions, args.workers, &run_dir).await?;
    let missing = verdicts.iter().any(|(_, verdict)| verdict.is_none());
    let mut reports = serde_json::Map::new();
    for (id, verdict) in verdicts {
        reports.insert(id, to_json(&verdict.map(|verdict| verdict.report))?);
    }
    print_json(&reports)?;
    summarize(&run_dir, environment.as_ref())?;
    Ok(if missing { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
