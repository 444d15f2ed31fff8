//! The prepared state of an image, from which later episodes start.

use std::process::{Command as Program, Stdio};
use std::sync::Arc;

use env_core::{EnvError, Environment, Instance, Ready};
use repo::capture::{capture, rebuild};
use repo::history::verify;
use swebench::{Benchmark, BenchmarkSettings};
use tool_core::{Command, Pull, SandboxConfig, SandboxPlug, Size};

use crate::container::registry;
use crate::host;

fn docker(arguments: &[&str]) -> String {
    let output = Program::new("docker").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Returns what a sandbox was started from.
fn image_of(ready: &Ready) -> String {
    docker(&["inspect", "--format", "{{.Config.Image}}", &ready.sandbox.info().id])
}

async fn run(ready: &Ready, script: &str) -> String {
    ready.sandbox.exec(Command::new(script)).await.unwrap().output
}

/// Checks that a sandbox is as one from the image itself: clean, at its commit, and able to give a patch.
async fn check(ready: &Ready, instance: &Instance) {
    verify(&*ready.sandbox, &ready.baseline.root, &instance.base_commit).await.unwrap();
    assert_eq!(run(ready, "git status --porcelain --untracked-files=no").await, "");
    assert_eq!(run(ready, "git rev-parse HEAD").await.trim(), instance.base_commit);
    let patch = |text: &str| text.contains("+++ b/new.txt") && text.contains("+new");
    run(ready, "echo new > new.txt; git add -A; git commit -qm x").await;
    let captured = capture(&*ready.sandbox, &ready.baseline).await.unwrap();
    assert!(patch(&captured.patch.0), "{captured:?}");
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn a_state_is_kept_once_and_checked_at_every_start() {
    let (rows, row, provider) = registry().await;
    let instance = row.instance();
    let benchmark: Arc<Benchmark> =
        Arc::new(swebench::environment("swe-bench", rows, &BenchmarkSettings::default(), provider.clone()).unwrap());
    // Several at once: one prepares, or somebody has before, and the others start from what it kept.
    let starts = (0..3).map(|_| {
        let (benchmark, instance) = (benchmark.clone(), instance.clone());
        tokio::spawn(async move { benchmark.reset(&instance).await.unwrap() })
    });
    let mut images = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        let ready = start.await.unwrap();
        images.push(image_of(&ready));
        check(&ready, &instance).await;
        ready.sandbox.stop().await.unwrap();
    }
    let kept = images.iter().filter(|image| image.starts_with("spotter-kept:")).count();
    assert!(kept >= 2, "{images:?}");
    let name = images.iter().find(|image| image.starts_with("spotter-kept:")).unwrap().clone();

    // What each of these leaves behind must not be started from; the next state is a clean one again.
    for damage in [
        "git -C /testbed update-ref refs/heads/future HEAD",
        "cp /testbed/.git/index /testbed/.git/objects/pack/more.pack",
        "rm /.spotter/state",
    ] {
        let container = docker(&["run", "-d", "--entrypoint", "sleep", &name, "60"]);
        docker(&["exec", &container, "git", "config", "--global", "--add", "safe.directory", "*"]);
        docker(&["exec", &container, "bash", "-c", damage]);
        docker(&["commit", "-p=false", &container, &name]);
        docker(&["rm", "-f", &container]);
        let ready = benchmark.reset(&instance).await.unwrap();
        assert!(!image_of(&ready).starts_with("spotter-kept:"), "started after `{damage}`");
        check(&ready, &instance).await;
        ready.sandbox.stop().await.unwrap();
    }
    let ready = benchmark.reset(&instance).await.unwrap();
    assert_eq!(image_of(&ready), name);
    ready.sandbox.stop().await.unwrap();
    provider.close().await.unwrap();
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn nothing_is_kept_where_the_setting_says_so() {
    let (rows, row, _) = registry().await;
    let config = SandboxConfig { kept: Size(0), pull: Pull::Never, ..SandboxConfig::default() };
    let provider = SandboxPlug::of::<docker::Docker>().connect(&config, &host(), "tests").await.unwrap();
    let benchmark = swebench::environment("swe-bench", rows, &BenchmarkSettings::default(), provider.clone()).unwrap();
    let ready = benchmark.reset(&row.instance()).await.unwrap();
    assert!(!image_of(&ready).starts_with("spotter-kept:"));
    ready.sandbox.stop().await.unwrap();
    provider.close().await.unwrap();
}

#[tokio::test]
async fn the_state_of_a_local_sandbox_is_kept_in_the_cache_and_a_damaged_one_is_made_anew() {
    let cache = tempfile::tempdir().unwrap();
    let mut host = host();
    host.variables.insert("XDG_CACHE_HOME".to_owned(), cache.path().to_str().unwrap().to_owned());
    let config = SandboxConfig { provider: "local".to_owned(), ..SandboxConfig::default() };
    let provider = SandboxPlug::of::<local::Local>().connect(&config, &host, "tests").await.unwrap();
    let environment = demo::environment(provider.clone(), false).unwrap();
    let instance = environment.instances()[0].clone();
    let archives = || -> Vec<std::path::PathBuf> {
        let kept = std::fs::read_dir(cache.path().join("spotter/kept"));
        kept.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let mut trees = Vec::new();
    for damage in ["no archive", "none", "cut short", "other contents", "none"] {
        if let [archive] = archives().as_slice() {
            let bytes = std::fs::read(archive).unwrap();
            match damage {
                "cut short" => std::fs::write(archive, &bytes[..bytes.len() / 2]).unwrap(),
                "other contents" => {
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    assert!(text.contains("logallrefupdates"));
                    let at = bytes.windows(16).position(|part| part == b"logallrefupdates").unwrap();
                    let mut bytes = bytes;
                    bytes[at] = b'k';
                    std::fs::write(archive, bytes).unwrap();
                }
                _ => {}
            }
        }
        let ready = environment.reset(&instance).await.unwrap();
        let commit = run(&ready, "git rev-parse HEAD").await;
        verify(&*ready.sandbox, &ready.baseline.root, commit.trim()).await.unwrap();
        assert_eq!(run(&ready, "git status --porcelain").await, "", "{damage}");
        run(&ready, "echo new > new.txt").await;
        let captured = capture(&*ready.sandbox, &ready.baseline).await.unwrap();
        assert!(captured.patch.0.contains("+++ b/new.txt"), "{captured:?}");
        assert_eq!(captured.patch.0.matches("diff --git").count(), 1, "{captured:?}");
        trees.push((commit, ready.baseline.tree.clone()));
        ready.sandbox.stop().await.unwrap();
        assert_eq!(archives().len(), 1, "{damage}");
    }
    trees.dedup();
    assert_eq!(trees.len(), 1, "{trees:?}");

    // The baseline stays in one file until it is needed, also by a sandbox whose own is gone.
    let (one, other) = (environment.reset(&instance).await.unwrap(), environment.reset(&instance).await.unwrap());
    assert_eq!(run(&one, "ls ../../scratch").await, "base.git.tar\nstate\n");
    run(&one, "rm ../../scratch/base.git.tar; echo new > new.txt").await;
    let gone = capture(&*one.sandbox, &one.baseline).await;
    assert!(matches!(gone, Err(EnvError::Patch(_))), "{gone:?}");
    rebuild(&*one.sandbox, &one.baseline, (&*other.sandbox, &other.baseline)).await.unwrap();
    let captured = capture(&*one.sandbox, &one.baseline).await.unwrap();
    assert!(captured.patch.0.contains("+++ b/new.txt"), "{captured:?}");
    for ready in [one, other] {
        ready.sandbox.stop().await.unwrap();
    }
    provider.close().await.unwrap();
}
