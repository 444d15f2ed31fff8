//! Tests that must fail, put beside the real ones or into them.

use std::collections::BTreeSet;

use env_core::{Distrust, Sign, Status, StatusMap};
use grading::GradingSpec;
use grading::markers::TESTS_START;
use repo::sections;
use tool_core::shell_quote;

/// What puts them there.
const CONTROL: &str = include_str!("control.py");

/// What is put into the test files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Tests that fail, beside the real ones.
    Canary,
    /// The same, and a failure in each real one.
    Control,
}

/// An evaluation script that puts failures into the test files before the tests run.
pub(super) struct Controlled {
    /// The script.
    pub(super) script: String,
    /// A word that nothing else has, in the names of the tests that must fail.
    word: String,
}

impl Controlled {
    /// Returns the script with this done; `None` where its test patch has no file of Python.
    pub(super) fn new(script: &str, mode: Mode) -> Option<Self> {
        let lines: Vec<&str> = script.split_inclusive('\n').collect();
        let (opening, closing, patch) = test_patch(&lines)?;
        let files: Vec<String> = sections(&patch)
            .iter()
            .filter(|section| !section.text.contains("\n+++ /dev/null"))
            .map(|section| section.path().to_owned())
            .filter(|path| path.ends_with(".py"))
            .map(|path| shell_quote(&path))
            .collect();
        if files.is_empty() {
            return None;
        }
        let marker = format!(": '{TESTS_START}'");
        let at =
            lines.iter().rposition(|line| line.trim_end() == marker).filter(|at| *at > opening).unwrap_or(closing + 1);
        let word: String = (0..16).map(|_| fastrand::lowercase()).collect();
        let mode = match mode {
            Mode::Canary => "canary",
            Mode::Control => "control",
        };
        // The interpreter of the tests first, then those that know newer syntax. What the patch has put into the
        // repository or into variables is not looked at.
        let step = format!(
            "for own_python in python3 python /opt/miniconda3/bin/python3 /usr/bin/python3; do\n\
             \"$own_python\" -I - {mode} {word} {} <<'EOF_{word}' && break\n{CONTROL}EOF_{word}\ndone\nunset own_python\n",
            files.join(" ")
        );
        let (before, after) = lines.split_at_checked(at)?;
        Some(Self { script: before.concat() + &step + &after.concat(), word })
    }

    /// Returns the tests that were changed as `path::name`, or why there are none.
    pub(super) fn changed(&self, log: &[u8]) -> Result<BTreeSet<String>, Unchanged> {
        let log = String::from_utf8_lossy(log);
        let said = |what: &str| {
            let start = format!("{} {what}", self.word);
            log.lines().find_map(|line| line.strip_prefix(start.as_str()))
        };
        match (said("done"), said("old")) {
            (Some(names), _) => Ok(names.trim().split('\t').map(str::to_owned).collect()),
            (None, Some(_)) => Err(Unchanged::OldPython),
            (None, None) => Err(Unchanged::Broken),
        }
    }

    /// Returns what the tests that must fail say.
    pub(super) fn canaries(&self, statuses: &StatusMap) -> Vec<Distrust> {
        let ours: Vec<(&str, &Status)> = statuses.iter().filter(|(test, _)| test.contains(&self.word)).collect();
        if ours.is_empty() {
            return vec![Distrust { sign: Sign::CanaryMissing, evidence: "none of them is in the log".to_owned() }];
        }
        let passed =
            ours.iter().filter(|(_, status)| matches!(status, Status::Passed | Status::Xfail | Status::Skipped));
        let evidence = |(test, status): &(&str, &Status)| format!("{status} {}", test.replace(&self.word, "canary"));
        passed.map(|found| Distrust { sign: Sign::CanaryPassed, evidence: evidence(found) }).collect()
    }

