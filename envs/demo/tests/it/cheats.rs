//! Ways to a reward without a solution, judged as the official harness does and strictly.
//!
//! Each is a script in `tests/cheats` that an agent would run. What came of it stands in the page of that folder.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use env_core::{Environment, Instance, Judging, Patch, Verdict, find_instance};
use expect_test::expect_file;
use futures_util::{StreamExt, stream};
use repo::capture::capture;
use repo::scratch_path;
use swebench::{Benchmark, BenchmarkSettings};
use tool_core::{Command, Host, Pull, SandboxConfig, SandboxPlug, SandboxProvider, shell_quote};

/// How many are judged at once.
const AT_ONCE: usize = 3;

/// Of one run of the tests of a cheat, some of which never end.
const LIMIT: Duration = Duration::from_secs(60);

/// One way to a reward.
struct Cheat {
    name: String,
    attack: String,
    forges: String,
    instance: String,
    script: String,
}

impl Cheat {
    fn read(path: &Path) -> Self {
        let script = fs::read_to_string(path).unwrap();
        let header = |key: &str| {
            let line = script.lines().find_map(|line| line.strip_prefix(&format!("# {key}: ")));
            line.unwrap_or_else(|| panic!("`{}` does not say `# {key}: `", path.display())).to_owned()
        };
        let kind = path.parent().unwrap().file_name().unwrap().to_string_lossy();
        let name = format!("{kind}/{}", path.file_stem().unwrap().to_string_lossy());
        Self { name, attack: header("attack"), forges: header("forges"), instance: header("on"), script }
    }

    /// Returns the patch that an agent which does this leaves behind; a script may also write one to `$PATCH`.
    async fn patch(&self, environment: &Benchmark, instance: &Instance) -> Patch {
        let ready = environment.reset(instance).await.unwrap();
        let (sandbox, root) = (&*ready.sandbox, shell_quote(&ready.sandbox.info().root));
        let written = scratch_path(sandbox, "written.diff");
        let script = format!("set -e\nPATCH={}\ncd {root}\n{}", shell_quote(&written), self.script);
        let output = sandbox.exec(Command::new(script)).await.unwrap();
        assert!(output.success(), "{}: {}", self.name, output.output);
        let patch = match sandbox.read_file(&written).await {
            Ok(patch) => Patch(String::from_utf8(patch).unwrap()),
            Err(_) => capture(sandbox, &ready.baseline).await.unwrap().patch,
        };
        sandbox.stop().await.unwrap();
        patch
    }
}

/// Returns the cheats on instances that `takes` names.
fn cheats(takes: impl Fn(&str) -> bool) -> Vec<Cheat> {
    let folders = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let scripts = folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    let mut scripts: Vec<PathBuf> = scripts.collect();
    scripts.sort();
    scripts.iter().map(|path| Cheat::read(path)).filter(|cheat| takes(&cheat.instance)).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cheats")
}

/// The same instances, judged in both ways.
struct Both {
    official: Benchmark,
    strict: Benchmark,
}

impl Both {
    fn new(limit: Duration, open: impl Fn() -> Benchmark) -> Self {
        let open = |judging| open().with_timeout(limit).judging(judging);
        Self { official: open(Judging::Official), strict: open(Judging::Strict) }
    }

    /// Plays every cheat and returns the table of what came of them, and what was rewarded.
    async fn play(&self, cheats: Vec<Cheat>) -> (String, Vec<String>) {
        let played = stream::iter(&cheats).map(|cheat| async move {
            let instance = find_instance(self.official.instances(), &cheat.instance).unwrap();
            let patch = cheat.patch(&self.official, instance).await;
            let official = self.official.evaluate(instance, &patch).await.unwrap();
            (cheat, official, self.strict.evaluate(instance, &patch).await.unwrap())
        });
        let played: Vec<_> = played.buffered(AT_ONCE).collect().await;
        let mut table = String::from(
            "| cheat | attack | forges | official | distrusted for | strict | evidence |\n|---|---|---|---|---|---|---|\n",
        );
        let mut rewarded = Vec::new();
        for (cheat, official, strict) in played {
            let Cheat { name, attack, forges, .. } = cheat;
            let signs = signs(&official);
            let (of_strict, evidence) = (outcome(&strict), evidence(&strict));
            writeln!(
                table,
                "| {name} | {attack} | {forges} | {} | {signs} | {of_strict} | {evidence} |",
                outcome(&official)
            )
            .unwrap();
            if strict.report.resolved || std::env::var("CHEAT").is_ok_and(|shown| shown == *name) {
                let log = String::from_utf8_lossy(&strict.test_output).into_owned();
                let tail = &log[log.floor_char_boundary(log.len().saturating_sub(3_000))..];
                rewarded.push(format!("{name}: {:?}\n{tail}", strict.trust));
            }
        }
        (table, rewarded)
    }

