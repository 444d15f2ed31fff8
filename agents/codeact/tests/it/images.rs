//! Making, listing and removing the images of instances, on a base image without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect;
use serde_json::{Value, json};

use crate::program::{Program, Ran, require};

const BASE: &str = "spotter/registry-base:latest";

/// A repository of two commits, rows on it, and specs for it.
struct Place {
    program: Program,
    tag: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.program.run(&["images", "prune", "--tag", &self.tag]);
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Place {
    fn new(name: &str) -> Self {
        let program = Program::new();
        let clone = program.path("clones/r");
        fs::create_dir_all(&clone).unwrap();
        git(&clone, &["init", "-q", "-b", "main"]);
        let mut rows = String::new();
        for (id, version) in [("o__r-1", "1.0"), ("o__r-2", "1.0"), ("o__r-3", "2.0")] {
            fs::write(clone.join("file"), id).unwrap();
            git(&clone, &["add", "-A"]);
            git(&clone, &["commit", "-qm", id]);
            git(&clone, &["tag", &format!("v-{id}")]);
            let row = json!({
                "instance_id": id, "repo": "o/r", "version": version,
                "base_commit": git(&clone, &["rev-parse", "HEAD"]),
                "patch": "x", "test_patch": "diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n@@ -1 +1 @@\n-a\n+b\n",
                "problem_statement": "x", "FAIL_TO_PASS": ["t.py::a"], "PASS_TO_PASS": [],
            });
            rows.push_str(&format!("{row}\n"));
        }
        fs::write(program.path("asked.jsonl"), rows).unwrap();
        let place = Self { tag: format!("test-{name}-{}", std::process::id()), program };
        place.write_specs("echo first > installed");
        place
    }

    /// Writes the specs: version 1.0 is installed like this, and installing version 2.0 fails.
    fn write_specs(&self, install: &str) {
        let specs = json!({"repo": "o/r", "specs": [
            {"versions": ["1.0"], "install": install, "test_cmd": "pytest --of-this-spec"},
            {"versions": ["2.0"], "install": "echo about to fail\nexit 7", "test_cmd": "pytest"},
        ]});
        fs::write(self.program.path("specs.yaml"), specs.to_string()).unwrap();
    }

    fn build(&self, more: &[&str]) -> Ran {
        let layers = [
            format!("images.base={BASE}"),
            format!("images.tag={}", self.tag),
            "images.python=system".to_owned(),
            "images.packages=[]".to_owned(),
            "images.network=none".to_owned(),
            "images.source=clones/{name}".to_owned(),
            "images.specs=[specs.yaml]".to_owned(),
        ];
        let layers: Vec<&str> = layers.iter().flat_map(|layer| ["-c", layer]).collect();
        self.program.run(&[&["images", "build", "--dataset", "asked.jsonl"], more, layers.as_slice()].concat())
    }

    fn log(&self, image: &str) -> PathBuf {
        self.program.path(".runs/images").join(format!("{image}.log"))
    }
}

fn lines(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|err| panic!("{err}: {ran:?}"))).collect()
}

fn states(ran: &Ran) -> String {
    let state = |one: &Value| format!("{} {}", one["kind"].as_str().unwrap(), one["state"].as_str().unwrap());
    lines(ran).iter().map(state).collect::<Vec<_>>().join(", ")
}

