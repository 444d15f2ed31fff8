//! Scorers as arguments name them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use env_core::nearest;
use runner::Plugs;
use verifier::curves::Scores;
use verifier::{First, Learned, Majority, Oracle, Pool, Random, Scorer};

use super::asked::AskedArguments;
use crate::commands::runs::named_run::Runs;
use crate::console::say;

/// What `--by` knows.
const NAMES: [&str; 7] = ["random", "first", "majority", "learned", "llm", "judge", "oracle"];

/// Which episodes are rated.
#[derive(Debug, Args)]
pub(crate) struct Rated {
    /// The runs: names, or paths of their folders. The candidates of an instance are its episodes in all of them.
    #[arg(required = true, value_name = "RUN")]
    pub(crate) names: Vec<String>,
    /// Only these cells. May be repeated.
    #[arg(long, value_name = "CELL")]
    cell: Vec<String>,
    #[command(flatten)]
    runs: Runs,
}

/// How they are rated.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// The scorer: `majority` (the largest group of equal patches), `learned` (with `--model`), `llm` (a model's
    /// probability that the log of an episode shows a solution), `judge` (a model's rating of it), or one of the bounds
    /// `random`, `first` and `oracle`. May be repeated.
    #[arg(long, value_name = "SCORER")]
    pub(crate) by: Vec<String>,
    /// The file of a learned scorer, which `--train` makes.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The seed of `random`.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    asked: AskedArguments,
}

impl Rated {
    /// Reads the episodes of the runs, and says which are left out.
    pub(crate) fn pool(&self) -> anyhow::Result<Pool> {
        let mut pool = Pool::default();
        let mut known: Vec<PathBuf> = Vec::new();
        for name in &self.names {
            let run = self.runs.open(name)?;
            let folder = run.folder().canonicalize().unwrap_or_else(|_| run.folder().to_owned());
            if !known.contains(&folder) {
                pool.add(&run, &self.cell);
                known.push(folder);
            }
        }
        if pool.is_empty() {
            bail!(
                "there is no finished episode with a patch here\nhint: `spotter status RUN` tells how far a run has got"
            );
        }
        if pool.unfinished > 0 {
            say(&format!("{} episodes have no patch to rate and are left out", pool.unfinished));
        }
        Ok(pool)
    }
}

impl By {
    /// Returns the scorers with their names, in the order in which they were named.
    ///
    /// # Errors
    /// When one is unknown, or a model is missing.
    pub(crate) fn scorers(&self, pool: &Pool, plugs: &Plugs) -> anyhow::Result<Vec<(String, Box<dyn Scorer>)>> {
        let one = |name: &String| -> anyhow::Result<(String, Box<dyn Scorer>)> {
            let scorer: Box<dyn Scorer> = match name.as_str() {
                "random" => Box::new(Random { seed: self.seed }),
                "first" => Box::new(First),
                "majority" => Box::new(Majority),
                "oracle" => Box::new(Oracle::new(pool.verdicts())),
                "learned" => Box::new(unseen(read(self.model.as_deref())?, pool)),
                "llm" | "judge" => Box::new(self.asked.scorer(name, plugs, first_run(pool))?),
                _ => {
                    let near = nearest(name, NAMES).map(|near| format!("did you mean `{near}`?"));
                    let hint = near.unwrap_or_else(|| format!("the scorers are `{}`", NAMES.join("`, `")));
                    bail!("there is no scorer `{name}`\nhint: {hint}");
                }
            };
            Ok((name.clone(), scorer))
        };
        self.by.iter().map(one).collect()
    }
}

/// Rates the episodes by each of the scorers.
pub(crate) async fn rate(
    pool: &Pool,
    scorers: Vec<(String, Box<dyn Scorer>)>,
) -> anyhow::Result<Vec<(String, Scores)>> {
    let mut rated = Vec::with_capacity(scorers.len());
    for (name, scorer) in scorers {
        let scores = pool.rate(scorer.as_ref()).await?;
        scorer.remarks().iter().for_each(|remark| say(&format!("{name}: {remark}")));
        rated.push((name, scores));
    }
    Ok(rated)
}

/// Returns the folder of the first run.
fn first_run(pool: &Pool) -> &Path {
    let first = pool.instances().find_map(|(_, members)| members.first());
    first.map_or(Path::new("."), |member| member.run.as_path())
}

/// Says of a model how much of what it rates it may have been trained on.
fn unseen(model: Learned, pool: &Pool) -> Learned {
    let seen = pool.instances().filter(|(id, _)| model.has_seen(id)).count();
    if seen > 0 {
        say(&format!(
            "warning: the model was trained on repositories of {seen} of these {} instances: its figures here are too good\nhint: `--train` cross-validates",
            pool.instances().count()
        ));
    }
    model
}

fn read(path: Option<&Path>) -> anyhow::Result<Learned> {
    let path = path.context(
        "`learned` needs the file of a model\nhint: `--model FILE`; `spotter verify --train RUN… --out FILE` makes one",
    )?;
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Learned::parse(&text).with_context(|| format!("cannot use `{}`", path.display()))
}
