//! `best-of`: the best of n episodes of each instance, and what picking is worth.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use runner::Plugs;
use verifier::curves::Scores;
use verifier::{Pool, picks};

use super::curves::{compared, remarks, tables};
use super::scorer::{By, Rated, rate};
use crate::console::say;
use crate::failed::Failed;
use crate::output::{print, show};

#[derive(Debug, Args)]
pub(crate) struct BestOf {
    #[command(flatten)]
    rated: Rated,
    #[command(flatten)]
    by: By,
    /// How many episodes of an instance are picked from: the first ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    n: u16,
    /// The folder for `preds.jsonl`, `curves.csv` and `curves.svg`. Default: `best-of.SCORER` in the folder of the first
    /// run.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(plugs: &Plugs, args: &BestOf) -> Result<ExitCode, Failed> {
    let Some(first) = args.by.by.first() else {
        return Err(Failed::Usage(anyhow!(
            "nothing says how to pick\nhint: `--by majority`, or `--by learned --model FILE`"
        )));
    };
    let n = usize::from(args.n);
    let mut pool = args.rated.pool().map_err(Failed::Usage)?;
    pool.truncate(n);
    let scorers = args.by.scorers(&pool, plugs).map_err(Failed::Usage)?;
    let scored = rate(&pool, scorers).await?;
    let run = pool.instances().find_map(|(_, members)| Some(members.first()?.run.clone())).unwrap_or_default();
    let out = args.out.clone().unwrap_or_else(|| run.join(format!("best-of.{first}")));
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make the folder {}", show(&out)))?;
    let best = scored.first().map(|(_, scores)| scores.clone()).unwrap_or_default();
    let mut lines = String::new();
    let picked = picks(&pool, &best, &format!("best-of-{n}-{first}"));
    for prediction in &picked {
        lines += &serde_json::to_string(prediction).context("a prediction cannot be written as JSON")?;
        lines.push('\n');
    }
    journal::write_whole(&out.join("preds.jsonl"), lines.as_bytes())?;
    say(&format!("{} instances, {} candidates", picked.len(), pool.len()));
    curves(&pool, &scored, n, &out)?;
    say(&format!("see {}", show(&out)));
    Ok(ExitCode::SUCCESS)
}

/// Prints and writes the curves, where there are verdicts to tell by.
fn curves(pool: &Pool, scored: &[(String, Scores)], n: usize, out: &std::path::Path) -> anyhow::Result<()> {
    let labels = pool.labels();
    if labels.is_empty() {
        say("no episode has a verdict, so that there are no curves\nhint: `spotter evaluate` judges the picks");
        return Ok(());
    }
    let comparison = compared(pool, scored, &labels, n);
    journal::write_whole(&out.join("curves.csv"), comparison.csv().as_bytes())?;
    journal::write_whole(&out.join("curves.svg"), comparison.svg().as_bytes())?;
    print(&tables(&comparison))?;
    say(&remarks(&comparison));
    Ok(())
}
