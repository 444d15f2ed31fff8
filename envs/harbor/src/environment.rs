//! The tasks of a folder as an environment.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use audit::Gate;
use env_core::{Dialect, EnvError, Environment, Instance, Patch, Ready, TestLists, Verdict, Verifier, find_instance};
use repo::history::prepare;
use sha2::{Digest, Sha256};
use tool_core::{Image, SandboxProvider};

use crate::grader::GraderSpec;
use crate::run::{Judging, Tests, ready, verify, wait_healthy};
use crate::task::{Healthcheck, TaskFolder};

/// Version of how verifiers are run. It is raised when a verdict may come out otherwise than before.
const VERSION: u32 = 2;

/// The tasks of a folder as an environment.
pub(crate) struct HarborTasks {
    pub(crate) name: String,
    pub(crate) instances: Vec<Instance>,
    /// One for each instance, in the same order.
    pub(crate) tasks: Vec<Task>,
    /// Position by instance id in lower case.
    pub(crate) positions: HashMap<String, usize>,
    pub(crate) provider: Arc<dyn SandboxProvider>,
    pub(crate) judge: Arc<dyn SandboxProvider>,
    pub(crate) limits: String,
    pub(crate) keep_history: bool,
    pub(crate) gate: Gate,
}

/// One task.
pub(crate) struct Task {
    pub(crate) folder: TaskFolder,
    /// What its sandboxes are started from, or why it cannot be run here.
    pub(crate) images: Result<Images, String>,
}

/// What a task's sandboxes are started from.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    pub(crate) agent: Image,
    pub(crate) verifier: Image,
    /// Whether the tests are in the verifier's image.
    pub(crate) bundled: bool,
}

impl Task {
    /// Returns what has to succeed before an agent starts. That of this project prepares the repository, which is done
    /// without it.
    fn health_check(&self) -> Option<&Healthcheck> {
        let config = &self.folder.config;
        config.environment.healthcheck.as_ref().filter(|_| config.metadata.spotter.is_none())
    }
}

impl HarborTasks {
    fn task(&self, instance: &Instance) -> Result<(&Task, &Images), EnvError> {
        let id = &instance.instance_id;
        let position = self.positions.get(&id.to_lowercase());
        let Some(task) = position.and_then(|position| self.tasks.get(*position)) else {
            find_instance(&self.instances, id)?;
            return Err(unusable(instance, "it has no task".to_owned()));
        };
        let images = task.images.as_ref().map_err(|reason| unusable(instance, reason.clone()))?;
        Ok((task, images))
    }

    async fn judge(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        let (task, images) = self.task(instance)?;
        let tests = match images.bundled {
            true => None,
            false => Some(Tests::read(&task.folder.path.join("tests"))),
        };
        let tests = tests.transpose();
        let tests = tests.map_err(|err| unusable(instance, format!("its tests cannot be read: {err}")))?;
        let (image, verifier_image) = (&images.agent, &images.verifier);
        let provider = self.judge.as_ref();
        let judging = Judging { task: &task.folder, image, verifier_image, tests: tests.as_ref(), provider };
        verify(&judging, patch).await.map_err(|err| err.for_instance(&instance.instance_id))
    }
}

#[async_trait]
impl Environment for HarborTasks {
    fn name(&self) -> &str {
        &self.name
    }

    fn instances(&self) -> &[Instance] {
        &self.instances
    }

    async fn reset(&self, instance: &Instance) -> Result<Ready, EnvError> {
        let (task, images) = self.task(instance)?;
        let sandbox = self.provider.start(&images.agent).await?;
        let root = sandbox.info().root.clone();
        let prepared = async {
            let gold = self.gold(instance);
            let admission = self.gate.admit(&*self.provider, &images.agent, (instance, gold.as_ref())).await?;
            if let Some(admission) = &admission {
                admission.clear(&*sandbox).await?;
            }
            if let Some(check) = task.health_check() {
                wait_healthy(&*sandbox, check).await?;
            }
            ready(&*sandbox, true).await?;
            let baseline = prepare(&*sandbox, &root, &instance.base_commit, self.keep_history).await?;
            Ok::<_, EnvError>((baseline, Some(admission.map(|admission| admission.audited).unwrap_or_default())))
        };
        match prepared.await {
            Ok((baseline, audit)) => Ok(Ready { sandbox, baseline, history_kept: self.keep_history, audit }),
            Err(err) => {
                // That it could not be removed either must not hide why.
                let _ = sandbox.stop().await;
                Err(err.for_instance(&instance.instance_id))
            }
        }
    }

    fn check_judging(&self, instance: &Instance) -> Result<(), EnvError> {
        self.task(instance).map(drop)
    }

    async fn evaluate(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        self.judge(instance, patch).await
    }

    async fn run_tests(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        self.judge(instance, patch).await
    }

    fn lists(&self, instance: &Instance) -> Result<(Dialect, TestLists), EnvError> {
        let spec = self.spec(instance)?;
        let (fail_to_pass, pass_to_pass) = (spec.grading.fail_to_pass, spec.grading.pass_to_pass);
        Ok((spec.grading.dialect, TestLists { fail_to_pass, pass_to_pass }))
    }

    fn verifier(&self, instance: &Instance) -> Result<Verifier, EnvError> {
        Err(unusable(instance, "it is a task already".to_owned()))
    }

    fn judging_key(&self, instance: &Instance) -> String {
        let Ok((task, images)) = self.task(instance) else { return String::new() };
        let mut digest = Sha256::new();
        digest.update(format!("{VERSION}\0{}\0{images:?}\0{:?}", self.limits, task.folder.config));
        if let Ok(tests) = Tests::read(&task.folder.path.join("tests")) {
            tests.digest(&mut digest);
        }
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    async fn image_digest(&self, instance: &Instance) -> Option<String> {
        self.judge.image_digest(&self.task(instance).ok()?.1.verifier).await
    }

    fn image(&self, instance: &Instance) -> Option<&Image> {
        self.task(instance).ok().filter(|_| self.provider.pulls()).map(|(_, images)| &images.agent)
    }

    fn gold(&self, instance: &Instance) -> Option<Patch> {
        let (task, _) = self.task(instance).ok()?;
        std::fs::read_to_string(task.folder.path.join("solution/gold.patch")).ok().map(Patch)
    }
}

impl HarborTasks {
    /// Returns what the grader of this project is told, where the task has it.
    fn spec(&self, instance: &Instance) -> Result<GraderSpec, EnvError> {
        let (task, _) = self.task(instance)?;
        load_spec(&task.folder.path).map_err(|reason| unusable(instance, reason))
    }
}

/// Reads what the grader of this project is told of a task.
pub(crate) fn load_spec(task: &Path) -> Result<GraderSpec, String> {
    GraderSpec::load(&task.join("tests")).map(|(spec, _)| spec)
}

fn unusable(instance: &Instance, reason: String) -> EnvError {
    EnvError::Unusable { id: instance.instance_id.clone(), reason }
}
