//! Patches judged in real sandboxes: bash over a small git repository.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dataset::Answers;
use env_core::{Dialect, EnvError, Environment, Failure, Instance, Patch, Verdict};
use grading::{Parser, Specs};
use images::ImageScheme;
use swebench::{Benchmark, BenchmarkSettings, Entry, Rules};
use tool_core::{Command, ExecOutput, FileError, Image, Sandbox, SandboxError, SandboxInfo, SandboxProvider, Source};

use crate::bash_sandbox::BashSandbox;

const REPO: &str = "\
git init -q -b main
git config user.email a@b.c
git config user.name a
printf 'one\\ntwo\\nthree\\nfour\\nfive\\n' > code.txt
printf 'old\\n' > test.txt
git add -A
git commit -q -m base
";

const GOLD: &str = "\
diff --git a/code.txt b/code.txt
--- a/code.txt
+++ b/code.txt
@@ -1,5 +1,5 @@
 one
 two
-three
+THREE
 four
 five
";

/// Applies a test patch and prints the outcomes, by the contents of the code and of the test.
const SCRIPT: &str = "\
git checkout HEAD test.txt
git apply -v - <<'END'
diff --git a/test.txt b/test.txt
--- a/test.txt
+++ b/test.txt
@@ -1 +1 @@
-old
+new
END
set -x
: '>>>>> Start Test Output'
if grep -q THREE code.txt && grep -q new test.txt; then echo PASSED f; else echo FAILED f; fi
if grep -q two code.txt; then echo PASSED p; else echo FAILED p; fi
: '>>>>> End Test Output'
";

#[derive(Default)]
struct Counts {
    started: AtomicUsize,
    stopped: AtomicUsize,
    images: std::sync::Mutex<Vec<String>>,
}

/// Starts sandboxes with the little repository and counts them.
struct Provider {
    counts: Arc<Counts>,
    max_file: u64,
    broken: Option<fn(String) -> SandboxError>,
}

struct Counted {
    inner: BashSandbox,
    counts: Arc<Counts>,
    broken: Option<fn(String) -> SandboxError>,
}

#[async_trait]
impl SandboxProvider for Provider {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let inner = BashSandbox::new().with_max_file(self.max_file);
        inner.run(REPO).await;
        self.counts.started.fetch_add(1, Ordering::Relaxed);
        if let Source::Container { name, .. } = &image.source {
            self.counts.images.lock().unwrap().push(name.clone());
        }
        Ok(Arc::new(Counted { inner, counts: self.counts.clone(), broken: self.broken }))
    }
}

#[async_trait]
impl Sandbox for Counted {
    fn info(&self) -> &SandboxInfo {
        self.inner.info()
    }

    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError> {
        if let Some(broken) = self.broken {
            return Err(broken("it went away".to_owned()));
        }
        self.inner.exec(command).await
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.inner.read_file(path).await
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        self.inner.write_file(path, contents, mode).await
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.inner.archive(path).await
    }

    async fn stop(&self) -> Result<(), SandboxError> {
        self.counts.stopped.fetch_add(1, Ordering::Relaxed);
        self.inner.stop().await
    }
}

struct Case {
    dialect: Dialect,
    script: &'static str,
    timeout: u64,
    max_file: u64,
    broken: Option<fn(String) -> SandboxError>,
    fail_to_pass: Vec<String>,
    pass_to_pass: Vec<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            dialect: Dialect::SweBench4,
            script: SCRIPT,
            timeout: 60,
            max_file: 1 << 20,
            broken: None,
            fail_to_pass: vec!["f".to_owned()],
            pass_to_pass: vec!["p".to_owned()],
        }
    }
}

impl Case {
    fn benchmark(&self) -> (Benchmark, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        let provider = Provider { counts: counts.clone(), max_file: self.max_file, broken: self.broken };
        let rules = Rules {
            image_scheme: ImageScheme::SweBench,
            scripted: self.dialect,
            plain: self.dialect,
            specs: Specs::default(),
        };
        let settings = BenchmarkSettings { eval_timeout: self.timeout, ..BenchmarkSettings::default() };
        let answers = Answers {
            patch: GOLD.to_owned(),
            fail_to_pass: self.fail_to_pass.clone(),
            pass_to_pass: self.pass_to_pass.clone(),
            eval_script: Some(self.script.to_owned()),
            log_parser: Some("parse_log_pytest".to_owned()),
            ..Answers::default()
        };
        let entry = rules.entry(instance("o__r-1"), &answers, &settings);
        let benchmark = Benchmark::new("little", vec![entry], settings.keep_history, Arc::new(provider));
        (benchmark.unwrap(), counts)
    }

