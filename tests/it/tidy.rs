//! The project's rules about itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each crate with its layer; an arrow may only point to a lower one.
const LAYERS: &[(&str, u8)] = &[
    ("prompts", 0),
    ("tool-core", 0),
    ("shell", 1),
    ("edit", 1),
    ("search", 1),
    ("env-core", 1),
    ("docker", 2),
    ("local", 2),
    ("repo", 2),
    ("grading", 2),
    ("dataset", 2),
    ("agent-core", 3),
    ("audit", 2),
    ("images", 3),
    ("swebench", 4),
    ("llm", 4),
    ("journal", 4),
    ("demo", 5),
    ("harbor", 5),
    ("runner", 6),
    ("sweep", 7),
    ("verifier", 7),
    ("training", 8),
    ("viewer", 8),
    ("gym", 9),
    ("cli", 10),
    ("codeact", 11),
    ("bashonly", 11),
    ("moatless", 11),
    ("spotter", 12),
    ("tests", 13),
];

/// Arrows that are wrong although they point down, or that only a binary may have.
const FORBIDDEN: &[(&str, &str)] =
    &[("agent-core", "dataset"), ("runner", "edit"), ("codeact", "env-core"), ("codeact", "llm"), ("llm", "dataset")];

/// Dependencies that only these crates may name.
const ONLY: &[(&str, &[&str])] = &[
    ("bollard", &["docker"]),
    ("async-openai", &["llm"]),
    ("reqwest", &["llm", "dataset", "images", "sweep"]),
    ("tree-sitter", &["edit", "search"]),
    ("tantivy", &["search"]),
    ("parquet", &["dataset", "training"]),
    ("minijinja", &["prompts", "training"]),
    ("tokenizers", &["training"]),
    ("clap", &["cli"]),
    ("axum", &["gym"]),
    ("rustls", &["llm", "dataset", "docker", "images", "sweep"]),
    ("k8s-openapi", &["sweep"]),
    ("opentelemetry", &["cli"]),
    ("opentelemetry_sdk", &["cli"]),
    ("opentelemetry-otlp", &["cli"]),
];

/// Tools, each with its prompt.
const TOOLS: [&str; 22] = [
    "bash",
    "str_replace_editor",
    "apply_patch",
    "finish",
    "think",
    "search_code",
    "find_symbol",
    "view_code",
    "list_files",
    "search",
    "identify",
    "decide",
    "plan",
    "select_lines",
    "replace_code",
    "choose_tests",
    "find_class",
    "find_function",
    "find_code_snippet",
    "string_replace",
    "create_file",
    "run_tests",
];

/// What a test may need that not every machine has, as the reason for which it is ignored.
const NEEDS: [&str; 9] = [
    "needs Docker",
    "needs root",
    "needs SPOTTER_DATA",
    "needs registry images",
    "needs Slurm",
    "needs Ray",
    "needs SPOTTER_LONG",
    "needs SPOTTER_CLIENTS",
    "needs Chromium",
];

const LINES: usize = 600;

/// Returns the folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Returns every file below the root that is part of the project.
fn files() -> Vec<PathBuf> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    let paths: Vec<PathBuf> =
        listed.split('\0').filter(|name| !name.is_empty()).map(|name| root().join(name)).collect();
    assert!(paths.len() > 50, "git lists only {} files", paths.len());
    paths.into_iter().filter(|path| path.is_file()).collect()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

/// Returns a crate's name and its dependencies, the ones for tests left out.
fn manifest(text: &str) -> (String, BTreeSet<String>) {
    let mut section = String::new();
    let (mut name, mut dependencies) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once('=') {
            let key = key.trim().trim_end_matches(".workspace");
            match section.as_str() {
                "package" if key == "name" => name = value.trim().trim_matches('"').to_owned(),
                "dependencies" => drop(dependencies.insert(key.to_owned())),
                _ => {}
            }
        }
    }
    (name, dependencies)
}

/// Returns each crate's name with its dependencies.
fn manifests() -> BTreeMap<String, BTreeSet<String>> {
    // The fuzz targets are a workspace of their own.
    let outside = [root(), root().join("tests/fuzz")];
    let is_crate = |path: &&PathBuf| path.ends_with("Cargo.toml") && outside.iter().all(|at| path.parent() != Some(at));
    files().iter().filter(is_crate).map(|path| manifest(&fs::read_to_string(path).unwrap())).collect()
}