#[test]
#[ignore = "needs Docker"]
fn only_what_changed_is_made_again() {
    require(BASE);
    let place = Place::new("again");
    let first = place.build(&["o__r-1", "o__r-2", "--rows", "rows.jsonl"]);
    assert_eq!(states(&first), "base built, environment built, instance built, instance built", "{first:?}");
    let rows = fs::read_to_string(place.program.path("rows.jsonl")).unwrap();
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    let image = format!("sweb.eval.x86_64.o__r-2:{}", place.tag);
    assert_eq!(rows[1]["image"], image.as_str());
    assert!(rows[1]["eval_script"].as_str().unwrap().contains("\npytest --of-this-spec t.py\n"), "{}", rows[1]);
    let script = "cat file installed; git describe --tags; git log --format=%s; git status --short; git branch -a; \
                  . /opt/miniconda3/bin/activate; conda activate testbed; which python";
    let shown = Command::new("docker").args(["run", "--rm", "--network=none", &image, "bash", "-c", script]).output();
    expect![[r#"
        o__r-2first
        v-o__r-2
        o__r-2
        o__r-1
        ?? installed
        * main
        /opt/miniconda3/envs/testbed/bin/python
    "#]]
    .assert_eq(&String::from_utf8(shown.unwrap().stdout).unwrap());

    let again = place.build(&["o__r-1", "o__r-2"]);
    assert_eq!(states(&again), "base current, environment current, instance current, instance current", "{again:?}");
    assert!(again.stderr.contains("0 built, 4 up to date, 0 failed"), "{again:?}");
    place.write_specs("echo second > installed");
    let changed = place.build(&["o__r-1"]);
    assert_eq!(states(&changed), "base current, environment current, instance built", "{changed:?}");

    let listed = place.program.run(&["images", "list"]);
    let own = |one: &&Value| one["image"].as_str().unwrap().ends_with(&format!(":{}", place.tag));
    let (count, ids): (usize, Vec<String>) = {
        let listed = lines(&listed);
        let own: Vec<&Value> = listed.iter().filter(own).collect();
        (own.len(), own.iter().filter_map(|one| Some(one["instance_id"].as_str()?.to_owned())).collect())
    };
    assert_eq!((count, ids), (4, vec!["o__r-2".to_owned(), "o__r-1".to_owned()]), "{listed:?}");
    fs::write(place.program.path("kept.jsonl"), rows[1].to_string()).unwrap();
    let unused = ["images", "prune", "--unused-by", "kept.jsonl", "--tag", &place.tag];
    let other = format!("sweb.eval.x86_64.o__r-1:{}\n", place.tag);
    for (more, said) in
        [(["--dry-run"].as_slice(), "would remove 1 images"), (&[], "removed 1 images"), (&[], "removed 0")]
    {
        let ran = place.program.run(&[unused.as_slice(), more].concat());
        assert!(ran.code == Some(0) && ran.stderr.contains(said), "{ran:?}");
        assert_eq!(ran.stdout, if said.ends_with('0') { "" } else { &other });
    }
    let rest = place.program.run(&["images", "prune", "--tag", &place.tag]);
    let kinds: Vec<&str> = rest.stdout.lines().filter_map(|line| line.split('.').nth(1)).collect();
    assert_eq!(kinds, ["eval", "env", "base"], "{rest:?}");
}

#[test]
#[ignore = "needs Docker"]
fn a_build_that_fails_names_its_step_and_its_log() {
    require(BASE);
    let place = Place::new("fails");
    let ran = place.build(&["o__r-3"]);
    assert_eq!(
        (ran.code, states(&ran).as_str()),
        (Some(1), "base built, environment built, instance failed"),
        "{ran:?}"
    );
    let made = lines(&ran);
    let log = place.log(made[2]["image"].as_str().unwrap()).canonicalize().unwrap();
    let error = made[2]["error"].as_str().unwrap();
    let expected = format!(
        "step `install` failed with exit code 7; its last lines:\n    about to fail\nhint: the log is `{}`",
        log.display()
    );
    assert_eq!(error, expected);
    assert!(ran.stderr.contains(&expected) && ran.stderr.contains("2 built, 0 up to date, 1 failed"), "{ran:?}");
    let text = fs::read_to_string(log).unwrap();
    assert!(text.contains("==> repository took") && text.contains("==> install failed with exit code 7"), "{text}");

    fs::write(place.program.path("sources.yaml"), r#"{"O__R-3": {"clone": "nowhere"}}"#).unwrap();
    let ran = place.build(&["o__r-3", "-c", "images.sources=sources.yaml"]);
    let made = lines(&ran);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(made[2]["error"].as_str().unwrap().starts_with("step `source` failed: `git` failed: "), "{ran:?}");
}

fn check_refused(place: &Place, arguments: &[&str], expected: &expect_test::Expect) {
    let ran = place.program.run(&[&["images"], arguments].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    expected.assert_eq(&ran.stderr);
}

#[test]
fn wrong_usage_is_told_before_anything_is_done() {
    let place = Place::new("refused");
    let refused = |arguments: &[&str], expected: &expect_test::Expect| check_refused(&place, arguments, expected);
    refused(
        &["build", "o__r-9", "--dataset", "asked.jsonl"],
        &expect![[r#"
        error: unknown instance `o__r-9`
        hint: did you mean `o__r-1`?
    "#]],
    );
    refused(
        &["pull", "o__r-9", "--dataset", "asked.jsonl"],
        &expect![[r#"
        error: unknown instance `o__r-9`
        hint: did you mean `o__r-1`?
    "#]],
    );
    refused(
        &["build", "--dataset", "asked.jsonl", "-c", "images.specs=[no.yaml]"],
        &expect![[r#"
        error: no such file of specs: `no.yaml`
    "#]],
    );
    refused(
        &["build", "--dataset", "asked.jsonl", "-c", "images.specs=[asked.jsonl]"],
        &expect![[r#"
        error: `asked.jsonl`: unknown field `instance_id`, expected one of `repo`, `requirements_files`, `environment_files`, `all`, `specs` at line 1 column 2
    "#]],
    );
    refused(
        &["build", "--dataset", "demo"],
        &expect![[r#"
        error: the demo instances need no images
    "#]],
    );
    refused(
        &["prune"],
        &expect![[r#"
            error: no images are selected
            hint: `--unused-by DATASET`, `--env`, `--older-than 7d`, `--tag TAG`, `--kept`, `--pulled` or `--all`
        "#]],
    );
    refused(
        &["prune", "--all", "--unused-by", "asked.jsonl"],
        &expect![[r#"
        error: the argument '--all' cannot be used with '--unused-by <DATASET>'

        Usage: codeact images prune --all

        For more information, try '--help'.
    "#]],
    );
    refused(
        &["prune", "--older-than", "7 days"],
        &expect![[r#"
        error: invalid value '7 days' for '--older-than <AGE>': `7 days` is not an age, such as `12h` or `7d`

        For more information, try '--help'.
    "#]],
    );
}
