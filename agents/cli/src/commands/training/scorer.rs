//! Scorers as arguments name them.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use env_core::nearest;
use runner::Plugs;
use runner::environments::Providers;
use verifier::curves::Rated;
use verifier::{First, Hybrid, Learned, Majority, Mix, Oracle, Pool, Random, Rank, Scorer};

use super::asked::AskedArguments;
use super::stored;
use super::trials::{self, TrialArgs, tests};
use crate::commands::runs::named_run::Runs;
use crate::console::say;
use crate::failed::Failed;

/// What `--by` knows.
const NAMES: [&str; 10] =
    ["random", "first", "majority", "learned", "llm", "judge", "tests", "rank", "hybrid", "oracle"];

/// What `rank` goes by before tests, where nothing else is named.
const BASE: &str = "majority";

/// Which episodes are rated.
#[derive(Debug, Args)]
pub(crate) struct Episodes {
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
    /// probability that the log of an episode shows a solution), `judge` (a model's rating of it), `tests` (the
    /// repository's own and those that agents wrote, run on each other's patches), `rank` (with `--base`), `hybrid` (with
    /// `--weights`), one of the bounds `random`, `first` and `oracle`; `stored:NAME` for the scores of an earlier `verify
    /// --by NAME`, or `file:PATH` for those of a file. May be repeated.
    #[arg(long, value_name = "SCORER")]
    pub(crate) by: Vec<String>,
    /// The file of a learned scorer, which `--train` makes.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The scorer by which `rank` keeps the better half, before it goes by tests. Default: `majority`, or for a mix the one
    /// that it was fitted with.
    #[arg(long, value_name = "SCORER")]
    base: Option<String>,
    /// The file of a mix of scorers for `hybrid`, which `--fit` makes.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    #[command(flatten)]
    trials: TrialArgs,
    /// The seed of `random`.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    asked: AskedArguments,
}

impl Episodes {
    /// Reads the episodes of the runs, and says which are left out.
    pub(crate) fn pool(&self) -> anyhow::Result<Pool> {
        let pool = self.read()?;
        if pool.unfinished > 0 {
            say(&format!("{} episodes have no patch to rate and are left out", pool.unfinished));
        }
        Ok(pool)
    }

    /// Reads the episodes of the runs.
    fn read(&self) -> anyhow::Result<Pool> {
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
        Ok(pool)
    }
}

impl By {
    /// Returns whether a scorer goes by tests, which have to be run before.
    ///
    /// # Errors
    /// When the mix of `hybrid` cannot be read.
    fn goes_by_tests(&self) -> anyhow::Result<bool> {
        let goes = |name: &String| matches!(name.as_str(), "tests" | "rank");
        let is_mixed = self.by.iter().any(|name| name == "hybrid");
        Ok(self.by.iter().any(goes) || (is_mixed && self.mix()?.scorers.iter().any(goes)))
    }

    /// Reads the mix of `hybrid`.
    fn mix(&self) -> anyhow::Result<Mix> {
        let hint = "`--weights FILE`; `spotter verify RUN… --by … --by … --fit --out FILE` makes one";
        let path =
            self.weights.as_deref().with_context(|| format!("`hybrid` needs the file of a mix\nhint: {hint}"))?;
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let mix = Mix::parse(&text).with_context(|| format!("cannot use `{}`", path.display()))?;
        if mix.scorers.iter().any(|name| name == "hybrid") {
            bail!("a mix cannot be part of a mix");
        }
        match (&self.base, &mix.base) {
            (Some(named), Some(fitted)) if named != fitted => {
                bail!("the mix was fitted with `--base {fitted}`, and `--base {named}` would make another scorer of it")
            }
            _ => Ok(mix),
        }
    }

    /// Returns what `rank` goes by before tests.
    fn base(&self) -> &str {
        self.base.as_deref().unwrap_or(BASE)
    }

    /// Returns the same where `rank` is among the scorers.
    pub(crate) fn base_of_rank(&self) -> Option<String> {
        self.by.iter().any(|name| name == "rank").then(|| self.base().to_owned())
    }

    /// Checks what can be checked before anything is run: that the scorers are known, and have what they need.
    ///
    /// # Errors
    /// When one is unknown, or a file or a model is missing.
    pub(crate) fn check(&self, plugs: &Plugs) -> anyhow::Result<()> {
        let mut names: Vec<(String, String)> =
            self.by.iter().map(|name| (name.clone(), self.base().to_owned())).collect();
        if self.by.iter().any(|name| name == "hybrid") {
            let mix = self.mix()?;
            let base = mix.base.as_deref().unwrap_or(BASE);
            names.extend(mix.scorers.iter().map(|name| (name.clone(), base.to_owned())));
        }
        for (name, base) in &names {
            self.check_one(name, plugs)?;
            if name == "rank" {
                check_base(base)?;
                self.check_one(base, plugs)?;
            }
        }
        Ok(())
    }