/// Returns what is wrong with the dependencies of a crate.
fn wrong_arrows(name: &str, dependencies: &BTreeSet<String>) -> Vec<String> {
    let layers: BTreeMap<&str, u8> = LAYERS.iter().copied().collect();
    let Some(own) = layers.get(name) else { return vec![format!("the layer table lacks `{name}`")] };
    let mut wrong = Vec::new();
    for dependency in dependencies {
        if let Some(layer) = layers.get(dependency.as_str()).filter(|layer| *layer >= own) {
            wrong.push(format!("`{name}` (layer {own}) may not use `{dependency}` (layer {layer})"));
        }
        if FORBIDDEN.contains(&(name, dependency.as_str())) {
            wrong.push(format!("`{name}` may not use `{dependency}`"));
        }
        if let Some((_, allowed)) = ONLY.iter().find(|(only, allowed)| only == dependency && !allowed.contains(&name)) {
            wrong.push(format!("only {allowed:?} may name `{dependency}`, not `{name}`"));
        }
    }
    wrong
}

#[test]
fn every_arrow_points_to_a_lower_layer() {
    let manifests = manifests();
    let wrong: Vec<String> = manifests.iter().flat_map(|(name, uses)| wrong_arrows(name, uses)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let gone: Vec<_> = LAYERS.iter().filter(|(name, _)| !manifests.contains_key(*name)).collect();
    assert!(gone.is_empty(), "the layer table has crates that there are not: {gone:?}");
}

#[test]
fn an_upward_arrow_is_found() {
    let upward = "[package]\nname = \"edit\"\n[dependencies]\ntool-core.workspace = true\nagent-core = { path = \"\" }\n\
                  search.workspace = true\nbollard = \"1\"\n[dev-dependencies]\nspotter.workspace = true\n";
    let (name, dependencies) = manifest(upward);
    let wrong = wrong_arrows(&name, &dependencies);
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    for dependency in ["agent-core", "search", "bollard"] {
        assert!(wrong.iter().any(|wrong| wrong.contains(&format!("`{dependency}`"))), "{wrong:?}");
    }
    assert_eq!(wrong_arrows("unheard-of", &dependencies).len(), 1);
}

/// The fuzz targets have a lock file of their own, which no other command reads.
#[test]
fn the_lock_of_the_fuzz_targets_fits_the_manifests() {
    let lock = fs::read_to_string(root().join("tests/fuzz/Cargo.lock")).unwrap();
    let mut ours = 0;
    for (name, dependencies) in manifests() {
        let start = format!("[[package]]\nname = \"{name}\"\n");
        let Some((_, package)) = lock.split_once(&start) else { continue };
        let package = package.split("[[package]]").next().unwrap_or(package);
        let listed = package.lines().filter_map(|line| line.strip_prefix(" \"")?.split(['"', ' ']).next());
        // The lock has a package's own name, a manifest the name that the workspace gives it.
        let renamed = |listed: &str| if listed == "yaml_serde" { "serde_yaml" } else { listed }.to_owned();
        let listed: BTreeSet<String> = listed.map(renamed).collect();
        assert_eq!(listed, dependencies, "`{name}`; run `cargo update --workspace` in tests/fuzz");
        ours += 1;
    }
    assert!(ours >= 4, "the lock file has {ours} crates of ours");
}

#[test]
fn agents_use_the_runner_from_main_only() {
    for path in files() {
        let name = relative(&path);
        let agents = ["agents/codeact/src/", "agents/bashonly/src/", "agents/moatless/src/"];
        if agents.iter().any(|folder| name.starts_with(folder)) && !name.ends_with("main.rs") {
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains("runner::"), "`{name}` uses the runner");
        }
    }
}

#[test]
fn the_tutorial_is_the_smallest_agent() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    for (name, most) in [("agents/bashonly/src/lib.rs", 60), ("agents/bashonly/src/main.rs", 5)] {
        let text = read(name);
        assert!(text.lines().count() <= most, "`{name}` has more than {most} lines");
        let (_, code) = text.split_once("\n\n").unwrap();
        assert!(read("README.md").contains(code), "the README does not show `{name}` as it is");
    }
}

#[test]
fn the_examples_are_shown_as_they_are() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    for (example, page) in [
        ("tool", "tools/tool-core/README.md"),
        ("provider", "tools/tool-core/README.md"),
        ("environment", "envs/env-core/README.md"),
    ] {
        let text = read(&format!("agents/spotter/examples/{example}.rs"));
        let (_, code) = text.split_once("\n\n").unwrap();
        assert!(read(page).contains(code.trim_end()), "`{page}` does not show the example `{example}` as it is");
    }
}

#[test]
fn every_crate_has_a_page() {
    for name in files().iter().map(|path| relative(path)).filter(|name| name.ends_with("/Cargo.toml")) {
        let folder = name.trim_end_matches("/Cargo.toml");
        if !folder.starts_with("tests") {
            let page = fs::read_to_string(root().join(folder).join("README.md")).unwrap_or_default();
            assert!(page.starts_with("# ") && page.lines().count() >= 3, "`{folder}` has no README.md");
        }
    }
}