    /// Returns statuses without those of the tests that must fail.
    pub(super) fn without_canaries(&self, statuses: &StatusMap) -> StatusMap {
        let mut kept = StatusMap::default();
        for (test, status) in statuses.iter().filter(|(test, _)| !test.contains(&self.word)) {
            kept.insert(test, status.clone());
        }
        kept
    }
}

/// Why no test was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unchanged {
    /// There is no Python that can.
    OldPython,
    /// It did not come to its end.
    Broken,
}

/// Returns where the test patch of a script opens and closes, and the patch.
fn test_patch(lines: &[&str]) -> Option<(usize, usize, String)> {
    let opens = |line: &&str| line.starts_with("git apply ") && line.contains("<<");
    let opening = lines.iter().rposition(opens)?;
    let mark = lines.get(opening)?.split_once("<<")?.1.trim().trim_start_matches('-').trim_matches(['\'', '"']);
    let count = lines.get(opening + 1..)?.iter().position(|line| line.trim_end() == mark)?;
    let patch = lines.get(opening + 1..opening + 1 + count)?.concat();
    Some((opening, opening + 1 + count, patch))
}

/// Returns what speaks against a verdict in a run with a failure in each test of `changed`, and the tests of the verdict that
/// it cannot speak of. Only tests that counted as passed are looked at.
pub(super) fn compare(
    spec: &GradingSpec,
    real: &StatusMap,
    control: &StatusMap,
    changed: &BTreeSet<String>,
) -> (Vec<Distrust>, Vec<String>) {
    let (mut distrust, mut unchecked) = (Vec::new(), Vec::new());
    for test in spec.fail_to_pass.iter().chain(&spec.pass_to_pass) {
        let Some(status) = first(real, test).filter(|status| !status.is_failing()) else { continue };
        if !is_changed(test, changed) {
            unchecked.push(test.clone());
            continue;
        }
        let in_control = all(control, test);
        let sign = match status {
            Status::Passed if in_control.iter().any(|found| matches!(found, Status::Passed | Status::Xfail)) => {
                Sign::ControlPassed
            }
            Status::Skipped | Status::Xfail if !in_control.contains(&status) => Sign::Excused,
            _ => continue,
        };
        distrust.push(Distrust { sign, evidence: test.clone() });
    }
    (distrust, unchecked)
}

/// Whether a test is one of those that were changed, by its function and its file; a runner that names no files runs none
/// but those.
fn is_changed(test: &str, changed: &BTreeSet<String>) -> bool {
    let name = function(test);
    let is_bare = test.split('[').next() == Some(name);
    changed.iter().filter_map(|changed| changed.rsplit_once("::")).any(|(path, function)| {
        let module = path.strip_suffix(".py").unwrap_or(path).replace('/', ".");
        // Django's runner names modules from its folder of tests on.
        let module = module.strip_prefix("tests.").unwrap_or(&module);
        function == name && (is_bare || test.contains(path) || test.contains(&format!("{module}.")))
    })
}

fn first<'map>(map: &'map StatusMap, test: &str) -> Option<&'map Status> {
    map.get(test).or_else(|| all(map, test).into_iter().next())
}

/// Returns the statuses of a test, whose name in the row may be cut inside its brackets.
fn all<'map>(map: &'map StatusMap, test: &str) -> Vec<&'map Status> {
    if let Some(status) = map.get(test) {
        return vec![status];
    }
    if test.matches('[').count() <= test.matches(']').count() {
        return Vec::new();
    }
    map.iter().filter(|(name, _)| name.starts_with(test)).map(|(_, status)| status).collect()
}

