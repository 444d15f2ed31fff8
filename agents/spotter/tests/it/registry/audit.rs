//! Audits of images: what is planted is found, and in the images of real instances there is nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::cases::{self, DATASETS, registry};
use crate::program::Program;

/// The instance in whose image leaks are planted.
const PLANTED: &str = "pallets__flask-5014";

/// What is planted outside of the tree's own repository, by kind, and so stays in front of a solver.
const STAYING: [(&str, &str); 17] = [
    ("repository", "/opt/mirror/flask/.git"),
    ("bare_repository", "/srv/git/flask.git"),
    ("bundle", "/var/backups/flask.bundle"),
    ("pack", "/var/lib/misc/objects.bin"),
    ("archive", "/home/dev/old/main.zip"),
    ("source_package", "/usr/share/src/flask-9.9.tar.xz"),
    ("wheel", "/home/dev/wheels/flask-9.9-py3-none-any.whl"),
    ("egg", "/usr/share/eggs/flask-9.9.egg"),
    ("package_cache", "/home/dev/.cache/pip/http-v2/a/b/abcdef.body"),
    ("build_folder", "/testbed/build/lib/flask"),
    ("installed_copy", "/usr/lib/python3/dist-packages/flask"),
    ("source_copy", "/home/user/code/flask"),
    ("byte_code", "/testbed/src/flask/__pycache__/blueprints.cpython-310.pyc"),
    ("backup", "/testbed/src/flask/blueprints.py.orig"),
    ("patch_file", "/home/dev/notes/fix.txt"),
    ("dataset_rows", "/data/test.jsonl.gz"),
    ("gold_lines", "/home/dev/.history"),
];

/// What is planted where the start of an episode removes it.
const CLEANED: [(&str, &str); 7] = [
    ("stash", "/testbed/.git/refs/stash"),
    ("reflog", "/testbed/.git/logs/HEAD"),
    ("refs", "/testbed/.git/refs/tags/fixed"),
    ("objects", "/testbed/.git/objects/"),
    ("worktree", "/testbed/.git/worktrees/worktree"),
    ("alternates", "/testbed/.git/objects/info/alternates"),
    ("modified_file", "/testbed/src/flask/blueprints.py"),
];

/// A copy of a registry image with something planted, which goes with it.
struct Planted {
    image: String,
    rows: PathBuf,
}

impl Planted {
    /// Plants these leaks, or all.
    fn new(program: &Program, leaks: &str) -> Self {
        let text = fs::read_to_string(registry().join("swe-bench.jsonl")).unwrap_or_default();
        let mut rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut row = rows.find(|row| row["instance_id"] == PLANTED).unwrap_or_else(|| panic!("needs registry images"));
        let own: String = program.free_run().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("spotter-test-{}", own.to_lowercase());
        let container = docker(&["create", "--entrypoint", "bash", row["image"].as_str().unwrap(), "/plant.sh", leaks]);
        let copy = |from: &str, text: &str| {
            let path = program.path(from);
            fs::write(&path, text).unwrap();
            docker(&["cp", path.to_str().unwrap(), &format!("{container}:/{from}")]);
        };
        copy("gold.patch", row["patch"].as_str().unwrap());
        copy("plant.sh", include_str!("plant.sh"));
        let started = Command::new("docker").args(["start", "-a", &container]).output().unwrap();
        assert!(started.status.success(), "nothing could be planted: {started:?}");
        docker(&["commit", &container, &format!("{name}:latest")]);
        docker(&["rm", &container]);
        row["image"] = json!(format!("{name}:latest"));
        let rows = program.path(&format!("{name}.jsonl"));
        fs::write(&rows, format!("{row}\n")).unwrap();
        Self { image: name, rows }
    }

    /// Returns the layers that name it.
    fn layers(&self) -> Vec<String> {
        let dataset = format!("env.dataset={}", self.rows.display());
        vec![dataset, "env.network=none".to_owned(), "env.image.platform=native".to_owned()]
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "-f", &self.image]).output();
    }
}

fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Audits instances, and returns the certificates with the exit code.
fn audited(program: &Program, ids: &[String], layers: &[String]) -> (Vec<Value>, Option<i32>) {
    let mut arguments: Vec<String> = ["images", "audit", "--json"].map(str::to_owned).to_vec();
    arguments.extend(ids.iter().cloned());
    arguments.extend(layers.iter().flat_map(|layer| ["-c".to_owned(), layer.clone()]));
    let ran = program.run(&arguments);
    let lines = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ran:?}")));
    let certificates: Vec<Value> = lines.collect();
    assert_eq!(certificates.len(), ids.len(), "{ran:?}");
    (certificates, ran.code)
}

fn of_planted(program: &Program, planted: &Planted) -> Value {
    let (mut certificates, code) = audited(program, &[PLANTED.to_owned()], &planted.layers());
    assert_eq!(code, Some(1), "leaks are an exit code of 1");
    certificates.remove(0)
}

#[test]
#[ignore = "needs registry images"]
fn what_is_planted_is_found() {
    let program = Program::new();
    let planted = Planted::new(&program, "");
    let certificate = of_planted(&program, &planted);
    let findings = certificate["findings"].as_array().unwrap();
    let find = |kind: &str, path: &str| {
        let is_it = |found: &&Value| {
            let own = found["path"].as_str().unwrap();
            found["kind"] == kind && (own == path || (path.ends_with('/') && own.starts_with(path)))
        };
        findings.iter().find(is_it)
    };
    let mut wrong = Vec::new();
    for (kind, path) in STAYING {
        if find(kind, path).is_none_or(|found| found["alarm"] != true) {
            wrong.push(format!("{kind} {path}: no alarm"));
        }
    }
    for (kind, path) in CLEANED {
        if find(kind, path).is_none_or(|found| found["alarm"] != false) {
            wrong.push(format!("{kind} {path}: not found, or an alarm"));
        }
    }
    println!("{} of {} kinds found", STAYING.len() + CLEANED.len() - wrong.len(), STAYING.len() + CLEANED.len());
    let list: Vec<String> = findings.iter().map(Value::to_string).collect();
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), list.join("\n"));
    // The gold patch itself is in no certificate.
    assert!(!certificate.to_string().contains("may not be empty"), "{certificate}");
    // Whoever starts all the same sees nothing of what is said to be cleaned.
    let script = program.path("script.yaml");
    let look = "cd /testbed; git log --all --oneline | wc -l; git stash list | wc -l; git tag | wc -l; git worktree list | wc -l; \
                grep -c 'may not be empty' src/flask/blueprints.py; cat .git/objects/*/* .git/objects/pack/* | wc -c; \
                git cat-file -t $(cat /home/dev/.object) || echo gone; ls /opt/worktree /opt/store";
    let call = json!({"calls": [{"name": "bash", "arguments": {"command": look}}]});
    let finish = json!({"calls": [{"name": "finish", "arguments": {}}]});
    fs::write(&script, json!({"turns": [call, finish]}).to_string()).unwrap();
    let settings = ["env.on_leak=warn".to_owned(), "evaluate=false".to_owned()];
    let (trajectory, ran) = solved(&program, &planted, &script, &settings);
    assert_eq!(ran, Some(0));
    let seen = trajectory.iter().find(|line| line["type"] == "observation").unwrap()["observation"].to_string();
    assert!(seen.contains("1\\n0\\n0\\n1\\n0\\n") && seen.contains("gone"), "{seen}");
    let audit = &trajectory[0]["origin"]["audit"];
    assert_eq!((&audit["result"], &audit["removed"]), (&json!("leaks"), &Value::Null), "{audit}");
}

