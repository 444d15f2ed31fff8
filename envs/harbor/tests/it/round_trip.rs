//! Instances that are written as tasks and read back judge as before.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use env_core::{
    Environment, EnvironmentPlug, EnvironmentRequest, Failure, Instance, OpenError, Patch, SandboxProviders, Verifier,
};
use harbor::{Exported, Exporter, GraderFile, Harbor};
use local::Local;
use serde_json::json;
use tempfile::TempDir;
use tool_core::{Connect, Host, NoOptions, SandboxConfig, SandboxProvider};

pub(crate) const GRADER: &str = env!("CARGO_BIN_EXE_spotter-grader");

/// Sandboxes of this machine.
struct Here(Arc<dyn SandboxProvider>);

#[async_trait]
impl SandboxProviders for Here {
    async fn of_episodes(&self) -> Result<Arc<dyn SandboxProvider>, OpenError> {
        Ok(self.0.clone())
    }

    async fn of_judging(
        &self,
        of_episodes: &Arc<dyn SandboxProvider>,
    ) -> Result<(Arc<dyn SandboxProvider>, String), OpenError> {
        Ok((of_episodes.clone(), String::new()))
    }
}

async fn provider() -> Arc<dyn SandboxProvider> {
    let host = Host::default();
    Arc::new(Local::connect(SandboxConfig::default(), NoOptions {}, host, "test".to_owned()).await.unwrap())
}

/// Returns each demo instance with its verifier and its gold patch.
pub(crate) fn sources() -> Vec<(Instance, Verifier, Patch)> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let demo = demo::environment(runtime.block_on(provider()), false).unwrap();
    let one = |instance: &Instance| (instance.clone(), demo.verifier(instance).unwrap(), demo.gold(instance).unwrap());
    demo.instances().iter().map(one).collect()
}

/// Returns a folder with the demo instances as tasks.
pub(crate) fn exported(solution: bool) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let exporter = Exporter {
        grader: GraderFile::for_this_machine(Path::new(GRADER)),
        base_image: "python:3.12-bookworm".to_owned(),
        agent_timeout: 600.0,
        memory_mb: 1024,
        solution,
    };
    for (instance, verifier, gold) in sources() {
        let task = Exported {
            instance: &instance,
            verifier: &verifier,
            instruction: &instance.problem_statement,
            gold: Some(&gold),
        };
        exporter.write(&task, out.path()).unwrap();
    }
    out
}

async fn open(folder: &Path) -> Arc<dyn Environment> {
    open_with(folder, provider().await).await
}

/// Opens a folder of tasks with sandboxes of one kind.
pub(crate) async fn open_with(folder: &Path, provider: Arc<dyn SandboxProvider>) -> Arc<dyn Environment> {
    let providers = Here(provider);
    let request = EnvironmentRequest {
        dataset: folder.to_str().unwrap(),
        kind: None,
        settings: json!({}),
        keep_history: false,
        runs: folder,
        providers: &providers,
    };
    Harbor.open(request).await.unwrap()
}

#[test]
fn tasks_that_are_read_back_give_the_same_verdicts() {
    let out = exported(true);
    assert!(Harbor.takes(out.path().to_str().unwrap()) && !Harbor.takes("demo"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let demo = demo::environment(provider().await, false).unwrap();
        let tasks = open(out.path()).await;
        assert_eq!(tasks.instances().len(), demo.instances().len());
        for instance in tasks.instances() {
            let original = demo.instances().iter().find(|one| one.instance_id == instance.instance_id).unwrap();
            tasks.check_judging(instance).unwrap();
            let gold = tasks.gold(instance).unwrap();
            assert_eq!(Some(&gold), demo.gold(original).as_ref());
            let wrong = Patch("--- /dev/null\n+++ b/wrong.txt\n@@ -0,0 +1 @@\n+wrong\n".to_owned());
            let broken = Patch("--- a/nowhere.py\n+++ b/nowhere.py\n@@ -1 +1 @@\n-a\n+b\n".to_owned());
            for (patch, resolved, failure) in [
                (gold, true, None),
                (wrong, false, None),
                (broken, false, Some(Failure::PatchNotApplied)),
                (Patch::default(), false, Some(Failure::EmptyPatch)),
            ] {
                let (here, there) =
                    (tasks.evaluate(instance, &patch).await.unwrap(), demo.evaluate(original, &patch).await.unwrap());
                assert_eq!((here.report.resolved, here.failure), (resolved, failure), "{}", instance.instance_id);
                assert_eq!(here.report, there.report, "{}", instance.instance_id);
            }
        }
    });
}

#[test]
fn an_episode_starts_in_the_repository_of_a_task() {
    let out = exported(false);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tasks = open(out.path()).await;
        let instance = &tasks.instances()[0];
        let ready = tasks.reset(instance).await.unwrap();
        let head = ready.sandbox.exec(tool_core::Command::fresh("git rev-parse HEAD")).await.unwrap();
        assert_eq!(head.output.trim(), instance.base_commit);
        ready.sandbox.stop().await.unwrap();
    });
}

#[test]
fn a_verifier_without_a_valid_reward_is_told_of_and_gives_none() {
    let out = exported(true);
    let task = out.path().join("demo__lru-1");
    std::fs::write(
        task.join("tests/test.sh"),
        "echo 1 > \"$SPOTTER_LOGS/verifier/reward.txt\"; echo '{' > \"$SPOTTER_LOGS/verifier/reward.json\"\n",
    )
    .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let tasks = open(&task).await;
        let instance = &tasks.instances()[0];
        let verdict = tasks.evaluate(instance, &tasks.gold(instance).unwrap()).await.unwrap();
        assert_eq!((verdict.report.resolved, verdict.failure), (false, Some(Failure::TestsErrored)));
        let log = String::from_utf8_lossy(&verdict.test_output).into_owned();
        assert!(log.contains("there is no reward: `reward.json` is not valid"), "{log}");
    });
}