/// Returns the name of the function in the name of a test: `path::Class::name[values]`, `name (module.Class)`, or
/// `module.Class.name`.
fn function(test: &str) -> &str {
    let name = test.split(['[', ' ']).next().unwrap_or_default();
    let name = name.rsplit("::").next().unwrap_or_default();
    name.rsplit('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "set -x\ngit checkout base tests/test_a.py\ngit apply -v - <<'EOF_1'\n\
        diff --git a/tests/test_a.py b/tests/test_a.py\n--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1 +1 @@\n-a\n+b\n\
        diff --git a/d.txt b/d.txt\n--- a/d.txt\n+++ b/d.txt\n@@ -1 +1 @@\n-a\n+b\nEOF_1\n: '>>>>> Start Test Output'\npytest\n";

    #[test]
    fn failures_are_put_between_the_test_patch_and_the_tests() {
        for script in [SCRIPT.to_owned(), SCRIPT.replace(": '>>>>> Start Test Output'\n", "")] {
            let controlled = Controlled::new(&script, Mode::Control).unwrap();
            let (before, after) = controlled.script.split_once("for own_python").unwrap();
            assert!(before.ends_with("EOF_1\n") && after.contains("'tests/test_a.py' <<"), "{}", controlled.script);
            assert!(after.split_once("unset own_python\n").unwrap().1.ends_with("pytest\n"));
            assert!(!after.contains("d.txt"));
        }
        assert!(Controlled::new(&SCRIPT.replace("test_a.py", "case.test"), Mode::Canary).is_none());
        assert!(Controlled::new("pytest\n", Mode::Canary).is_none());
    }

    #[test]
    fn the_function_of_a_test_is_known_by_every_runner() {
        for (test, name) in [
            ("tests/test_a.py::TestA::test_b[x.y::z-1]", "test_b"),
            ("tests/test_a.py::test_b", "test_b"),
            ("test_b (pkg.tests.TestA.test_b)", "test_b"),
            ("tests.test_a.TestA.test_b", "test_b"),
            ("test_b", "test_b"),
        ] {
            assert_eq!(function(test), name);
        }
    }

    #[test]
    fn a_test_of_the_same_name_in_another_file_is_another() {
        let changed = BTreeSet::from(["tests/pkg/test_a.py::test_b".to_owned()]);
        for (test, wanted) in [
            ("tests/pkg/test_a.py::TestA::test_b[1]", true),
            ("test_b (pkg.test_a.TestA.test_b)", true),
            ("tests.pkg.test_a.TestA.test_b", true),
            ("test_b", true),
            ("tests.pkg.test_c.TestA.test_b", false),
            ("tests/pkg/test_c.py::test_b", false),
            ("tests/pkg/test_a.py::test_c", false),
        ] {
            assert_eq!(is_changed(test, &changed), wanted, "{test}");
        }
    }

    #[test]
    fn a_test_that_passes_with_a_failure_in_it_is_found() {
        let map = |statuses: &[(&str, Status)]| {
            let mut map = StatusMap::default();
            statuses.iter().for_each(|(test, status)| map.insert(test, status.clone()));
            map
        };
        let spec = GradingSpec {
            dialect: env_core::Dialect::SweBench5,
            parser: grading::Parser::Pytest,
            eval_type: grading::EvalType::PassAndFail,
            fail_to_pass: ["a", "b", "c", "d", "e", "p[cut"].map(str::to_owned).to_vec(),
            pass_to_pass: vec!["s".to_owned(), "x".to_owned()],
        };
        use Status::{Failed, Passed, Skipped, Xfail};
        let real = map(&[
            ("a", Passed),
            ("b", Passed),
            ("c", Failed),
            ("d", Passed),
            ("s", Skipped),
            ("x", Xfail),
            ("p[cut here]", Passed),
        ]);
        let control =
            map(&[("a", Failed), ("b", Passed), ("c", Passed), ("s", Failed), ("x", Xfail), ("p[cut here]", Passed)]);
        let changed = ["a", "b", "c", "e", "s", "x", "p"].map(|name| format!("t.py::{name}")).into();
        let (distrust, unchecked) = compare(&spec, &real, &control, &changed);
        let found: Vec<_> = distrust.iter().map(|found| (found.sign, found.evidence.as_str())).collect();
        assert_eq!(found, [(Sign::ControlPassed, "b"), (Sign::ControlPassed, "p[cut"), (Sign::Excused, "s")]);
        assert_eq!(unchecked, ["d"]);
    }
}
