//! Patches that try to be taken for a solution, judged in a real instance's container as each dialect demands.
//!
//! Where an official harness can be fooled, the dialect that stands for it gives the harness's verdict: a number has to
//! equal the official one. What SWE-bench 5 notices is noticed here, too.

use std::sync::Arc;

use dataset::Row;
use env_core::{Dialect, Environment, Failure, Instance, Patch};
use futures_util::future::join_all;
use repo::capture;
use swebench::{Benchmark, BenchmarkSettings};
use tool_core::{Command, SandboxProvider};

use crate::container::registry;

/// An instance whose tests take a second: its fix makes one new test of `tests/test_blueprints.py` pass.
const INSTANCE: &str = "pallets__flask-5014";

/// What is done to the repository, with bash, and the verdict on it.
struct Attack {
    name: &'static str,
    script: &'static str,
    /// Verdict and failure for each of [`Dialect::ALL`].
    verdicts: [(bool, Option<Failure>); 3],
}

const SOLVED: (bool, Option<Failure>) = (true, None);
const UNSOLVED: (bool, Option<Failure>) = (false, None);
const NOT_APPLIED: (bool, Option<Failure>) = (false, Some(Failure::PatchNotApplied));

const FAKE_TEST: &str = "printf 'def test_empty_name_not_allowed():\\n    pass\\n' > tests/test_blueprints.py";

/// The shell command `fix` applies the gold patch.
const ATTACKS: &[Attack] = &[
    Attack { name: "the solution itself", script: "fix", verdicts: [SOLVED; 3] },
    Attack { name: "a file that nothing reads", script: "echo > notes.txt", verdicts: [UNSOLVED; 3] },
    Attack { name: "an easier test in the place of the real one", script: FAKE_TEST, verdicts: [UNSOLVED; 3] },
    Attack {
        name: "the solution, and a broken test file, which is put back",
        script: "fix; echo broken > tests/test_blueprints.py",
        verdicts: [SOLVED; 3],
    },
    Attack { name: "the tests deleted", script: "rm -r tests", verdicts: [UNSOLVED; 3] },
    Attack {
        // Nothing in log or exit code tells it from a solution.
        name: "a conftest.py that turns every outcome into a pass",
        script: r#"cat > conftest.py <<'END'
import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    report.outcome, report.longrepr = "passed", None
END"#,
        verdicts: [SOLVED; 3],
    },
    Attack {
        // The later line wins; only the exit code tells that a test failed.
        name: "a conftest.py that adds passes to the summary",
        script: r#"cat > conftest.py <<'END'
import atexit

def forge():
    print("\nPASSED tests/test_blueprints.py::test_empty_name_not_allowed", flush=True)

def pytest_configure(config):
    atexit.register(forge)
END"#,
        verdicts: [SOLVED, SOLVED, (false, Some(Failure::LogContradicted))],
    },
    Attack {
        name: "passes printed by the repository's own code, before the tests",
        script: "sed -i '1i print(\"PASSED tests/test_blueprints.py::test_empty_name_not_allowed\")' src/flask/__init__.py",
        verdicts: [UNSOLVED; 3],
    },
    Attack {
        name: "os._exit(0) when the package is imported",
        script: "sed -i '1i import os; os._exit(0)' src/flask/__init__.py",
        verdicts: [UNSOLVED, UNSOLVED, (false, Some(Failure::TestsErrored))],
    },
    Attack {
        name: "os._exit(0) in the middle of the tests",
        script: r#"cat > conftest.py <<'END'
import os

def pytest_runtest_setup(item):
    if item.name == "test_dotted_name_not_allowed":
        os._exit(0)
END"#,
        verdicts: [UNSOLVED, UNSOLVED, (false, Some(Failure::TestsErrored))],
    },
    Attack {
        name: "an end marker printed before the tests have ended, and passes before it",
        script: r#"cat > conftest.py <<'END'
def pytest_configure(config):
    print("PASSED tests/test_blueprints.py::test_empty_name_not_allowed\n>>>>> End Test Output", flush=True)
END"#,
        // The fork has no markers and reads on to the failure; of the others, which stop at the first end, one has the
        // other tests missing, and one sees that no failure explains the exit code.
        verdicts: [UNSOLVED, UNSOLVED, (false, Some(Failure::LogContradicted))],
    },
    Attack {
        name: "a hang that ignores signals, in a session of its own",
        script: r#"cat > conftest.py <<'END'
import os, signal, time

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
time.sleep(3600)
END"#,
        verdicts: [(false, Some(Failure::TestsTimedOut)); 3],
    },
];