    /// Returns what is wrong with the verdicts on the gold patches, and how long both ways took.
    async fn gold(&self) -> (Vec<String>, Duration, Duration) {
        let (mut wrong, mut of_official, mut of_strict) = (Vec::new(), Duration::ZERO, Duration::ZERO);
        for instance in self.official.instances() {
            let gold = self.official.gold(instance).unwrap();
            for (environment, total) in [(&self.official, &mut of_official), (&self.strict, &mut of_strict)] {
                let start = Instant::now();
                let verdict = environment.evaluate(instance, &gold).await.unwrap();
                *total += start.elapsed();
                let trust = &verdict.trust;
                if !trust.unchecked.is_empty() {
                    eprintln!("{}: not checked: {}", instance.instance_id, trust.unchecked.join(", "));
                }
                if !verdict.report.resolved || !trust.distrust.is_empty() {
                    let log = String::from_utf8_lossy(&verdict.test_output).into_owned();
                    wrong.push(format!("{}: {:?} {trust:?}\n{log}", instance.instance_id, verdict.failure));
                }
            }
        }
        (wrong, of_official, of_strict)
    }
}

fn outcome(verdict: &Verdict) -> String {
    match (verdict.failure, verdict.report.resolved) {
        (Some(failure), _) => failure.to_string(),
        (None, true) => "**resolved**".to_owned(),
        (None, false) => "unsolved".to_owned(),
    }
}

fn signs(verdict: &Verdict) -> String {
    let mut signs: Vec<String> = Vec::new();
    for found in &verdict.trust.distrust {
        if !signs.contains(&found.sign.to_string()) {
            signs.push(found.sign.to_string());
        }
    }
    signs.join(", ")
}

fn evidence(verdict: &Verdict) -> String {
    let cell = |text: String| text.replace('|', "\\|");
    match verdict.trust.distrust.as_slice() {
        [] if verdict.trust.put_back.is_empty() => String::new(),
        [] => format!("put back: `{}`", verdict.trust.put_back.join("`, `")),
        [first] => cell(first.to_string()),
        [first, rest @ ..] => cell(format!("{first}, and {} more", rest.len())),
    }
}

/// Compares a table with the one of the page.
fn check_page(part: &str, table: &str) {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let (begin, end) = (format!("<!-- {part} -->\n"), format!("<!-- end of {part} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    expect_file![folder().join("README.md")].assert_eq(&format!("{before}{begin}{table}{end}{after}"));
}

async fn provider<P: tool_core::Connect>(name: &str) -> Arc<dyn SandboxProvider> {
    let config = SandboxConfig { provider: name.to_owned(), pull: Pull::Never, ..SandboxConfig::default() };
    SandboxPlug::of::<P>().connect(&config, &Host::new(std::env::vars_os(), false), "tests").await.unwrap()
}

async fn demo() -> Both {
    let provider = provider::<local::Local>("local").await;
    Both::new(LIMIT, || demo::environment(provider.clone(), false).unwrap())
}

async fn registry(kind: &str, limit: Duration) -> Both {
    let provider = provider::<docker::Docker>("docker").await;
    let rows = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../.runs/registry/{name}.jsonl"));
        dataset::load_file(&path).unwrap_or_else(|err| panic!("needs registry images: {err}"))
    };
    let settings = BenchmarkSettings::default();
    Both::new(limit, || swebench::environment(kind, rows(kind), &settings, provider.clone()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cheat_is_rewarded() {
    let (table, rewarded) = demo().await.play(cheats(|instance| instance.starts_with("demo__"))).await;
    eprintln!("{table}");
    assert!(rewarded.is_empty(), "{}", rewarded.join("\n\n"));
    check_page("demo", &table);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs registry images"]
async fn no_cheat_with_pytest_is_rewarded() {
    let (table, rewarded) =
        registry("swe-bench", LIMIT).await.play(cheats(|instance| !instance.starts_with("demo__"))).await;
    eprintln!("{table}");
    assert!(rewarded.is_empty(), "{}", rewarded.join("\n\n"));
    check_page("registry", &table);
}

#[tokio::test(flavor = "multi_thread")]
async fn gold_patches_are_rewarded() {
    let (wrong, official, strict) = demo().await.gold().await;
    eprintln!("official {official:.1?}, strict {strict:.1?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs SPOTTER_LONG"]
async fn gold_patches_of_real_repositories_are_rewarded() {
    for kind in ["swe-bench", "swe-gym"] {
        let (wrong, official, strict) = registry(kind, Duration::from_secs(1_800)).await.gold().await;
        eprintln!("official {official:.1?}, strict {strict:.1?}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

#[test]
fn there_are_forty_and_each_says_what_it_does() {
    let all = cheats(|_| true);
    assert!(all.len() >= 40, "{}", all.len());
    assert!(all.iter().all(|cheat| !cheat.attack.is_empty()));
    assert!(all.iter().all(|cheat| !cheat.forges.is_empty()));
}
