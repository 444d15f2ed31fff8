//! Runs the tests of one instance on its candidates.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use env_core::{EnvError, Environment, Failure, Instance, Patch, Trial, TrialRun, find_instance};
use futures_util::{StreamExt, stream};
use journal::{Lease, file_name};
use runner::config::EvaluationConfig;
use runner::engine::{Ending, INFRASTRUCTURE, Stage, Work, WorkItem, Worker};
use runner::stages::Judge;
use verifier::Pool;
use verifier::trials::{Bounds, Inventory, Outcome, Plan, Run, Tested, Trials, WrittenTrials, survey};

use super::kept::Kept;

/// Version of what is kept. It is raised when the same trial may come out otherwise than before.
const VERSION: u32 = 1;

/// What the testing of many instances shares.
pub(super) struct Testing {
    pub(super) environment: Arc<dyn Environment>,
    pub(super) config: EvaluationConfig,
    /// The folder of all runs.
    pub(super) runs: PathBuf,
    pub(super) pool: Pool,
    pub(super) bounds: Bounds,
    /// How many trials of an instance are made at once.
    pub(super) at_once: usize,
}

/// What came of an instance.
pub(super) struct Tried {
    pub(super) instance_id: String,
    pub(super) tested: Result<Counted, String>,
}

/// What tests showed of the candidates of an instance.
#[derive(Default)]
pub(super) struct Counted {
    /// One a candidate.
    pub(super) candidates: Vec<Tested>,
    /// Trials that were made now.
    ran: usize,
    /// Trials that infrastructure kept from a result.
    missing: usize,
}

impl Work for Testing {
    type Input = String;
    type Output = Tried;

    fn endings(&self) -> &'static [&'static str] {
        &["tested", "not tested", INFRASTRUCTURE]
    }

    fn item(&self, instance_id: &String) -> WorkItem {
        let (cell, instance_id) = ("tests".to_owned(), instance_id.clone());
        WorkItem { cell, instance_id, sample: 0, stage: Stage::Test }
    }

    async fn work(&self, instance_id: String, worker: &Worker) -> Tried {
        let tested = self.test(&instance_id, worker).await.map_err(|err| format!("{err:#}"));
        Tried { instance_id, tested }
    }

    fn image(&self, instance_id: &String) -> Option<images::NeededImage> {
        runner::engine::wanted(
            self.environment.as_ref(),
            find_instance(self.environment.instances(), instance_id).ok()?,
        )
    }

    fn ending(&self, tried: &Tried) -> Ending {
        let (word, was_kept, line) = match &tried.tested {
            Ok(Counted { candidates, ran, missing }) => {
                let rated = candidates.iter().filter(|tested| tested.score.is_some()).count();
                let broke =
                    if *missing == 0 { String::new() } else { format!(", {missing} kept from it by infrastructure") };
                let line = format!("{rated} of {} candidates rated, {ran} trials{broke}", candidates.len());
                (if *missing == 0 { "tested" } else { INFRASTRUCTURE }, *ran == 0, line)
            }
            Err(why) => ("not tested", false, why.clone()),
        };
        Ending { word, was_kept, line: format!("{}: {line}", tried.instance_id) }
    }
}

impl Testing {
    async fn test(&self, instance_id: &str, worker: &Worker) -> anyhow::Result<Counted> {
        let environment = self.environment.as_ref();
        let instance = find_instance(environment.instances(), instance_id)?;
        let path = self.runs.join("trials").join(format!("{}.jsonl", file_name(instance_id)));
        // The lease lies beside the file.
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let _lease = Lease::wait(&path.with_extension("lease"), tokio::time::sleep).await?;
        let judge = Judge { environment, config: &self.config, worker, runs: &self.runs };
        let candidates = self.pool.candidates(instance_id)?;
        let mut bench = Bench {
            judge,
            instance,
            kept: Mutex::new(Kept::open(&path)?),
            place: environment.judging_key(instance),
            counts: Mutex::default(),
            at_once: self.at_once.max(1),
        };
        let inventory = bench.survey(survey(&candidates), self.bounds).await?;
        if inventory.is_empty() {
            anyhow::bail!("no file of the repository was found");
        }
        let plan = Plan::new(&candidates, &inventory, self.bounds);
        let trials = bench.trials(&plan).await?;
        let (ran, missing) = *bench.counts.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Counted { candidates: trials.tested(), ran, missing })
    }
}

/// What the trials of one instance share.
struct Bench<'a> {
    judge: Judge<'a>,
    instance: &'a Instance,
    kept: Mutex<Kept>,
    /// What tells where the trials are made from anywhere else.
    place: String,
    /// How many trials were made, and how many came to nothing.
    counts: Mutex<(usize, usize)>,
    at_once: usize,
}