#[test]
fn files_are_small_and_crates_say_what_they_are() {
    for path in files().iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().count();
        assert!(lines <= LINES, "`{}` has {lines} lines, the cap is {LINES}", relative(path));
        assert!(text.starts_with("//!"), "`{}` does not begin with a `//!` line", relative(path));
    }
}

/// Returns what is wrong with the tests in a file: one that cannot run fails, and the runner counts what it leaves out.
fn wrong_skips(text: &str) -> Vec<&str> {
    let is_known =
        |attribute: &&str| NEEDS.iter().any(|need| attribute.starts_with(&format!("#[ignore = \"{need}\"]")));
    let ignored = text.match_indices("#[ignore").map(|(at, _)| &text[at..]).filter(|attribute| !is_known(attribute));
    let ignored = ignored.map(|attribute| attribute.lines().next().unwrap());
    let prints = ["print!(", "println!("].into_iter().flat_map(|name| text.match_indices(name));
    let prints = prints.map(|(at, _)| text[at..].split(';').next().unwrap());
    let prints = prints.filter(|print| print.to_lowercase().contains("skip"));
    let returns = text.lines().filter(|line| line.starts_with("    let ") && line.ends_with(" else { return };"));
    ignored.chain(prints).chain(returns).collect()
}

#[test]
fn a_test_that_is_skipped_is_none_that_passed() {
    let mut ignored = 0;
    for path in files() {
        let name = relative(&path);
        if !name.ends_with(".rs") || name == "tests/it/tidy.rs" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        if ["/it/", "/suite/", "tests.rs"].iter().any(|part| name.contains(part)) {
            let wrong = wrong_skips(&text);
            assert!(wrong.is_empty(), "`{name}`: {wrong:?}");
            ignored += text.matches("#[ignore = ").count();
        } else {
            assert!(!text.contains("#[ignore"), "`{name}` is no file of tests, and ignores one");
        }
    }
    assert!(ignored > 20, "only {ignored} tests are ignored");
}

#[test]
fn a_silent_skip_is_found() {
    let wrong = [
        "#[test]\n#[ignore]\nfn f() {}",
        "#[test]\n#[ignore = \"is slow\"]\nfn f() {}",
        "    eprintln!(\n        \"Skipped: no {}\",\n        x\n    );\n    return;",
        "    let Some(x) = x() else { return };",
    ];
    for text in wrong {
        assert_eq!(wrong_skips(text).len(), 1, "{text}");
    }
    let right = "#[test]\n#[ignore = \"needs root\"]\nfn f() {\n    println!(\"{x}\");\n    skip();\n}";
    assert_eq!(wrong_skips(right), [""; 0]);
}

#[test]
fn names_and_places_of_machines_stay_out() {
    let forbidden = ["/root/", "/work/", "/home/runner", "pypi.org", "crates.io/", "deb.debian.org"];
    for path in files() {
        let name = relative(&path);
        if name == "tests/it/tidy.rs" || name.ends_with("Cargo.lock") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate() {
            // The home of root inside an image is no machine's.
            let line = line.replace("/root/.bashrc", "").replace("/proc/1/root/", "");
            let found = forbidden.iter().find(|word| line.contains(**word));
            assert!(found.is_none(), "`{name}` line {}: `{}`", index + 1, found.unwrap());
        }
    }
}

#[test]
fn the_top_level_holds_what_it_should() {
    let allowed = ["Cargo.toml", "Cargo.lock", "LICENSE", "README.md", "agents", "envs", "prompts", "tests", "tools"];
    for path in files() {
        let name = relative(&path);
        let first = name.split('/').next().unwrap();
        assert!(first.starts_with('.') || allowed.contains(&first), "`{first}` does not belong at the top level");
    }
}

#[test]
fn every_tool_has_a_prompt_and_every_template_parses() {
    let prompts = prompts::Prompts::new(BTreeMap::new()).unwrap();
    let names = prompts.names();
    for tool in TOOLS {
        let file = format!("tools/{tool}.md");
        assert!(names.contains(&file), "`{file}` is missing");
        assert!(!prompts.render(&file, ()).unwrap().trim().is_empty(), "`{file}` is empty");
    }
    let known = ["instance", "root", "tools", "extra"];
    let rendered_in_episodes = ["codeact/", "bashonly/", "moatless/", "episode/"];
    let in_episodes = |name: &&String| rendered_in_episodes.iter().any(|folder| name.starts_with(folder));
    // Texts of tools have values of their own, and no file each.
    for name in names.iter().filter(|name| name.ends_with(".md")).filter(in_episodes) {
        for variable in prompts.variables(name).unwrap() {
            assert!(known.contains(&variable.as_str()), "`{name}` names `{variable}`, which no episode offers");
        }
    }
}
