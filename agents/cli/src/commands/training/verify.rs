//! `verify`: scores of episodes, and scorers that are trained on them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use runner::Plugs;
use verifier::curves::{Rated, Scores};
use verifier::{
    Counted, FoldMixes, Hybrid, Known, Learned, Majority, Mix, Pool, Scored, Scorer, cross_validate, score_path,
    write_lines,
};

use super::curves::{compared, remarks, tables};
use super::scorer::{By, Episodes, rate};
use crate::console::say;
use crate::failed::Failed;
use crate::output::{print, show};

/// How many features of a model are named.
const NAMED: usize = 8;

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) episodes: Episodes,
    #[command(flatten)]
    pub(crate) by: By,
    /// Trains the scorer `learned` on the verdicts of the runs, and tells what it is worth on repositories that it has not
    /// seen.
    #[arg(long, requires = "out", conflicts_with_all = ["by", "model"])]
    train: bool,
    /// Fits the mix `hybrid` of the scorers of `--by` to the verdicts of the runs, and tells what it is worth on repositories
    /// that it was not fitted to.
    #[arg(long, requires_all = ["out", "by"], conflicts_with_all = ["train", "weights"])]
    fit: bool,
    /// The file for the trained model, or for the mix.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folds of the cross-validation, which no repository is on both sides of.
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    folds: u16,
    /// The greatest k of best@k. Default: the most candidates of an instance, but no more than 16.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    n: Option<u16>,
}

/// Checks the arguments, before tests are run for them.
pub(crate) fn check(plugs: &Plugs, args: &Verify) -> Result<(), Failed> {
    if args.train {
        return Ok(());
    }
    if args.by.by.is_empty() {
        return Err(Failed::Usage(anyhow!("nothing says how to rate\nhint: `--by majority`, or `--train --out FILE`")));
    }
    if !args.fit && args.out.is_some() {
        return Err(Failed::Usage(anyhow!("`--out` is for what `--train` or `--fit` makes")));
    }
    args.by.check(plugs).map_err(Failed::Usage)
}

pub(crate) async fn run(plugs: &Plugs, args: &Verify) -> Result<ExitCode, Failed> {
    let mut pool = args.episodes.pool().map_err(Failed::Usage)?;
    if let Some(out) = args.out.as_deref().filter(|_| args.train) {
        return train(args, &mut pool, out).await;
    }
    if args.fit {
        leave_out_unjudged(&mut pool);
    }
    let scorers = args.by.scorers(&pool, plugs).map_err(Failed::Usage)?;
    let mut rated = rate(&pool, &scorers, most(args, &pool)).await?;
    if let Some(out) = args.out.as_deref() {
        let parts = scorers.into_iter().map(|(_, scorer)| scorer).collect();
        let mixed = fit(args, &pool, (&rated, parts), out).await?;
        rated.push(mixed);
        return tell(args, &pool, &rated);
    }
    for (argument, one) in args.by.by.iter().zip(&rated) {
        write(&pool, argument, one)?;
    }
    tell(args, &pool, &rated)
}

/// Trains a model on what has a verdict, and tells what it is worth.
async fn train(args: &Verify, pool: &mut Pool, out: &Path) -> Result<ExitCode, Failed> {
    leave_out_unjudged(pool);
    let (labels, n) = (pool.labels(), most(args, pool));
    let counted = pool.map(|candidates| {
        let resolved = labels.get(&candidates.instance_id).map(Vec::as_slice).unwrap_or_default();
        Ok(Counted::new(candidates, resolved))
    })?;
    let model = Learned::train(&counted).map_err(Failed::Usage)?;
    let validated = cross_validate(&counted, usize::from(args.folds), n).map_err(Failed::Usage)?;
    journal::write_whole(out, model.to_json()?.as_bytes())?;
    say(&format!(
        "trained on {} candidates of {} instances; the figures are of {} folds over {} repositories, each rated by a model \
         that has not seen it\nsee {}",
        pool.len(),
        counted.len(),
        validated.folds,
        validated.repositories,
        show(out)
    ));
    let named = model.greatest(NAMED).into_iter().map(|(name, weight)| format!("{name} {weight:+.2}"));
    say(&format!("the greatest weights: {}", named.collect::<Vec<_>>().join("; ")));
    let rated = [pool.rate_up_to(&Majority, n).await?, validated.rated];
    tell(args, pool, &rated)
}

/// Leaves out what cannot be learned from.
fn leave_out_unjudged(pool: &mut Pool) {
    let unjudged = pool.keep_judged();
    if unjudged > 0 {
        say(&format!("{unjudged} episodes have no verdict and are left out"));
    }
}

/// Fits a mix of scorers and writes its file; returns its scores, each by a mix that was fitted to other repositories.
async fn fit(
    args: &Verify,
    pool: &Pool,
    (rated, parts): (&[Rated], Vec<Box<dyn Scorer>>),
    out: &Path,
) -> Result<Rated, Failed> {
    let labels = pool.labels();
    // By the names of the arguments, by which they are found again.
    let named: Vec<(String, Scores)> =
        args.by.by.iter().zip(rated).map(|(name, one)| (name.clone(), one.scores.clone())).collect();
    let mixes = FoldMixes::fit(&named, &labels, usize::from(args.folds)).map_err(Failed::Usage)?;
    let mut mix = Mix::fit(&named, &labels).map_err(Failed::Usage)?;
    mix.base = args.by.base_of_rank();
    let mixed = pool.rate_up_to(&Hybrid::cross_validated(parts, mixes), most(args, pool)).await?;
    journal::write_whole(out, mix.to_json()?.as_bytes())?;
    say(&format!(
        "fitted to {} candidates of {} instances; the figures are of folds by repository, each rated by a mix that was not \
         fitted to it\nsee {}",
        pool.len(),
        labels.len(),
        show(out)
    ));
    Ok(mixed)
}

/// Prints what the scores are worth, where there are verdicts to tell by.
fn tell(args: &Verify, pool: &Pool, rated: &[Rated]) -> Result<ExitCode, Failed> {
    let labels = pool.labels();
    if labels.is_empty() {
        say("no episode has a verdict, so that it cannot be told what the scores are worth");
        return Ok(ExitCode::SUCCESS);
    }
    let n = most(args, pool);
    let comparison = compared(pool, rated, &labels, n);
    print(&tables(&comparison))?;
    say(&remarks(&comparison));
    Ok(ExitCode::SUCCESS)
}

/// Returns the greatest k of best@k.
fn most(args: &Verify, pool: &Pool) -> usize {
    let most = pool.instances().map(|(_, members)| members.len()).max().unwrap_or(1).min(16);
    args.n.map_or(most, usize::from)
}

/// Writes the scores into the folders of the runs, a line an episode. What has none now keeps the one that it had; scores of a
/// file are added where there are none yet, and those that were read from the folders stay as they are.
fn write(pool: &Pool, argument: &str, rated: &Rated) -> anyhow::Result<()> {
    if argument.starts_with("stored:") {
        return Ok(());
    }
    let known = if argument.starts_with("file:") { Known::Kept } else { Known::Replaced };
    let scored = |score: Option<f64>| Scored { scorer: rated.name.clone(), score };
    let of = |instance_id: &str, place: usize| {
        let score = rated.scores.get(instance_id)?.get(place).copied().flatten()?;
        Some(scored(Some(score)))
    };
    let paths = write_lines(pool, known, |run| score_path(run, &rated.name), of, Some(&scored(None)))?;
    paths.iter().for_each(|path| say(&format!("see {}", show(path))));
    Ok(())
}