    /// Judges a patch and checks that every sandbox was stopped.
    async fn evaluate(&self, patch: &str) -> Result<Verdict, EnvError> {
        let (benchmark, counts) = self.benchmark();
        let evaluation = benchmark.evaluate(&instance("O__R-1"), &Patch(patch.to_owned())).await;
        let (started, stopped) = (&counts.started, &counts.stopped);
        assert_eq!(started.load(Ordering::Relaxed), stopped.load(Ordering::Relaxed));
        evaluation
    }

    async fn verdict(&self, patch: &str) -> (bool, Option<Failure>) {
        let evaluation = self.evaluate(patch).await.unwrap();
        let log = String::from_utf8_lossy(&evaluation.test_output);
        println!("{log}");
        let again = grading::read_log(std::io::Cursor::new(log.as_bytes()), Parser::Pytest, self.dialect).unwrap();
        assert_eq!(again.statuses.is_ok(), evaluation.report.patch_successfully_applied);
        assert_eq!(again.statuses.unwrap_or_default(), evaluation.statuses);
        (evaluation.report.resolved, evaluation.failure)
    }
}

fn instance(id: &str) -> Instance {
    Instance {
        instance_id: id.to_owned(),
        repo: "o/r".to_owned(),
        base_commit: "HEAD".to_owned(),
        problem_statement: String::new(),
        hints_text: String::new(),
        version: String::new(),
    }
}

/// Returns the patch that undoes the gold one.
fn reversed() -> String {
    GOLD.replace("-three\n+THREE", "-THREE\n+three")
}

#[tokio::test]
async fn gold_is_resolved_in_every_dialect() {
    for dialect in Dialect::ALL {
        let case = Case { dialect, ..Case::default() };
        assert_eq!(case.verdict(GOLD).await, (true, None), "{dialect:?}");
        assert_eq!(case.verdict(GOLD.trim_end()).await, (true, None), "{dialect:?} without a line end");
    }
}

#[tokio::test]
async fn an_unrelated_patch_is_not_resolved() {
    let patch = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n";
    for dialect in Dialect::ALL {
        assert_eq!(Case { dialect, ..Case::default() }.verdict(patch).await, (false, None));
    }
}

