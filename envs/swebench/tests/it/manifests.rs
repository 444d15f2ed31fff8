//! Datasets by their manifests: those that ship, and one that a user has written.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use dataset::{HubDataset, HubSettings, Source};
use env_core::{Dialect, EnvError, Environment};
use expect_test::{Expect, expect};
use swebench::{Benchmark, BenchmarkSettings, Datasets, Manifest};
use tool_core::{Image, Sandbox, SandboxError, SandboxProvider};

fn no_hub() -> HubSettings {
    HubSettings::from_vars(|name| (name == "HF_HUB_OFFLINE").then(|| "1".to_owned()))
}

#[test]
fn the_manifests_that_ship_say_what_is_what() {
    let datasets = Datasets::embedded().unwrap();
    let lines: Vec<String> = datasets
        .manifests()
        .iter()
        .map(|manifest| {
            let rules = manifest.rules().unwrap();
            let (plain, scripted) = (rules.plain, rules.scripted);
            let Source::Hub(HubDataset { id, split, revision }) = datasets.resolve(&manifest.name).unwrap().source
            else {
                panic!("it is on the hub");
            };
            let (name, kind, split, revision) = (&manifest.name, manifest.kind(), split.unwrap(), &revision[..4]);
            let specs = rules.specs.iter().count();
            format!("{name} {kind}: {id}:{split}@{revision} {plain}/{scripted} {:?} {specs}", rules.image_scheme)
        })
        .collect();
    expect![[r#"
        swe-bench swe-bench: SWE-bench/SWE-bench:test@c6fe swe-bench-4/swe-bench-5 SweBench 20
        swe-bench-lite swe-bench: SWE-bench/SWE-bench_Lite:test@b0dd swe-bench-4/swe-bench-5 SweBench 20
        swe-bench-verified swe-bench: SWE-bench/SWE-bench_Verified:test@78f4 swe-bench-4/swe-bench-5 SweBench 20
        swe-gym swe-gym: SWE-Gym/SWE-Gym:train@bb94 swe-gym/swe-gym SweGym 12
        swe-gym-lite swe-gym: SWE-Gym/SWE-Gym-Lite:train@f70b swe-gym/swe-gym SweGym 12
        swe-gym-raw swe-gym: SWE-Gym/SWE-Gym-Raw:train@main swe-gym/swe-gym SweGym 12"#]]
    .assert_eq(&lines.join("\n"));
    assert_eq!(datasets.kinds(), ["swe-bench", "swe-gym"]);
}

#[test]
fn ids_names_and_owners_tell_the_dataset() {
    let datasets = Datasets::embedded().unwrap();
    for (id, dataset) in [("Pydantic__pydantic-1", "swe-gym"), ("django__django-1", "swe-bench"), ("x", "swe-bench")] {
        assert_eq!(datasets.of_instance(id), dataset);
    }
    let mirror = datasets.resolve("princeton-nlp/swe-bench_lite:dev").unwrap();
    assert_eq!(mirror.manifest.unwrap().name, "swe-bench-lite");
    let Source::Hub(HubDataset { split, revision, .. }) = mirror.source else { panic!("it is on the hub") };
    assert_eq!((split.as_deref(), &revision[..4]), (Some("dev"), "6ec7"));
    let Err(err) = datasets.of_kind("swe-gim") else { panic!("there is no such kind") };
    assert_eq!(err.to_string(), "unknown kind of environment: `swe-gim`\nhint: did you mean `swe-gym`?");
}

#[tokio::test]
async fn files_of_rows_are_told_by_their_name_and_their_owners() {
    let folder = tempfile::tempdir().unwrap();
    let datasets = Datasets::embedded().unwrap();
    for (name, repo, kind) in [
        ("rows.jsonl", "django/django", "swe-bench"),
        ("other.jsonl", "Pandas-dev/pandas", "swe-gym"),
        ("my-swe-gym.jsonl", "django/django", "swe-gym"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, row(repo, "patch")).unwrap();
        let loaded = datasets.load(path.to_str().unwrap(), None, &no_hub()).await.unwrap();
        assert_eq!((loaded.manifest.kind(), loaded.rows.len()), (kind, 1), "{name}");
        let loaded = datasets.load(path.to_str().unwrap(), Some("swe-gym"), &no_hub()).await.unwrap();
        assert_eq!(loaded.manifest.kind(), "swe-gym");
    }
}

fn row(repo: &str, patch: &str) -> String {
    let mut row = serde_json::json!({
        "instance_id": format!("{}-1", repo.replace('/', "__")),
        "repo": repo,
        "base_commit": "abc",
        "test_patch": "diff --git a/t.py b/t.py\n--- a/t.py\n+++ b/t.py\n",
        "problem_statement": "It does not work.",
        "version": "1.0",
        "FAIL_TO_PASS": ["t.py::a"],
        "PASS_TO_PASS": [],
    });
    row["log_parser"] = "parse_log_pytest".into();
    row[patch] = "diff --git a/x b/x\n".into();
    format!("{row}\n")
}

/// Starts nothing.
struct NoSandbox;

#[async_trait]
impl SandboxProvider for NoSandbox {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        Err(SandboxError::Image(format!("{:?}", image.source)))
    }
}

/// One more dataset: its split, its columns, its specs, its dialect. No line of Rust knows of it.
#[tokio::test]
async fn one_more_dataset_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let rows = folder.path().join("rows/dev.jsonl");
    fs::create_dir_all(rows.parent().unwrap()).unwrap();
    fs::write(&rows, row("mine/own", "gold_patch")).unwrap();
    let specs = "repo: mine/own\nspecs:\n- {versions: ['1.0'], test_cmd: pytest -rA}\n";
    fs::write(folder.path().join("own.yaml"), specs).unwrap();
    let manifest = "\
name: own-dev
rows: rows/dev.jsonl
dialect: swe-bench-5
images: local
specs: [swe-bench, own.yaml]
columns:
  patch: gold_patch
owners: [mine]
";
    let file = folder.path().join("dev.yaml");
    fs::write(&file, manifest).unwrap();

    let datasets = Datasets::embedded().unwrap();
    let loaded = datasets.load(file.to_str().unwrap(), None, &no_hub()).await.unwrap();
    assert_eq!(loaded.manifest.kind(), "own-dev");
    let settings = BenchmarkSettings::default();
    let benchmark = Benchmark::of_rows(&loaded.manifest, loaded.rows, &settings, Arc::new(NoSandbox)).unwrap();
    assert_eq!(benchmark.name(), "own-dev");
    let [instance] = benchmark.instances() else { panic!("one instance") };
    assert_eq!(benchmark.gold(instance).unwrap().0, "diff --git a/x b/x\n");
    let (dialect, lists) = benchmark.lists(instance).unwrap();
    assert_eq!((dialect, lists.fail_to_pass), (Dialect::SweBench5, vec!["t.py::a".to_owned()]));
    let Err(EnvError::Sandbox(SandboxError::Image(image))) = benchmark.reset(instance).await else {
        panic!("no engine")
    };
    assert!(image.contains(".mine__own-1:latest"), "{image}");
}

