//! Instances with their tests: an environment that starts their images and judges patches by the tests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use audit::{Admission, Gate};
use env_core::{
    Audited, Dialect, EnvError, Environment, Instance, Judging, Patch, Ready, TestLists, Trial, Tried, Verdict,
    Verifier, find_instance,
};
use grading::TestSpec;
use repo::history::{key, prepare, resume};
use tool_core::{Image, SandboxProvider};

use crate::judge::{judge, judging_key, stop};
use crate::strict::{Strict, judge_strictly, new_words, screen};
use crate::trial::attempt;

/// An environment made of instances with their tests. What a patch is judged by can be put in, never taken out.
pub struct Benchmark {
    name: String,
    instances: Vec<Instance>,
    /// One for each instance, in the same order.
    parts: Vec<Parts>,
    /// Position by instance id in lower case.
    positions: HashMap<String, usize>,
    provider: Arc<dyn SandboxProvider>,
    /// Starts the sandboxes in which patches are judged.
    judge_provider: Arc<dyn SandboxProvider>,
    /// The limits of these sandboxes, in words that a verdict's key holds.
    judge_limits: String,
    /// How patches are judged.
    judging: Judging,
    keep_history: bool,
    /// What knows of leaks in images; `None` where nobody asks.
    gate: Option<Gate>,
    /// Held by who prepares an image for the first time, so that the others can start from what it keeps; `None` once
    /// that has failed, and nobody need wait.
    preparing: Mutex<HashMap<String, Option<Arc<tokio::sync::Mutex<()>>>>>,
}

/// One instance with what its sandboxes are started from and its patches are judged by.
pub struct Entry {
    /// The instance.
    pub instance: Instance,
    /// What its sandboxes are started from.
    pub image: Image,
    /// The gold patch.
    pub gold: Option<Patch>,
    /// What a patch is judged by, or why none can be judged.
    pub tests: Result<TestSpec, String>,
}

/// An [`Entry`] without its instance.
struct Parts {
    image: Image,
    gold: Option<Patch>,
    tests: Result<TestSpec, String>,
}

impl Benchmark {
    /// Returns an environment over instances, whose repositories keep their history when `keep_history` says so.
    ///
    /// # Errors
    /// [`EnvError::Unusable`] when two instances have the same id, without regard to case.
    pub fn new(
        name: impl Into<String>,
        entries: Vec<Entry>,
        keep_history: bool,
        provider: Arc<dyn SandboxProvider>,
    ) -> Result<Self, EnvError> {
        let split = |Entry { instance, image, gold, tests }: Entry| (instance, Parts { image, gold, tests });
        let (instances, parts): (Vec<_>, Vec<_>) = entries.into_iter().map(split).unzip();
        let mut positions = HashMap::with_capacity(instances.len());
        for (position, instance) in instances.iter().enumerate() {
            if positions.insert(instance.instance_id.to_lowercase(), position).is_some() {
                return Err(unusable(instance, "it occurs twice"));
            }
        }
        let (judge_provider, judge_limits) = (provider.clone(), String::new());
        let name = name.into();
        let (judging, gate, preparing) = (Judging::Official, None, Mutex::default());
        Ok(Self {
            name,
            instances,
            parts,
            positions,
            provider,
            judge_provider,
            judge_limits,
            judging,
            keep_history,
            gate,
            preparing,
        })
    }

    /// Returns the environment with patches judged in sandboxes of another provider, whose limits, such as those on
    /// memory and network, `limits` tells from any others: a verdict holds only under the same.
    #[must_use]
    pub fn judged_by(mut self, provider: Arc<dyn SandboxProvider>, limits: String) -> Self {
        self.judge_provider = provider;
        self.judge_limits = limits;
        self
    }

    /// Returns the environment with patches judged in this way; official without it.
    #[must_use]
    pub fn judging(mut self, judging: Judging) -> Self {
        self.judging = judging;
        self
    }

    /// Returns the environment with the certificates of images checked at each episode's start.
    #[must_use]
    pub fn audited(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Returns the environment with another time limit for the tests of every instance.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        for tests in self.parts.iter_mut().filter_map(|parts| parts.tests.as_mut().ok()) {
            tests.timeout = timeout;
        }
        self
    }

    fn parts(&self, instance: &Instance) -> Result<&Parts, EnvError> {
        let position = self.positions.get(&instance.instance_id.to_lowercase());
        if let Some(parts) = position.and_then(|position| self.parts.get(*position)) {
            return Ok(parts);
        }
        find_instance(&self.instances, &instance.instance_id)?;
        Err(unusable(instance, "it has no answers"))
    }

