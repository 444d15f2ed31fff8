//! Images of real instances, made by the program: what they cost, and that validation finds the rows' lists on them.
//!
//! The second instance of a version must cost little beside the first, and a second build must find all up to date. Each
//! version has a tag, and so a base, of its own: its first instance pays for all, and other images of the same instances
//! stay.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::{Value, json};

use super::{check_turned, validated};
use crate::cases::root;
use crate::program::Program;

/// Instances of which several have the same version.
const IDS: [&str; 6] = [
    "django__django-16485",
    "django__django-16527",
    "django__django-16667",
    "django__django-16901",
    "pallets__flask-4992",
    "pallets__flask-5014",
];

/// What a further instance of a version may cost, of what the first one does.
const DISK: f64 = 0.10;
const TIME: f64 = 0.25;

/// Instances with the same environment.
struct Version {
    tag: String,
    ids: Vec<String>,
}

/// Returns the folder with the real data.
fn data() -> PathBuf {
    std::env::var_os("SPOTTER_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from)
}

/// Returns what is known of the instances: how their trees and environments are made.
fn entries() -> Vec<Value> {
    let file = data().join("registry-instances.jsonl");
    let text = fs::read_to_string(&file).unwrap_or_else(|err| panic!("needs SPOTTER_DATA: {}: {err}", file.display()));
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries: Vec<Value> = entries.filter(|entry| IDS.iter().any(|id| entry["instance_id"] == *id)).collect();
    assert_eq!(entries.len(), IDS.len(), "not all instances are in {}", file.display());
    entries
}

/// Returns the row of an instance, for a commit of its own.
fn row(entry: &Value) -> dataset::Row {
    let rows = dataset::load_file(&data().join(entry["row"].as_str().unwrap())).unwrap();
    rows.into_iter().find(|row| entry["instance_id"] == *row.instance_id).unwrap()
}

/// Returns the spec of a version with the pins of an instance.
fn spec(entry: &Value, version: &str) -> Value {
    let words =
        |text: &Value| -> Vec<String> { text.as_str().unwrap().split_whitespace().map(str::to_owned).collect() };
    let listed = |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
    // The names of the tests are appended by the program.
    let is_head = |word: &String| {
        word.starts_with('-') || word.contains('=') || ["python", "pytest", "2", "1"].contains(&word.as_str())
    };
    let mut command: Vec<String> = words(&entry["test_cmd"]).into_iter().filter(is_head).collect();
    if entry["repo"] == "django/django" {
        command.insert(1, "./tests/runtests.py".to_owned());
    }
    let packages = [words(&entry["pip_flags"]), listed(&entry["pip"])].concat();
    json!({
        "versions": [version],
        "python": entry["python"],
        "pip_packages": packages,
        "install": listed(&entry["install"]).join(" && "),
        "test_cmd": command.join(" "),
    })
}

/// Writes rows, sources and specs; returns the versions with their instances, and the settings that name the files.
fn write_inputs(program: &Program) -> (Vec<Version>, Vec<String>) {
    let (mut sources, mut asked) = (serde_json::Map::new(), String::new());
    let mut versions: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut specs: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for entry in entries() {
        let row = row(&entry);
        let (id, repo, version) = (row.instance_id.clone(), row.repo.clone(), row.version.clone());
        let source =
            json!({ "sdist": entry["sdist"], "sha256": entry["sha256"], "reverse": entry["tree"] == "reverse" });
        sources.insert(id.clone(), source);
        let dropped = entry["p2p_not_reproduced"].as_array().unwrap();
        let passing: Vec<&String> =
            row.pass_to_pass.iter().filter(|name| dropped.iter().all(|dropped| *dropped != **name)).collect();
        // A row's own script is for its own commit, which a source package does not have.
        let line = json!({
            "instance_id": id, "repo": repo, "version": version, "base_commit": row.base_commit, "patch": row.patch,
            "test_patch": row.test_patch, "problem_statement": row.problem_statement,
            "FAIL_TO_PASS": row.fail_to_pass, "PASS_TO_PASS": passing,
            "environment_setup_commit": row.environment_setup_commit,
        });
        asked.push_str(&format!("{line}\n"));
        specs.entry(repo.clone()).or_default().insert(version.clone(), spec(&entry, &version));
        versions.entry((repo, version)).or_default().push(id);
    }
    fs::write(program.path("asked.jsonl"), asked).unwrap();
    fs::write(program.path("sources.yaml"), Value::Object(sources).to_string()).unwrap();
    let mut files = Vec::new();
    for (repo, specs) in specs {
        let file = format!("{}.yaml", repo.replace('/', "__"));
        let specs: Vec<Value> = specs.into_values().collect();
        fs::write(program.path(&file), json!({ "repo": repo, "specs": specs }).to_string()).unwrap();
        files.push(file);
    }
    let tag = |(repo, version): (String, String)| format!("spotter-test-{}-{version}", repo.replace('/', "-"));
    let versions = versions.into_iter().map(|(of, ids)| Version { tag: tag(of), ids });
    (versions.collect(), vec!["images.sources=sources.yaml".to_owned(), format!("images.specs=[{}]", files.join(","))])
}

/// Runs `images build` and returns what it says of each image.
fn build(program: &Program, settings: &[String], version: &Version, ids: &[String]) -> Vec<Value> {
    let own = [
        "images.base=spotter/registry-base:latest".to_owned(),
        "images.python=system".to_owned(),
        "images.network=bridge".to_owned(),
        format!("images.tag={}", version.tag),
    ];
    let mut arguments: Vec<String> = ["images", "build"].map(str::to_owned).to_vec();
    arguments.extend_from_slice(ids);
    let rows = format!("rows-{}.jsonl", version.tag);
    arguments.extend(["--dataset", "asked.jsonl", "--workers", "1", "--rows", &rows].map(str::to_owned));
    arguments.extend(settings.iter().chain(&own).flat_map(|layer| ["-c".to_owned(), layer.clone()]));
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Builds the instances of a version one after the other; returns what one that is not the first costs too much.
fn measure(program: &Program, settings: &[String], version: &Version) -> Vec<String> {
    let mut costs: Vec<(f64, f64)> = Vec::new();
    for id in &version.ids {
        let begun = Instant::now();
        let made = build(program, settings, version, std::slice::from_ref(id));
        let seconds = begun.elapsed().as_secs_f64();
        let wanted = if costs.is_empty() { "built" } else { "current" };
        let mut below = made.iter().filter(|image| image["kind"] != "instance");
        assert!(below.all(|image| image["state"] == wanted), "{id}: base and environment are not {wanted}: {made:?}");
        let built =
            made.iter().filter(|image| image["state"] == "built").filter_map(|image| image["own_bytes"].as_f64());
        let shared = if costs.is_empty() { made[0]["shared_bytes"].as_f64().unwrap() } else { 0.0 };
        costs.push((seconds, built.sum::<f64>() + shared));
        println!("{id}: {seconds:.1} s, {:.1} MB", costs[costs.len() - 1].1 / 1e6);
    }
    let made = build(program, settings, version, &version.ids);
    assert!(made.iter().all(|image| image["state"] == "current"), "something is built again: {made:?}");
    let ratio = |(seconds, size): &(f64, f64)| (seconds / costs[0].0, size / costs[0].1);
    let ratios = version.ids.iter().zip(&costs).skip(1).map(|(id, cost)| (id, ratio(cost)));
    let much = ratios.filter(|(_, (time, disk))| *time > TIME || *disk > DISK);
    much.map(|(id, (time, disk))| format!("{id}: {time:.2} of the time and {disk:.2} of the disk of the first"))
        .collect()
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn a_further_instance_of_a_version_costs_little_and_validates() {
    let program = Program::of_user();
    let (versions, settings) = write_inputs(&program);
    let (mut much, mut rows) = (Vec::new(), String::new());
    for version in &versions {
        let pruned = program.run(&["images", "prune", "--tag", &version.tag]);
        assert_eq!(pruned.code, Some(0), "{pruned:?}");
        much.extend(measure(&program, &settings, version));
        rows.push_str(&fs::read_to_string(program.path(&format!("rows-{}.jsonl", version.tag))).unwrap());
    }
    assert_eq!(rows.lines().count(), IDS.len());
    fs::write(program.path("rows.jsonl"), rows).unwrap();
    let run = program.free_run();
    let ran = program.run(&["validate", "--dataset", "rows.jsonl", "--check", "--workers", "2", "--run", &run]);
    let lines = validated(&program, &run);
    assert_eq!((ran.code, lines.len()), (Some(0), IDS.len()), "{ran:?}");
    for line in &lines {
        assert!(line["FAIL_TO_PASS"].as_array().is_some_and(|tests| !tests.is_empty()), "{line}");
        check_turned(line);
    }
    assert!(much.is_empty(), "{}", much.join("\n"));
}
