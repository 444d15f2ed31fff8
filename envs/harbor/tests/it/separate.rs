//! A task of someone else, whose verifier runs in a container of its own.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use env_core::{Failure, Patch};
use tempfile::TempDir;
use tool_core::{Host, Pull, SandboxConfig, SandboxPlug, SandboxProvider};

use crate::round_trip::open_with;

const TASK: &str = r#"
version = "1.0"
artifacts = [{ source = "out", exclude = ["*.tmp"] }]

[environment]
workdir = "/srv"
docker_image = "IMAGE"

[environment.healthcheck]
command = "test -e /tmp/asked || { touch /tmp/asked; exit 1; }"
interval_sec = 0.1

[verifier]
environment_mode = "separate"

[verifier.env]
RIGHT = "42"

[[verifier.collect]]
command = """
mkdir -p out && cp answer.txt out/answer.txt && touch out/left.tmp && ln -s /usr/bin out/bin && ln -s answer.txt out/same
mkdir -p /logs/artifacts && ln -s /tests /logs/artifacts/tests"""
"#;

/// Says what was handed over and counts only what should be.
const TESTS: &str = r#"#!/bin/sh
ls -a out /logs/artifacts
fail=0
[ ! -e answer.txt ] || fail=1
[ ! -e out/left.tmp ] && [ ! -L out/bin ] && [ ! -L /logs/artifacts/tests ] || fail=2
[ "$(cat out/same)" = "$RIGHT" ] || fail=3
echo "fail $fail"
[ "$fail" = 0 ] && echo 1 > /logs/verifier/reward.txt || echo 0 > /logs/verifier/reward.txt
"#;

fn task() -> TempDir {
    let image = std::env::var("SPOTTER_TEST_IMAGE").unwrap_or_else(|_| "spotter/registry-base:latest".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("task.toml", &TASK.replace("IMAGE", &image));
    write("instruction.md", "Write the answer to `answer.txt`.\n");
    write("tests/test.sh", TESTS);
    folder
}

async fn docker() -> Arc<dyn SandboxProvider> {
    let config = SandboxConfig { provider: "docker".to_owned(), pull: Pull::Never, ..SandboxConfig::default() };
    let host = Host::new(std::env::vars_os(), false);
    SandboxPlug::of::<docker::Docker>().connect(&config, &host, "tests").await.unwrap()
}

fn answers(text: &str) -> Patch {
    Patch(format!(
        "diff --git a/answer.txt b/answer.txt\nnew file mode 100644\n--- /dev/null\n+++ b/answer.txt\n@@ -0,0 +1 @@\n+{text}\n"
    ))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_separate_verifier_sees_what_was_collected_and_nothing_that_leads_elsewhere() {
    let folder = task();
    let provider = docker().await;
    let tasks = open_with(folder.path(), provider.clone()).await;
    let instance = &tasks.instances()[0];
    for (patch, resolved) in [(answers("42"), true), (answers("41"), false), (Patch::default(), false)] {
        let verdict = tasks.evaluate(instance, &patch).await.unwrap();
        let log = String::from_utf8_lossy(&verdict.test_output).into_owned();
        assert_eq!(verdict.report.resolved, resolved, "{log}");
        assert!(log.contains("not handed to the verifier of `/srv/out`: `out/bin`") || patch.is_empty(), "{log}");
    }
    provider.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn an_episode_starts_when_its_health_check_succeeds() {
    let folder = task();
    let provider = docker().await;
    let check = |path: &Path, retries: u32| {
        let text = fs::read_to_string(path.join("task.toml")).unwrap();
        let text = text.replace("interval_sec = 0.1", &format!("interval_sec = 0.1\nretries = {retries}"));
        fs::write(path.join("task.toml"), text).unwrap();
    };
    let tasks = open_with(folder.path(), provider.clone()).await;
    let ready = tasks.reset(&tasks.instances()[0]).await.unwrap();
    ready.sandbox.stop().await.unwrap();
    check(folder.path(), 1);
    let tasks = open_with(folder.path(), provider.clone()).await;
    let said = tasks.reset(&tasks.instances()[0]).await.err().unwrap().to_string();
    assert!(said.contains("the health check `test -e /tmp/asked") && said.contains("failed 1 times"), "{said}");
    // The agent's image has no tests, so that those of the folder have to be there.
    fs::remove_file(folder.path().join("tests/test.sh")).unwrap();
    let tasks = open_with(folder.path(), provider.clone()).await;
    let said = tasks.evaluate(&tasks.instances()[0], &answers("42")).await.unwrap_err().to_string();
    assert!(said.contains("no `tests/test.sh`"), "{said}");
    provider.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker"]
async fn a_verifier_that_writes_no_reward_is_told_of() {
    let folder = task();
    let provider = docker().await;
    fs::write(folder.path().join("tests/test.sh"), "#!/bin/sh\nexit 3\n").unwrap();
    let tasks = open_with(folder.path(), provider.clone()).await;
    let verdict = tasks.evaluate(&tasks.instances()[0], &answers("42")).await.unwrap();
    assert_eq!(verdict.failure, Some(Failure::TestsErrored));
    provider.close().await.unwrap();
}