    /// Returns how the tests of an instance are run.
    fn testing<'a>(&'a self, instance: &Instance) -> Result<(&'a Image, &'a TestSpec), EnvError> {
        let parts = self.parts(instance)?;
        let tests = parts.tests.as_ref().map_err(|reason| unusable(instance, reason))?;
        Ok((&parts.image, tests))
    }

    /// Returns what patches of an instance are judged by.
    fn judged_by_tests<'a>(&'a self, instance: &Instance) -> Result<(&'a Image, &'a TestSpec), EnvError> {
        let (image, tests) = self.testing(instance)?;
        if tests.grading.fail_to_pass.is_empty() && tests.grading.pass_to_pass.is_empty() {
            return Err(unusable(instance, "it names no test, so that every patch would pass"));
        }
        Ok((image, tests))
    }

    /// Returns on what terms an episode may start; nothing where nobody asks, or the image is not here yet.
    async fn admit(&self, image: &Image, instance: &Instance) -> Result<Option<Admission>, EnvError> {
        let Some(gate) = &self.gate else { return Ok(None) };
        let gold = self.parts(instance)?.gold.as_ref();
        gate.admit(&*self.provider, image, (instance, gold)).await
    }

    /// Starts a sandbox and prepares it.
    async fn start(&self, image: &Image, instance: &Instance, admission: Option<Admission>) -> Result<Ready, EnvError> {
        let sandbox = self.provider.start(image).await?;
        let root = sandbox.info().root.clone();
        let prepared = async {
            // Now it is here, also where it had to be pulled.
            let admission = match admission {
                Some(admission) => Some(admission),
                None => self.admit(image, instance).await?,
            };
            if let Some(admission) = &admission {
                admission.clear(&*sandbox).await?;
            }
            let baseline = prepare(&*sandbox, &root, &instance.base_commit, self.keep_history).await?;
            Ok::<_, EnvError>((baseline, self.audited_as(admission)))
        };
        match prepared.await {
            Ok((baseline, audit)) => Ok(Ready { sandbox, baseline, history_kept: self.keep_history, audit }),
            Err(err) => {
                stop(&*sandbox).await;
                Err(err.for_instance(&instance.instance_id))
            }
        }
    }

    /// Starts a sandbox from what an earlier start has kept; `None` where that is nothing, or not as it was left.
    async fn start_kept(&self, image: &Image, key: &str, admission: Option<&Admission>) -> Option<Ready> {
        if self.gate.is_some() && admission.is_none() && self.provider.pulls() {
            // It has to be pulled first, and may have a certificate then.
            return None;
        }
        let sandbox = self.provider.start_kept(image, key).await.ok()??;
        let root = sandbox.info().root.clone();
        match resume(&*sandbox, &root, self.provider.checks_kept()).await {
            Ok(baseline) => {
                let audit = self.audited_as(admission.cloned());
                Some(Ready { sandbox, baseline, history_kept: false, audit })
            }
            Err(_) => {
                stop(&*sandbox).await;
                None
            }
        }
    }

    /// Returns what is recorded of an admission; where somebody asked, there is always something.
    fn audited_as(&self, admission: Option<Admission>) -> Option<Audited> {
        self.gate.as_ref().map(|_| admission.map(|admission| admission.audited).unwrap_or_default())
    }

    /// Returns the lock of a state; `None` for one that cannot be kept.
    fn preparing(&self, key: &str) -> Option<Arc<tokio::sync::Mutex<()>>> {
        let mut locks = self.preparing.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(key.to_owned()).or_insert_with(|| Some(Arc::default())).clone()
    }

    /// Notes that a state cannot be kept.
    fn give_up_keeping(&self, key: &str) {
        let mut locks = self.preparing.lock().unwrap_or_else(PoisonError::into_inner);
        locks.insert(key.to_owned(), None);
    }
}

#[async_trait]
impl Environment for Benchmark {
    fn name(&self) -> &str {
        &self.name
    }

    fn instances(&self) -> &[Instance] {
        &self.instances
    }