fn check(text: &str, wanted: &Expect) {
    let err = Manifest::parse(text, Path::new("my.yaml")).unwrap_err();
    wanted.assert_eq(&err.to_string());
}

#[test]
fn what_is_wrong_in_a_manifest_is_named_with_its_place() {
    let start = "name: my\nrows: r.jsonl\nimages: local\n";
    let with = |more: &str| format!("{start}{more}");
    check(
        &with("dialect: swe-gym\nsplits: a\nowner: [b]\n"),
        &expect![[r#"
        manifest `my.yaml`, line 5: unknown key: `splits`
        hint: there is `name`, `aliases`, `kind`, `hub`, `mirrors`, `rows`, `dialect`, `script_dialect`, `images`, `specs`, `columns`, `owners`"#]],
    );
    check(
        &with("dialect: swe-gym\nowner: [b]\n"),
        &expect![[r#"
        manifest `my.yaml`, line 5: unknown key: `owner`
        hint: did you mean `owners`?"#]],
    );
    check(
        "name: my\nhub:\n  id: a/b\n  revison: main\nimages: local\ndialect: swe-gym\n",
        &expect![[r#"
        manifest `my.yaml`, line 4: unknown key in `hub`: `revison`
        hint: did you mean `revision`?"#]],
    );
    check(
        &with("dialect: swe-gim\n"),
        &expect![[r#"
        manifest `my.yaml`, line 4: unknown value of `dialect`: `swe-gim`
        hint: did you mean `swe-gym`?"#]],
    );
    check(
        &with("dialect: swe-gym\ncolumns:\n  ptch: gold\n"),
        &expect![[r#"
        manifest `my.yaml`, line 6: unknown column: `ptch`
        hint: did you mean `patch`?"#]],
    );
    check(
        &with("dialect: swe-gym\nspecs: [swe-gmy]\n"),
        &expect![[r#"
        manifest `my.yaml`, line 5: unknown set in `specs`: `swe-gmy`
        hint: did you mean `swe-gym`?"#]],
    );
    check(
        &with("dialect: swe-gym\nspecs: [none.yaml]\n"),
        &expect!["manifest `my.yaml`, line 5: `specs`: there is no file `none.yaml`"],
    );
    check(
        &with("dialect: swe-gym\nowners: b\n"),
        &expect![[r#"manifest `my.yaml`, line 5: `owners`: invalid type: string "b", expected a sequence"#]],
    );
    check(
        &with("dialect: swe-gym\nhub: {id: a/b}\n"),
        &expect!["manifest `my.yaml`, line 2: it names both `hub` and `rows`"],
    );
    check(
        "name: my\nimages: local\ndialect: swe-gym\n",
        &expect!["manifest `my.yaml`, line 1: it names neither `hub` nor `rows`"],
    );
    check(start, &expect!["manifest `my.yaml`, line 1: missing field `dialect`"]);
    check("name: [", &expect!["manifest `my.yaml`, line 1: `name`: invalid type: sequence, expected a string"]);
}

#[tokio::test]
async fn a_manifest_that_is_not_there_is_named() {
    let datasets = Datasets::embedded().unwrap();
    let err = datasets.load("none/my.yaml", None, &no_hub()).await.err().unwrap();
    expect!["manifest `none/my.yaml`: there is no such file"].assert_eq(&err.to_string());
}