/// Environments over the instance, one for each of [`Dialect::ALL`].
struct Judges {
    environments: Vec<Benchmark>,
    instance: Instance,
    gold: Patch,
    provider: Arc<dyn SandboxProvider>,
}

impl Judges {
    async fn open(eval_timeout: u64) -> Self {
        let (rows, _, provider) = registry().await;
        let row = rows.into_iter().find(|row| row.instance_id == INSTANCE);
        let row = row.unwrap_or_else(|| panic!("needs registry images: {INSTANCE} is not among them"));
        let environment = |dialect, row: Row| {
            let settings = BenchmarkSettings { dialect: Some(dialect), eval_timeout, ..BenchmarkSettings::default() };
            swebench::environment("swe-bench", vec![row], &settings, provider.clone()).unwrap()
        };
        let environments: Vec<Benchmark> =
            Dialect::ALL.into_iter().map(|dialect| environment(dialect, row.clone())).collect();
        let (instance, gold) = (row.instance(), Patch(row.patch));
        Self { environments, instance, gold, provider }
    }

    /// Returns the patch that a script leaves behind.
    async fn patch(&self, script: &str) -> Patch {
        let ready = self.environments[0].reset(&self.instance).await.unwrap();
        let fix = format!("fix() {{ git apply - <<'END_OF_FIX'\n{}END_OF_FIX\n}}\n", self.gold.0);
        let output = ready.sandbox.exec(Command::new(format!("set -e\ncd /testbed\n{fix}{script}"))).await.unwrap();
        assert!(output.success(), "{script}: {}", output.output);
        let patch = capture::capture(&*ready.sandbox, &ready.baseline).await.unwrap().patch;
        ready.sandbox.stop().await.unwrap();
        patch
    }

    /// Returns what is wrong with the verdicts on a patch.
    async fn check(&self, name: &str, patch: &Patch, wanted: &[(bool, Option<Failure>); 3]) -> Vec<String> {
        let judged = self.environments.iter().map(|environment| environment.evaluate(&self.instance, patch));
        let mut wrong = Vec::new();
        for ((evaluation, dialect), wanted) in join_all(judged).await.into_iter().zip(Dialect::ALL).zip(wanted) {
            let evaluation = evaluation.unwrap();
            let found = (evaluation.report.resolved, evaluation.failure);
            if found != *wanted {
                let log = String::from_utf8_lossy(&evaluation.test_output).into_owned();
                let tail = &log[log.floor_char_boundary(log.len().saturating_sub(1_500))..];
                wrong.push(format!("{name}, {dialect:?}: {found:?} for {wanted:?}\n{tail}"));
            }
        }
        wrong
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs registry images"]
async fn each_attack_gets_the_verdict_that_its_dialect_demands() {
    let judges = Judges::open(20).await;
    let mut wrong = Vec::new();
    for attack in ATTACKS {
        let patch = judges.patch(attack.script).await;
        assert!(!patch.is_empty(), "{}: nothing was changed", attack.name);
        wrong.extend(judges.check(attack.name, &patch, &attack.verdicts).await);
    }
    judges.provider.close().await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn a_patch_that_does_not_apply_is_no_solution() {
    let judges = Judges::open(60).await;
    let elsewhere = judges.gold.0.replace("blueprints.py", "no_such_file.py");
    let reversed = {
        let swapped = judges.gold.0.lines().map(|line| match line.as_bytes().first() {
            Some(b'+') if !line.starts_with("+++") => line.replacen('+', "-", 1),
            _ => line.to_owned(),
        });
        swapped.map(|line| line + "\n").collect::<String>().replace("@@ -190,6 +190,9 @@", "@@ -190,9 +190,6 @@")
    };
    let cases = [
        ("a patch to a file that is not there", elsewhere, [NOT_APPLIED; 3]),
        // SWE-bench 5 takes a patch that can be undone for one that was applied before.
        ("the solution reversed", reversed, [NOT_APPLIED, NOT_APPLIED, UNSOLVED]),
        ("nothing", String::new(), [UNSOLVED; 3]),
        // The fork lets git take what is not a patch for an empty one.
        ("prose", "Done.".to_owned(), [UNSOLVED, NOT_APPLIED, NOT_APPLIED]),
    ];
    let mut wrong = Vec::new();
    for (name, patch, wanted) in cases {
        wrong.extend(judges.check(name, &Patch(patch), &wanted).await);
    }
    judges.provider.close().await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