    /// Solving needs no tests: whether patches can be judged is for [`Environment::check_judging`] to say.
    async fn reset(&self, instance: &Instance) -> Result<Ready, EnvError> {
        let image = &self.parts(instance)?.image;
        let admission = self.admit(image, instance).await?;
        if self.keep_history || !self.provider.keeps() {
            return self.start(image, instance, admission).await;
        }
        let key_with = |removed: &[String]| {
            let key = key(&image.root, &instance.base_commit, &image.startup);
            // Without anything removed, states are what they were before there were certificates.
            if removed.is_empty() { key } else { format!("{key} without {}", removed.join("\0")) }
        };
        let removed = admission.as_ref().map(|admission| admission.audited.removed.as_slice()).unwrap_or_default();
        let key = key_with(removed);
        if let Some(ready) = self.start_kept(image, &key, admission.as_ref()).await {
            return Ok(ready);
        }
        let of_image = format!("{image:?}{key}");
        let Some(lock) = self.preparing(&of_image) else { return self.start(image, instance, admission).await };
        let _held = lock.lock().await;
        if let Some(ready) = self.start_kept(image, &key, admission.as_ref()).await {
            return Ok(ready);
        }
        let started = self.start(image, instance, admission).await;
        let is_kept = match &started {
            Ok(ready) => {
                let removed = ready.audit.as_ref().map(|audit| audit.removed.as_slice()).unwrap_or_default();
                self.provider.keep(&*ready.sandbox, image, &key_with(removed)).await
            }
            Err(_) => false,
        };
        if !is_kept {
            self.give_up_keeping(&of_image);
        }
        started
    }

    fn check_judging(&self, instance: &Instance) -> Result<(), EnvError> {
        self.judged_by_tests(instance).map(drop)
    }

    async fn evaluate(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        let (image, tests) = self.judged_by_tests(instance)?;
        let gold = self.parts(instance)?.gold.as_ref();
        if self.judging == Judging::Strict {
            let (provider, base_commit) = (&self.judge_provider, instance.base_commit.as_str());
            let strict = Strict { provider, image, base_commit, tests, gold };
            return judge_strictly(&strict, patch).await.map_err(|err| err.for_instance(&instance.instance_id));
        }
        let screened = screen(patch, gold, &tests.eval_script);
        let sandbox = self.judge_provider.start(image).await?;
        let verdict = async {
            let words = new_words(&*sandbox, screened.words).await?;
            let mut verdict = judge(&*sandbox, tests, patch).await?;
            // What speaks against a verdict matters only where it speaks for the patch.
            if verdict.report.resolved {
                verdict.trust.distrust = screened.loaded.into_iter().chain(words).collect();
            }
            Ok(verdict)
        }
        .await;
        stop(&*sandbox).await;
        verdict
    }

    async fn run_tests(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        let (image, tests) = self.testing(instance)?;
        let sandbox = self.judge_provider.start(image).await?;
        let verdict = judge(&*sandbox, tests, patch).await;
        stop(&*sandbox).await;
        verdict
    }

    async fn attempt(&self, instance: &Instance, trial: &Trial) -> Result<Tried, EnvError> {
        let (image, tests) = self.testing(instance)?;
        let own = tests.own.as_ref().map_err(|reason| unusable(instance, reason))?;
        let sandbox = self.judge_provider.start(image).await?;
        let tried = attempt(&*sandbox, (own, tests.grading.parser), trial).await;
        stop(&*sandbox).await;
        tried
    }

    fn lists(&self, instance: &Instance) -> Result<(Dialect, TestLists), EnvError> {
        let (_, TestSpec { grading, .. }) = self.testing(instance)?;
        let (fail_to_pass, pass_to_pass) = (grading.fail_to_pass.clone(), grading.pass_to_pass.clone());
        Ok((grading.dialect, TestLists { fail_to_pass, pass_to_pass }))
    }

    fn verifier(&self, instance: &Instance) -> Result<Verifier, EnvError> {
        let (image, tests) = self.judged_by_tests(instance)?;
        let grading = serde_json::to_value(&tests.grading).map_err(|err| EnvError::Broken(err.to_string()))?;
        let (script, timeout) = (tests.eval_script.clone(), tests.timeout);
        Ok(Verifier { image: image.clone(), script, timeout, grading })
    }

    fn judging_key(&self, instance: &Instance) -> String {
        match self.testing(instance) {
            Ok((image, tests)) => {
                let gold = self.parts(instance).ok().and_then(|parts| parts.gold.as_ref());
                judging_key(tests, image, &self.judge_limits, self.judging, gold)
            }
            Err(err) => err.to_string(),
        }
    }

    async fn image_digest(&self, instance: &Instance) -> Option<String> {
        self.judge_provider.image_digest(&self.parts(instance).ok()?.image).await
    }

    fn image(&self, instance: &Instance) -> Option<&Image> {
        self.parts(instance).ok().filter(|_| self.provider.pulls()).map(|parts| &parts.image)
    }

    fn gold(&self, instance: &Instance) -> Option<Patch> {
        self.parts(instance).ok()?.gold.clone()
    }
}

fn unusable(instance: &Instance, reason: &str) -> EnvError {
    EnvError::Unusable { id: instance.instance_id.clone(), reason: reason.to_owned() }
}
