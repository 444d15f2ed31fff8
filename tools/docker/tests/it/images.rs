//! Images that are made, listed and removed.

use std::path::Path;
use std::process::Command as Program;
use std::time::Duration;

use docker::{Build, BuildError, Images, Removal, StoredImage};

use tool_core::{Host, Size};

use crate::provider::test_image;
use crate::suite::fixture::host;

/// Removes an image when a test ends, however it ends.
pub(crate) struct Gone(pub(crate) String);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = Program::new("docker").args(["rmi", "-f", &self.0]).output();
    }
}

async fn engine() -> (Images, String) {
    let parent = test_image();
    (Images::connect(&Host { terminal: false, ..host() }).await.unwrap(), parent)
}

fn order(name: &str, parent: &str, steps: &[(&str, &str)]) -> Build {
    let owned = |(one, other): &(&str, &str)| ((*one).to_owned(), (*other).to_owned());
    Build {
        name: format!("spotter-test-{name}-{}:1", std::process::id()),
        parent: parent.to_owned(),
        platform: None,
        steps: steps.iter().map(owned).collect(),
        labels: vec![owned(&("spotter.recipe", "abc"))],
        variables: vec![owned(&("SECRET_OF_TEST", "s3cret"))],
        mounts: Vec::new(),
        network: "none".to_owned(),
        memory: Size(256 << 20),
        timeout: Duration::from_secs(60),
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Program::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns how many containers there are that have this folder.
fn containers(folder: &Path) -> usize {
    docker(&["ps", "-aq", "--filter", &format!("volume={}", folder.display())]).lines().count()
}

/// Runs steps that must fail; returns the error and the log.
async fn fails(images: &Images, order: &Build) -> (String, String) {
    let mut log = Vec::new();
    let Err(BuildError::Step { step, reason, tail }) = images.build(order, &mut log).await else {
        panic!("no failure")
    };
    let whole = BuildError::Step { step, reason, tail }.to_string();
    (whole, String::from_utf8(log).unwrap())
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_step_that_fails_is_named_and_its_log_is_whole() {
    let (images, parent) = engine().await;
    let steps = [
        ("first", "echo one"),
        ("second", "for i in {1..40}; do echo line $i; done\nfalse\necho no"),
        ("third", "echo no"),
    ];
    let (error, log) = fails(&images, &order("fails", &parent, &steps)).await;
    assert!(error.starts_with("step `second` failed with exit code 1; its last lines:\n    line 29\n"), "{error}");
    assert!(error.ends_with("    line 40"), "{error}");
    let parts = [
        "==> first\necho one",
        "==> first took ",
        "==> second\n",
        "line 1\n",
        "line 40\n==> second failed with exit code 1\n",
    ];
    assert!(parts.iter().all(|part| log.contains(part)) && !log.contains("==> third"), "{log}");

    let steps = [("slow", "echo so far\nsleep 1000")];
    let slow = Build { timeout: Duration::from_secs(1), ..order("slow", &parent, &steps) };
    let (error, _) = fails(&images, &slow).await;
    assert_eq!(error, "step `slow` did not end within 1 s; its last lines:\n    so far");
    let hungry = order("hungry", &parent, &[("hungry", "head -c 1G /dev/zero | tail")]);
    let (error, _) = fails(&images, &hungry).await;
    assert!(error.contains("step `hungry` was killed; it may use 256m of memory"), "{error}");
    for name in [&slow.name, &hungry.name] {
        assert_eq!(images.find(name).await.unwrap(), None);
    }
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn an_image_keeps_what_its_steps_did_and_nothing_else() {
    let (images, parent) = engine().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("given"), "given").unwrap();
    let steps = [
        ("take", "mkdir /testbed; cp /mnt/given /testbed; test $SECRET_OF_TEST"),
        ("more", "head -c 3000000 /dev/urandom >/testbed/x"),
    ];
    let mut build = order("keeps", &parent, &steps);
    build.mounts = vec![format!("{}:/mnt:ro", folder.path().display())];
    let _gone = Gone(build.name.clone());
    let before = images.find(&parent).await.unwrap().unwrap();
    let made = images.build(&build, &mut Vec::new()).await.unwrap();
    assert_eq!(made.labels["spotter.recipe"], "abc");
    assert!(made.layers.starts_with(&before.layers) && made.layers.len() == before.layers.len() + 1, "{made:?}");
    let inspected = docker(&["inspect", &build.name]);
    assert!(!inspected.contains("s3cret"), "{inspected}");
    let shown = docker(&[
        "run",
        "--rm",
        "--network=none",
        &build.name,
        "bash",
        "-c",
        "pwd; cat given; ls -A /mnt; echo $SECRET_OF_TEST.",
    ]);
    assert_eq!(shown, "/testbed\ngiven.\n");
    assert_eq!(containers(folder.path()), 0);

    // What it shares with its parent is known byte by byte.
    let all = images.list().await.unwrap();
    let find = |name: &str| all.iter().find(|image| image.names.iter().any(|own| own == name)).unwrap();
    let (above, below) = (find(&build.name), find(&parent));
    assert_eq!(above.parts.len(), below.parts.len() + 1);
    assert_eq!(above.parts[..below.parts.len()], below.parts);
    let bytes = |image: &StoredImage| image.parts.iter().map(|part| part.bytes).sum::<u64>();
    assert_eq!((bytes(above), bytes(below)), (above.size, below.size));
    assert!((3_000_000..3_100_000).contains(&above.parts.last().unwrap().bytes), "{:?}", above.parts);

    // Another image of the name takes its place, and one that someone named stays.
    let other = format!("{}-of-someone", build.name);
    docker(&["tag", &build.name, &other]);
    let _other = Gone(other.clone());
    let again = images.build(&order("keeps", &parent, &[("again", "true")]), &mut Vec::new()).await.unwrap();
    assert_ne!(again.id, made.id);
    assert_eq!(images.find(&other).await.unwrap().map(|image| image.id), Some(made.id));

    let container = docker(&["create", &build.name, "true"]);
    let removal = images.remove(&again.id).await.unwrap();
    docker(&["rm", container.trim()]);
    assert!(matches!(removal, Removal::InUse(_)), "{removal:?}");
    assert_eq!(images.remove(&build.name).await.unwrap(), Removal::Done);
    assert_eq!(images.remove(&build.name).await.unwrap(), Removal::Done, "it is gone already");
}
