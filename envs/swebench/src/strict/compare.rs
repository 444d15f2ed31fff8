//! What tests with failures in them say of the same tests without.

use std::collections::BTreeSet;

use env_core::{Distrust, Sign, Status, StatusMap};
use grading::GradingSpec;

/// The tests that were changed, and those beside them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Those with a failure, as `path::Class::name`.
    failing: BTreeSet<String>,
    /// Those with a failure that may excuse themselves before.
    excusing: BTreeSet<String>,
    /// Those that were left as they are, as a failure means nothing there.
    left: BTreeSet<String>,
    /// The words by which some of those with a failure are named.
    docstrings: BTreeSet<String>,
}

impl Changed {
    /// Reads what stands in the log, with tabs between.
    pub(super) fn read(tests: &str) -> Self {
        let mut changed = Self::default();
        for entry in tests.trim().split('\t') {
            let Some((sign, name)) = entry.split_at_checked(1) else { continue };
            match sign {
                "+" => changed.failing.insert(name.to_owned()),
                "?" => changed.excusing.insert(name.to_owned()),
                "-" => changed.left.insert(name.to_owned()),
                "=" => name.split_once("::").is_some_and(|(_, words)| changed.docstrings.insert(words.to_owned())),
                _ => false,
            };
        }
        changed
    }

    /// Returns of a test that was changed whether it may excuse itself. A test goes by its class, or, where that is none of
    /// its file (as it has the test from another), by its function alone.
    fn find(&self, test: &str) -> Option<bool> {
        if self.docstrings.contains(test) {
            return Some(true);
        }
        for is_of in [has_class as fn(&str, &str) -> bool, |_, _| true] {
            let has = |of: &BTreeSet<String>| of.iter().any(|entry| is_named(test, entry) && is_of(test, entry));
            if has(&self.left) {
                return None;
            }
            if has(&self.excusing) {
                return Some(true);
            }
            if has(&self.failing) {
                return Some(false);
            }
        }
        None
    }
}

/// Whether a test is one of `path::Class::name`, by its function and its file; a runner that names no files runs none but
/// those.
fn is_named(test: &str, entry: &str) -> bool {
    let name = function(test);
    let is_bare = test.split('[').next() == Some(name);
    let (Some((path, _)), Some((_, function))) = (entry.split_once("::"), entry.rsplit_once("::")) else {
        return false;
    };
    function == name && (is_bare || is_in(test, path))
}

/// Whether a test is of the class of `path::Class::name`, or of none as that.
fn has_class(test: &str, entry: &str) -> bool {
    let Some((_, inner)) = entry.split_once("::") else { return false };
    match inner.rsplit_once("::") {
        None => test.split('[').next().is_some_and(|test| test.ends_with(entry) || test == inner),
        Some((class, name)) => {
            let class = class.rsplit("::").next().unwrap_or(class);
            test.contains(&format!("::{class}::"))
                || test.ends_with(&format!(".{class})"))
                || test.contains(&format!(".{class}.{name}"))
        }
    }
}

/// Returns what speaks against a verdict in a run with a failure in each test of `changed`, and the tests of the verdict that
/// it cannot speak of. Only tests that counted as passed are looked at.
pub(super) fn compare(
    spec: &GradingSpec,
    real: &StatusMap,
    control: &StatusMap,
    changed: &Changed,
) -> (Vec<Distrust>, Vec<String>) {
    let (mut distrust, mut unchecked) = (Vec::new(), Vec::new());
    for (place, test) in spec.fail_to_pass.iter().chain(&spec.pass_to_pass).enumerate() {
        let must_turn = place < spec.fail_to_pass.len();
        let Some(status) = first(real, test).filter(|status| !status.is_failing()) else { continue };
        let Some(may_excuse_itself) = changed.find(test) else {
            unchecked.push(test.clone());
            continue;
        };
        let in_control = all(control, test);
        let sign = match status {
            Status::Passed if in_control.iter().any(|found| matches!(found, Status::Passed | Status::Xfail)) => {
                Sign::ControlPassed
            }
            // A test that a fix must turn says nothing where it was not run to its end.
            Status::Skipped | Status::Xfail if must_turn => Sign::Excused,
            Status::Skipped | Status::Xfail if !may_excuse_itself && !in_control.contains(&status) => Sign::Excused,
            _ => continue,
        };
        distrust.push(Distrust { sign, evidence: test.clone() });
    }
    (distrust, unchecked)
}