impl Bench<'_> {
    /// Returns what there is in the repository. Where the image is another one than before, what is kept is of no use.
    async fn survey(&mut self, command: String, bounds: Bounds) -> anyhow::Result<Inventory> {
        let image = self.judge.environment.image_digest(self.instance).await;
        let (patch, files) = (Patch::default(), BTreeMap::new());
        let trial = Trial { patch, files, run: TrialRun::Command(command), timeout: bounds.timeout };
        let key = self.key(&trial);
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).survey(&key);
        if let Some((output, of)) = known.filter(|(_, of)| image.is_none() || image == *of) {
            self.place += &format!("\0{}", of.unwrap_or_default());
            return Ok(Inventory::read(&output));
        }
        let tried = self.judge.attempt(self.instance, &trial).await?;
        if let Some(failure) = tried.failure {
            anyhow::bail!("the files of the repository cannot be listed: {failure}");
        }
        // It may have come only now.
        let image = self.judge.environment.image_digest(self.instance).await;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).add_survey(
            &key,
            tried.output.clone(),
            image.clone(),
        )?;
        self.place += &format!("\0{}", image.unwrap_or_default());
        Ok(Inventory::read(&tried.output))
    }

    /// Makes the trials of a plan. Tests that agents wrote are tried with candidates only where they fail at the base commit:
    /// no others tell anything.
    async fn trials(&self, plan: &Plan) -> anyhow::Result<Trials> {
        let (files, base) = self.base(plan).await?;
        let at_base =
            self.all(plan.written.iter().map(|one| (plan.written(one, None), script(&one.run))).collect()).await?;
        let telling: Vec<usize> = (0..plan.written.len())
            .filter(|at| {
                at_base
                    .get(*at)
                    .and_then(Option::as_ref)
                    .is_some_and(|base| base.failure.is_some() || !base.failed.is_empty())
            })
            .collect();
        let changes: Vec<bool> = plan.sources.iter().map(|source| !source.trim().is_empty()).collect();
        let changing: Vec<usize> = (0..changes.len()).filter(|place| changes.get(*place) == Some(&true)).collect();
        let mut asked = Vec::new();
        for place in &changing {
            if !files.is_empty() {
                asked.push((plan.regression(Some(*place), &files), None));
            }
            let written = telling.iter().filter_map(|at| plan.written.get(*at));
            asked.extend(written.map(|one| (plan.written(one, Some(*place)), script(&one.run))));
        }
        let mut outcomes = self.all(asked).await?.into_iter();
        let mut trials = Trials { regression: vec![None; changes.len()], changes, base, written: Vec::new() };
        trials.written = telling
            .iter()
            .filter_map(|at| {
                let outcomes = vec![None; trials.changes.len()];
                Some(WrittenTrials {
                    authors: plan.written.get(*at)?.authors.clone(),
                    base: at_base.get(*at)?.clone(),
                    outcomes,
                })
            })
            .collect();
        for place in changing {
            if !files.is_empty()
                && let Some(slot) = trials.regression.get_mut(place)
            {
                *slot = outcomes.next().flatten();
            }
            for written in &mut trials.written {
                if let Some(slot) = written.outcomes.get_mut(place) {
                    *slot = outcomes.next().flatten();
                }
            }
        }
        Ok(trials)
    }

    /// Runs tests of the repository at the base commit: of those planned the half, and again the half, as long as they take too
    /// long. Returns which they are.
    async fn base(&self, plan: &Plan) -> anyhow::Result<(Vec<String>, Option<Outcome>)> {
        let mut files = plan.regression.clone();
        while !files.is_empty() {
            let outcome = self.one(&plan.regression(None, &files), None).await?;
            match &outcome {
                Some(Outcome { failure: Some(Failure::TestsTimedOut), .. }) if files.len() > 1 => {
                    files.truncate(files.len() / 2)
                }
                // With nothing that passes, there is nothing that could break.
                Some(outcome) if outcome.passed.is_empty() => break,
                None => break,
                Some(_) => return Ok((files, outcome)),
            }
        }
        Ok((Vec::new(), None))
    }

    /// Makes trials, several at once and equal ones once, and returns what came of each, in their order.
    async fn all(&self, asked: Vec<(Trial, Option<String>)>) -> anyhow::Result<Vec<Option<Outcome>>> {
        let keys: Vec<String> = asked.iter().map(|(trial, _)| self.key(trial)).collect();
        let mut distinct: BTreeMap<&str, &(Trial, Option<String>)> = BTreeMap::new();
        keys.iter().zip(&asked).for_each(|(key, one)| {
            distinct.insert(key, one);
        });
        let one = |(key, (trial, script)): (&str, &(Trial, Option<String>))| {
            let (key, trial, script) = (key.to_owned(), trial.clone(), script.clone());
            async move { (key, self.one(&trial, script.as_deref()).await) }
        };
        let mut done = stream::iter(distinct.into_iter().map(one)).buffer_unordered(self.at_once);
        let mut outcomes: BTreeMap<String, Option<Outcome>> = BTreeMap::new();
        while let Some((key, outcome)) = done.next().await {
            outcomes.insert(key, outcome?);
        }
        Ok(keys.iter().map(|key| outcomes.get(key).cloned().flatten()).collect())
    }

    /// Makes a trial that has not been made, and keeps what came of it; `None` where infrastructure broke.
    async fn one(&self, trial: &Trial, script: Option<&str>) -> anyhow::Result<Option<Outcome>> {
        let key = self.key(trial);
        if let Some(outcome) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).outcome(&key) {
            return Ok(Some(outcome));
        }
        match self.judge.attempt(self.instance, trial).await {
            Ok(tried) => {
                let outcome = Outcome::of(&tried, script);
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).add_outcome(&key, &outcome)?;
                self.counts.lock().unwrap_or_else(PoisonError::into_inner).0 += 1;
                Ok(Some(outcome))
            }
            Err(EnvError::Sandbox(err)) => {
                self.judge.worker.note(&format!("{}: a trial came to nothing: {err}", self.instance.instance_id));
                self.counts.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
                Ok(None)
            }
            Err(err) => Err(err.into()),
        }
    }

    /// Returns the digest of a trial and where it is made.
    fn key(&self, trial: &Trial) -> String {
        Patch(format!("{VERSION}\0{}\0{trial:?}", self.place)).digest()
    }
}

/// Returns the name of the one test that a script is.
fn script(run: &Run) -> Option<String> {
    match run {
        Run::Script(path) => Some(path.clone()),
        Run::Tests(_) => None,
    }
}
