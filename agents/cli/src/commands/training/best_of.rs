//! `best-of`: the best of n episodes of each instance, and what picking is worth.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use runner::Plugs;
use verifier::curves::{Rated, Stopping, stop_early};
use verifier::{Pool, picks};

use super::curves::{compared, remarks, tables};
use super::scorer::{By, Episodes, rate};
use crate::console::say;
use crate::failed::Failed;
use crate::output::{print, show};

/// Folds of repositories, each of which stops by a rule that the others chose.
const FOLDS: usize = 5;

#[derive(Debug, Args)]
pub(crate) struct BestOf {
    #[command(flatten)]
    pub(crate) episodes: Episodes,
    #[command(flatten)]
    pub(crate) by: By,
    /// How many episodes of an instance are picked from: the first ones.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) n: u16,
    /// The folder for `preds.jsonl`, and `curves` as `.csv`, `.svg` and `.png`. Default: `best-of.SCORER` in the folder of the first
    /// run.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Checks the arguments, before tests are run for them.
pub(crate) fn check(plugs: &Plugs, args: &BestOf) -> Result<(), Failed> {
    if args.by.by.is_empty() {
        return Err(Failed::Usage(anyhow!(
            "nothing says how to pick\nhint: `--by majority`, or `--by learned --model FILE`"
        )));
    }
    args.by.check(plugs).map_err(Failed::Usage)
}

pub(crate) async fn run(plugs: &Plugs, args: &BestOf) -> Result<ExitCode, Failed> {
    let n = usize::from(args.n);
    let mut pool = args.episodes.pool().map_err(Failed::Usage)?;
    pool.truncate(n);
    let scorers = args.by.scorers(&pool, plugs).map_err(Failed::Usage)?;
    let rated = rate(&pool, &scorers, n).await?;
    let first = rated.first().map(|one| one.name.as_str()).unwrap_or_default();
    let run = pool.instances().find_map(|(_, members)| Some(members.first()?.run.clone())).unwrap_or_default();
    let out = args.out.clone().unwrap_or_else(|| run.join(format!("best-of.{first}")));
    std::fs::create_dir_all(&out).with_context(|| format!("cannot make the folder {}", show(&out)))?;
    let best = rated.first().map(|one| one.scores.clone()).unwrap_or_default();
    let mut lines = String::new();
    let picked = picks(&pool, &best, &format!("best-of-{n}-{first}"));
    for prediction in &picked {
        lines += &serde_json::to_string(prediction).context("a prediction cannot be written as JSON")?;
        lines.push('\n');
    }
    journal::write_whole(&out.join("preds.jsonl"), lines.as_bytes())?;
    say(&format!("{} instances, {} candidates", picked.len(), pool.len()));
    if curves(&pool, &rated, n, &out)? {
        let is_bound = |name: &str| matches!(name, "random" | "first" | "oracle");
        for ((name, scorer), rated) in scorers.iter().zip(&rated).filter(|((name, _), _)| !is_bound(name)) {
            let courses = pool.courses(scorer.as_ref(), &rated.scores).await?;
            say(&saved(name, stop_early(&courses, FOLDS)));
        }
    }
    say(&format!("see {}", show(&out)));
    Ok(ExitCode::SUCCESS)
}

/// Prints and writes the curves, where there are verdicts to tell by; returns whether there are.
fn curves(pool: &Pool, rated: &[Rated], n: usize, out: &std::path::Path) -> anyhow::Result<bool> {
    let labels = pool.labels();
    if labels.is_empty() {
        say("no episode has a verdict, so that there are no curves\nhint: `spotter evaluate` judges the picks");
        return Ok(false);
    }
    let comparison = compared(pool, rated, &labels, n);
    journal::write_whole(&out.join("curves.csv"), comparison.csv().as_bytes())?;
    journal::write_whole(&out.join("curves.svg"), comparison.svg().as_bytes())?;
    journal::write_whole(&out.join("curves.png"), &comparison.png()?)?;
    print(&tables(&comparison))?;
    say(&remarks(&comparison));
    Ok(true)
}

/// Tells how many attempts are saved when sampling stops at a score, or at a group of equal patches.
fn saved(name: &str, stopping: Option<Stopping>) -> String {
    let Some(Stopping { attempts, all, saved, rate, difference, .. }) = stopping else {
        return format!(
            "`{name}`: what stopping early saves takes two repositories with several judged candidates to tell"
        );
    };
    // Rounding leaves no minus before a zero.
    let percent = |share: f64| (share * 1000.0).round() / 10.0 + 0.0;
    let whole = |share: f64| (share * 100.0).round() + 0.0;
    format!(
        "stopping early by `{name}`: {:.1} of {all:.1} attempts an instance, {:.0} % [{:.0}, {:.0}] saved; {:.1} % resolved, {:+.1} \
         [{:+.1}, {:+.1}] points beside all attempts, by rules of other repositories",
        attempts.mean,
        whole(saved.mean),
        whole(saved.low),
        whole(saved.high),
        percent(rate),
        percent(difference.mean),
        percent(difference.low),
        percent(difference.high),
    )
}