    fn check_one(&self, name: &str, plugs: &Plugs) -> anyhow::Result<()> {
        match name {
            "learned" => read(self.model.as_deref()).map(drop),
            "llm" | "judge" => self.asked.check(name, plugs, &self.trials.layers),
            name if name.starts_with("stored:") || NAMES.contains(&name) => Ok(()),
            name => match name.strip_prefix("file:") {
                Some(path) if Path::new(path).is_file() => Ok(()),
                Some(path) => bail!("there is no file `{path}`"),
                None => Err(unknown(name)),
            },
        }
    }

    /// Returns the mix of scorers that `--weights` names.
    fn hybrid(&self, pool: &Pool, plugs: &Plugs) -> anyhow::Result<Hybrid> {
        let mix = self.mix()?;
        let part = |name: &String| self.scorer_over(name, mix.base.as_deref().unwrap_or(BASE), pool, plugs);
        let parts = mix.scorers.iter().map(part).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Hybrid::new(parts, mix))
    }

    /// Returns the scorers with their names, in the order in which they were named.
    ///
    /// # Errors
    /// When one is unknown, or a model is missing.
    pub(crate) fn scorers(&self, pool: &Pool, plugs: &Plugs) -> anyhow::Result<Vec<(String, Box<dyn Scorer>)>> {
        let one = |name: &String| -> anyhow::Result<(String, Box<dyn Scorer>)> {
            let scorer = self.scorer(name, pool, plugs)?;
            Ok((scorer.name().to_owned(), scorer))
        };
        self.by.iter().map(one).collect()
    }

    /// Returns the scorer of a name.
    fn scorer(&self, name: &str, pool: &Pool, plugs: &Plugs) -> anyhow::Result<Box<dyn Scorer>> {
        self.scorer_over(name, self.base(), pool, plugs)
    }

    /// Returns the scorer of a name, with the scorer that `rank` goes by before tests.
    fn scorer_over(&self, name: &str, base: &str, pool: &Pool, plugs: &Plugs) -> anyhow::Result<Box<dyn Scorer>> {
        if let Some(path) = name.strip_prefix("file:") {
            return Ok(Box::new(stored::of_file(Path::new(path), pool)?));
        }
        if let Some(scorer) = name.strip_prefix("stored:") {
            return Ok(Box::new(stored::of_runs(scorer, pool)?));
        }
        Ok(match name {
            "random" => Box::new(Random { seed: self.seed }),
            "first" => Box::new(First),
            "majority" => Box::new(Majority),
            "oracle" => Box::new(Oracle::new(pool.verdicts())),
            "learned" => Box::new(unseen(read(self.model.as_deref())?, pool)),
            "llm" | "judge" => Box::new(self.asked.scorer(name, plugs, &self.trials.layers, first_run(pool))?),
            "tests" => Box::new(tests(pool)?),
            "hybrid" => Box::new(self.hybrid(pool, plugs)?),
            "rank" => {
                check_base(base)?;
                Box::new(Rank::new(self.scorer_over(base, base, pool, plugs)?, tests(pool)?))
            }
            _ => return Err(unknown(name)),
        })
    }
}

/// Refuses what stands on tests, or on `rank` itself, as what `rank` goes by before tests.
fn check_base(base: &str) -> anyhow::Result<()> {
    match base {
        "rank" | "hybrid" => bail!("`{base}` cannot be the `--base` of `rank`"),
        _ => Ok(()),
    }
}

fn unknown(name: &str) -> anyhow::Error {
    let near = nearest(name, NAMES).map(|near| format!("did you mean `{near}`?"));
    let hint = near.unwrap_or_else(|| format!("the scorers are `{}`", NAMES.join("`, `")));
    anyhow!("there is no scorer `{name}`\nhint: {hint}")
}

/// Runs the tests that the scorers go by, where they do. `most` is how many candidates of an instance are looked at.
pub(crate) async fn run_tests(
    plugs: &Plugs,
    (episodes, by): (&Episodes, &By),
    most: Option<usize>,
    providers: &Providers,
) -> Result<(), Failed> {
    if !by.goes_by_tests().map_err(Failed::Usage)? {
        return Ok(());
    }
    let mut pool = episodes.read().map_err(Failed::Usage)?;
    if let Some(most) = most {
        pool.truncate(most);
    }
    trials::run(plugs, &by.trials, pool, providers).await
}

/// Rates the episodes by each of the scorers, and their subsets up to `n` by those that compare.
pub(crate) async fn rate(pool: &Pool, scorers: &[(String, Box<dyn Scorer>)], n: usize) -> anyhow::Result<Vec<Rated>> {
    let mut rated = Vec::with_capacity(scorers.len());
    for (name, scorer) in scorers {
        let one = pool.rate_up_to(scorer.as_ref(), n).await?;
        scorer.remarks().iter().for_each(|remark| say(&format!("{name}: {remark}")));
        rated.push(Rated { name: name.clone(), ..one });
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
