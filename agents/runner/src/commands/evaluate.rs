//! `evaluate`: judges patches that are already there.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::Failed;
use super::output::{Entries, show};
use super::run_folder::{open_run, summarize};
use crate::Plug;
use crate::cli::Settings;
use crate::config::{Resolved, digest};
use crate::console::{LastWords, say};
use crate::environments::{Providers, open};
use crate::evaluate::{Evaluation, choose};

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The patches: a `preds.jsonl`, a `preds.json` (a list, or keyed by instance id), OpenHands' `output.jsonl`, the
    /// folder of a run, or the word `gold` or `empty`.
    #[arg(short, long)]
    pub(crate) predictions: String,
    /// Only these instances.
    pub(crate) instances: Vec<String>,
    /// How many are judged at once.
    #[arg(short, long, default_value_t = 1)]
    pub(crate) workers: usize,
    /// Seconds that the tests of an instance may take. Short for `-c env.eval_timeout=…`.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
    /// Leaves out predictions for instances that the dataset does not have.
    #[arg(long)]
    pub(crate) skip_unknown: bool,
    /// Names a rate although this share of the patches failed through infrastructure. Short for
    /// `-c evaluation.infrastructure=…`.
    #[arg(long, value_name = "SHARE")]
    pub(crate) allow_infrastructure: Option<f64>,
    /// Also writes the summary into this folder, under the official harness's name `<model>.<run>.json`.
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(super) async fn run(
    plugs: &[Plug],
    args: Evaluate,
    providers: &Providers,
    last_words: &LastWords,
) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.layered(), &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let chosen = choose(&args.predictions, environment.as_ref(), &args.instances, args.skip_unknown);
    let predictions = chosen.map_err(Failed::Usage)?;
    // The patches are part of what the run is, so that two files never share a folder by chance.
    let made = || {
        let parts = predictions.iter().flat_map(|one| [one.instance_id.as_str(), one.patch_text()]);
        format!("evaluate-{}-{}", resolved.fingerprint(), digest(&parts.collect::<Vec<_>>()))
    };
    let run_name = resolved.config.run.clone().unwrap_or_else(made);
    let run_dir = open_run(&resolved, &run_name, "evaluate", false)?;
    run_dir.put_predictions(&predictions)?;

    let config = resolved.config.evaluation.clone();
    let (of_summary, allowed) = ((run_dir.clone(), environment.clone()), config.infrastructure);
    last_words.set(move || {
        if let Err(err) = summarize(&of_summary.0, of_summary.1.as_ref(), allowed) {
            say(&format!("no summary could be written: {err:#}"));
        }
    });
    let evaluation =
        Evaluation { environment, run_dir, config, tasks: providers.tasks.clone(), workers: args.workers.max(1) };
    let judged = evaluation.run(predictions).await?;
    let mut entries = Entries::begin()?;
    for (id, _) in &judged {
        entries.add(id, &evaluation.run_dir.report(id))?;
    }
    entries.end()?;
    let summary = summarize(&evaluation.run_dir, evaluation.environment.as_ref(), allowed)?;
    last_words.set(|| {});
    if let Some(folder) = &args.report_dir {
        say(&format!("official summary: {}", show(&summary.write_official(folder, &run_name)?)));
    }
    let all = judged.iter().all(|(_, has_verdict)| *has_verdict);
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

impl Evaluate {
    /// Returns the settings with the short forms of this command as their last layers.
    fn layered(&self) -> Settings {
        let mut settings = self.settings.clone();
        let timeout = self.timeout.map(|seconds| format!("env.eval_timeout={seconds}"));
        let share = self.allow_infrastructure.map(|share| format!("evaluation.infrastructure={share}"));
        settings.layers.extend([timeout, share].into_iter().flatten());
        settings
    }
}