/// Whether a test is in a file, as far as its name says.
pub(super) fn is_in(test: &str, path: &str) -> bool {
    let module = path.strip_suffix(".py").unwrap_or(path).replace('/', ".");
    // Django's runner names modules from its folder of tests on.
    let module = module.strip_prefix("tests.").unwrap_or(&module);
    test.contains(path) || test.contains(&format!("{module}."))
}

/// Returns the status of a test.
pub(super) fn first<'map>(map: &'map StatusMap, test: &str) -> Option<&'map Status> {
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
    fn a_test_of_the_same_name_in_another_file_or_class_is_another() {
        let changed = Changed::read(
            "+tests/pkg/test_a.py::TestA::test_b\t-tests/pkg/test_a.py::TestLeft::test_b\t+tests/pkg/test_a.py::test_d\t\
             ?tests/pkg/test_a.py::TestA::test_e\t=tests/pkg/test_a.py::Says: it::works",
        );
        for (test, wanted) in [
            ("tests/pkg/test_a.py::TestA::test_b[1]", Some(false)),
            ("test_b (pkg.test_a.TestA.test_b)", Some(false)),
            ("test_b (pkg.test_a.TestA)", Some(false)),
            ("tests.pkg.test_a.TestA.test_b", Some(false)),
            ("tests/pkg/test_a.py::TestLeft::test_b[1]", None),
            ("test_b (pkg.test_a.TestLeft.test_b)", None),
            ("test_b (pkg.test_a.TestLeft)", None),
            // It may be of either, by another class.
            ("tests/pkg/test_a.py::TestC::test_b", None),
            ("tests/pkg/test_a.py::TestC::test_d", Some(false)),
            ("tests/pkg/test_a.py::test_d[x]", Some(false)),
            ("test_d", Some(false)),
            ("tests/pkg/test_a.py::TestC::test_e", Some(true)),
            ("tests.pkg.test_c.TestA.test_b", None),
            ("tests/pkg/test_c.py::test_b", None),
            ("tests/pkg/test_a.py::test_c", None),
            ("Says: it::works", Some(true)),
        ] {
            assert_eq!(changed.find(test), wanted, "{test}");
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
            fail_to_pass: ["a", "b", "c", "d", "e", "p[cut", "k"].map(str::to_owned).to_vec(),
            pass_to_pass: ["s", "x", "q"].map(str::to_owned).to_vec(),
        };
        use Status::{Failed, Passed, Skipped, Xfail};
        let real = map(&[
            ("a", Passed),
            ("b", Passed),
            ("c", Failed),
            ("d", Passed),
            ("s", Skipped),
            ("x", Xfail),
            ("q", Skipped),
            ("k", Skipped),
            ("p[cut here]", Passed),
        ]);
        let control = map(&[
            ("a", Failed),
            ("b", Passed),
            ("c", Passed),
            ("s", Failed),
            ("q", Failed),
            // As in both runs where it is skipped before it begins.
            ("k", Skipped),
            ("x", Xfail),
            ("p[cut here]", Passed),
        ]);
        let changed = ["a", "b", "c", "e", "s", "x", "p"].map(|name| format!("+t.py::{name}")).join("\t");
        let changed = Changed::read(&format!("{changed}\t?t.py::q\t?t.py::k"));
        let (distrust, unchecked) = compare(&spec, &real, &control, &changed);
        let found: Vec<_> = distrust.iter().map(|found| (found.sign, found.evidence.as_str())).collect();
        let passed = ["b", "p[cut"].map(|test| (Sign::ControlPassed, test));
        let excused = ["k", "s"].map(|test| (Sign::Excused, test));
        assert_eq!(found, [passed, excused].concat());
        assert_eq!(unchecked, ["d"]);
    }
}