#[tokio::test]
async fn an_empty_patch_shows_what_the_tests_say_of_the_base_commit() {
    for dialect in Dialect::ALL {
        let evaluation = Case { dialect, ..Case::default() }.evaluate(" \n").await.unwrap();
        let tests = evaluation.report.tests_status.unwrap();
        assert_eq!((tests.fail_to_pass.failure, tests.pass_to_pass.success), (vec!["f".into()], vec!["p".into()]));
        assert!(!evaluation.report.patch_exists && !evaluation.report.resolved);
        assert_eq!(evaluation.statuses.len(), 2, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_patch_that_does_not_apply_is_told_so() {
    let patch = GOLD.replace("three", "nothing").replace(" two", " zwei").replace(" four", " vier");
    for dialect in Dialect::ALL {
        let verdict = Case { dialect, ..Case::default() }.verdict(&patch).await;
        assert_eq!(verdict, (false, Some(Failure::PatchNotApplied)), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_patch_with_shifted_context_applies_with_fuzz() {
    let patch = GOLD.replace(" one\n", " eins\n");
    for dialect in Dialect::ALL {
        assert_eq!(Case { dialect, ..Case::default() }.verdict(&patch).await, (true, None), "{dialect:?}");
    }
}

#[tokio::test]
async fn a_reversed_patch_is_not_made_a_right_one() {
    for dialect in Dialect::ALL {
        let (resolved, _) = Case { dialect, ..Case::default() }.verdict(&reversed()).await;
        assert!(!resolved, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_patch_to_the_tests_is_overwritten() {
    let patch = "diff --git a/test.txt b/test.txt\n--- a/test.txt\n+++ b/test.txt\n@@ -1 +1 @@\n-old\n+forged\n";
    assert_eq!(Case::default().verdict(&format!("{GOLD}{patch}")).await, (true, None));
}

#[tokio::test]
async fn tests_that_hang_run_into_the_timeout_and_keep_their_output() {
    let hangs = async |dialect| {
        let script = "set -x\n: '>>>>> Start Test Output'\necho PASSED f\necho PASSED p\nsleep 60\n";
        let case = Case { dialect, script, timeout: 1, ..Case::default() };
        let evaluation = case.evaluate(GOLD).await.unwrap();
        assert_eq!(evaluation.failure, Some(Failure::TestsTimedOut), "{dialect:?}");
        let log = String::from_utf8(evaluation.test_output).unwrap();
        assert!(log.contains("PASSED f\n") && log.contains("Timeout error: 1 seconds exceeded."), "{log}");
    };
    let [one, other, third] = Dialect::ALL;
    tokio::join!(hangs(one), hangs(other), hangs(third));
}

#[tokio::test]
async fn a_large_log_is_read_whole_and_of_a_huge_one_the_head_and_the_tail() {
    let middle = |bytes: usize| async move {
        let script = format!(
            "echo Applied patch; yes | head -c {bytes}; echo; echo PASSED f; yes | head -c {bytes}; echo; echo PASSED p"
        );
        let case = Case { dialect: Dialect::SweGym, script: script.leak(), max_file: 10_000, ..Case::default() };
        case.evaluate(GOLD).await.unwrap()
    };
    // The line of a test that is in the middle counts as any other.
    let whole = middle(70_000).await;
    assert!(whole.report.resolved);
    assert!(whole.test_output.len() > 140_000);
    let clipped = middle(100_000).await;
    assert!(!clipped.report.resolved);
    assert_eq!(clipped.statuses.len(), 1);
    assert!(clipped.test_output.len() < 162_000);
    assert!(String::from_utf8_lossy(&clipped.test_output).contains("bytes left out ...]"));
}

#[tokio::test]
async fn tests_that_remove_their_log_are_no_fault_of_ours() {
    let script = "rm -r ../scratch";
    let verdict = Case { script, ..Case::default() }.verdict(GOLD).await;
    assert_eq!(verdict, (false, Some(Failure::TestsErrored)));
}

#[tokio::test]
async fn a_broken_sandbox_is_never_a_verdict() {
    let case = Case { broken: Some(SandboxError::Lost), ..Case::default() };
    assert!(matches!(case.evaluate(GOLD).await, Err(EnvError::Sandbox(SandboxError::Lost(_)))));
    let (benchmark, counts) = case.benchmark();
    assert!(matches!(benchmark.reset(&instance("o__r-1")).await, Err(EnvError::Sandbox(_))));
    assert_eq!(counts.stopped.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_sandbox_that_the_tests_broke_is_a_verdict_with_its_reason() {
    for dialect in Dialect::ALL {
        let case = Case { dialect, broken: Some(SandboxError::Damaged), ..Case::default() };
        let evaluation = case.evaluate(GOLD).await.unwrap();
        assert_eq!((evaluation.report.resolved, evaluation.failure), (false, Some(Failure::SandboxDamaged)));
        assert!(evaluation.report.patch_exists && !evaluation.report.patch_successfully_applied, "{dialect:?}");
        let log = String::from_utf8(evaluation.test_output).unwrap();
        assert!(log.contains("it went away"), "{log}");
    }
}

#[test]
fn a_verdict_depends_on_tests_script_time_and_the_limits_of_the_sandbox() {
    let key = |case: Case, limits: &str| {
        let provider = Provider { counts: Arc::default(), max_file: 0, broken: None };
        let (benchmark, _) = case.benchmark();
        benchmark.judged_by(Arc::new(provider), limits.to_owned()).judging_key(&instance("o__r-1"))
    };
    let cases = [
        (Case::default(), "4g"),
        (Case::default(), "1g"),
        (Case { timeout: 61, ..Case::default() }, "4g"),
        (Case { script: "true", ..Case::default() }, "4g"),
        (Case { fail_to_pass: vec!["g".to_owned()], ..Case::default() }, "4g"),
        (Case { dialect: Dialect::SweBench5, ..Case::default() }, "4g"),
    ];
    let keys: std::collections::HashSet<String> = cases.into_iter().map(|(case, limits)| key(case, limits)).collect();
    assert_eq!(keys.len(), 6);
    assert!(keys.contains(&key(Case { max_file: 1, ..Case::default() }, "4g")), "what does not matter changes the key");
}

#[tokio::test]
async fn swe_bench_5_catches_forged_passes_by_the_exit_code() {
    let script = "\
set -x
: '>>>>> Start Test Output'
echo PASSED f; echo PASSED p; (exit 3)
: '>>>>> End Test Output'
true";
    let verdict = |dialect| async move { Case { dialect, script, ..Case::default() }.verdict(GOLD).await };
    assert_eq!(verdict(Dialect::SweBench4).await, (true, None));
    assert_eq!(verdict(Dialect::SweBench5).await, (false, Some(Failure::LogContradicted)));
}

#[tokio::test]
async fn reset_gives_the_repository_and_a_baseline() {
    let (benchmark, counts) = Case::default().benchmark();
    let ready = benchmark.reset(&instance("o__R-1")).await.unwrap();
    assert!(!ready.history_kept);
    let output = ready.sandbox.exec(Command::new("cat code.txt")).await.unwrap();
    assert!(output.output.starts_with("one\n"));
    ready.sandbox.stop().await.unwrap();
    assert_eq!(*counts.images.lock().unwrap(), ["swebench/sweb.eval.x86_64.o_1776_r-1:latest"]);
    assert_eq!(benchmark.gold(&instance("o__r-1")), Some(Patch(GOLD.to_owned())));
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let without = Case { fail_to_pass: Vec::new(), pass_to_pass: Vec::new(), ..Case::default() };
    let (benchmark, counts) = without.benchmark();
    let reason = benchmark.check_judging(&instance("o__r-1")).unwrap_err().to_string();
    assert!(reason.contains("`o__r-1`") && reason.contains("it names no test"), "{reason}");
    let reason = benchmark.evaluate(&instance("o__r-1"), &Patch(GOLD.to_owned())).await.unwrap_err().to_string();
    assert!(reason.contains("it names no test"), "{reason}");
    let unknown = benchmark.evaluate(&instance("o__r-2"), &Patch(GOLD.to_owned())).await.unwrap_err().to_string();
    assert_eq!(unknown, "unknown instance `o__r-2`\nhint: did you mean `o__r-1`?");
    assert_eq!(counts.started.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn an_empty_list_counts_as_passed_as_with_every_harness() {
    for dialect in Dialect::ALL {
        let script = "echo \": '>>>>> Start Test Output'\"; echo Applied patch; echo PASSED p; echo \": '>>>>> End Test Output'\"";
        let case = Case { dialect, script, fail_to_pass: Vec::new(), ..Case::default() };
        assert!(case.benchmark().0.check_judging(&instance("o__r-1")).is_ok());
        assert!(case.evaluate(GOLD).await.unwrap().report.resolved, "{dialect}");
        let other = Case { pass_to_pass: vec!["q".to_owned()], ..case };
        assert!(!other.evaluate(GOLD).await.unwrap().report.resolved, "{dialect}");
    }
}

#[tokio::test]
async fn a_row_without_lists_has_its_tests_run_and_so_comes_by_its_lists() {
    let (benchmark, counts) = Case { fail_to_pass: Vec::new(), ..Case::default() }.benchmark();
    let mut runs = Vec::new();
    for patch in [Patch(GOLD.to_owned()), Patch::default()] {
        runs.push(vec![benchmark.run_tests(&instance("O__R-1"), &patch).await.unwrap().statuses]);
    }
    assert_eq!(counts.stopped.load(Ordering::Relaxed), 2);
    let (dialect, row) = benchmark.lists(&instance("o__r-1")).unwrap();
    assert!(row.fail_to_pass.is_empty());
    let observed = grading::observe(dialect, &runs[0], &runs[1]);
    assert_eq!((observed.lists.fail_to_pass, observed.lists.pass_to_pass), (vec!["f".into()], vec!["p".into()]));
}

#[test]
fn an_instance_may_occur_only_once() {
    let entry = |id: &str| {
        let image = Image { source: Source::Files(BTreeMap::new()), root: String::new(), startup: String::new() };
        Entry { instance: instance(id), image, gold: None, tests: Err("why not".to_owned()) }
    };
    let provider = Provider { counts: Arc::default(), max_file: 0, broken: None };
    let twice = Benchmark::new("twice", vec![entry("a__b-1"), entry("A__b-1")], false, Arc::new(provider));
    assert_eq!(twice.err().unwrap().to_string(), "instance `A__b-1`: it occurs twice");
}