/// Solves the instance by a script, and returns the lines of the trajectory and the exit code.
fn solved(
    program: &Program,
    planted: &Planted,
    script: &std::path::Path,
    settings: &[String],
) -> (Vec<Value>, Option<i32>) {
    let run = program.free_run();
    let mut arguments: Vec<String> = ["solve", PLANTED, "--run", &run].map(str::to_owned).to_vec();
    let model = ["model.provider=script".to_owned(), format!("model.path={}", script.display())];
    let layers = planted.layers().into_iter().chain(model).chain(settings.iter().cloned());
    arguments.extend(layers.flat_map(|layer| ["-c".to_owned(), layer]));
    let ran = program.run(&arguments);
    let found: BTreeMap<_, _> = fs::read_dir(program.path(&format!(".runs/{run}")))
        .map(|cells| {
            cells.flatten().map(|cell| (cell.path(), cell.path().join(PLANTED).join("trajectory.jsonl"))).collect()
        })
        .unwrap_or_default();
    let text = found.values().find_map(|path| fs::read_to_string(path).ok());
    let Some(text) = text else {
        return (vec![json!(ran.stdout), json!(ran.stderr)], ran.code);
    };
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), ran.code)
}

#[test]
#[ignore = "needs registry images"]
fn an_episode_starts_on_a_leaky_image_only_as_the_settings_say() {
    let program = Program::new();
    let planted = Planted::new(&program, "wheel backup patch_file");
    let script = registry().join(format!("scripts/{PLANTED}.yaml"));
    // Without a certificate the episode runs, and its record says so.
    let (trajectory, code) = solved(&program, &planted, &script, &[]);
    assert_eq!((code, &trajectory[0]["origin"]["audit"]), (Some(0), &json!({"result": "none"})));
    let certificate = of_planted(&program, &planted);
    let alarms = certificate["findings"].as_array().unwrap().iter().filter(|found| found["alarm"] == true).count();
    assert_eq!(alarms, 3, "{certificate}");
    let (said, code) = solved(&program, &planted, &script, &[]);
    let said = format!("{said:?}");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("holds what would tell the answer") && said.contains("env.on_leak=remove"), "{said}");
    assert!(!said.contains("may not be empty"), "the gold patch is told: {said}");
    let (trajectory, code) = solved(&program, &planted, &script, &["env.on_leak=remove".to_owned()]);
    assert_eq!(code, Some(0), "{trajectory:?}");
    let audit = &trajectory[0]["origin"]["audit"];
    assert_eq!(audit["removed"].as_array().map(Vec::len), Some(3), "{audit}");
    // What was removed is no part of the patch.
    let patch = trajectory.last().unwrap()["patch"].to_string();
    assert!(patch.contains("may not be empty") && !patch.contains(".orig"), "{patch}");
}

#[test]
#[ignore = "needs registry images"]
fn the_images_of_real_instances_are_clean() {
    let program = Program::new();
    let (mut wrong, mut count) = (Vec::new(), 0);
    let of_registry = cases::of_registry();
    for dataset in DATASETS {
        let ids: Vec<String> =
            of_registry.iter().filter(|(of, _)| *of == dataset).map(|(_, case)| case.id.clone()).collect();
        if ids.is_empty() {
            continue;
        }
        let begun = Instant::now();
        let (certificates, _) = audited(&program, &ids, &cases::layers(dataset));
        let seconds = begun.elapsed().as_secs_f64();
        let bytes: u64 = certificates.iter().filter_map(|one| one["seen"]["bytes"].as_u64()).sum();
        println!("{} images, {seconds:.1} s, {:.1} s a GB", ids.len(), seconds / (bytes as f64 / 1e9));
        count += certificates.len();
        for certificate in &certificates {
            let findings = certificate["findings"].as_array().unwrap_or_else(|| panic!("{certificate}"));
            wrong.extend(
                findings
                    .iter()
                    .filter(|found| found["alarm"] != false)
                    .map(|found| format!("{}: {found}", certificate["instance_id"])),
            );
            assert!(certificate["seen"]["objects"].as_u64() > Some(0), "no object was read: {certificate}");
        }
    }
    println!("{} false alarms over {count} images", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
