//! FAIL_TO_PASS and PASS_TO_PASS as runs with and without the fix show them.

use std::collections::HashSet;

use env_core::{Dialect, Status, StatusMap, TestLists};

/// What runs with and without the fix show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// The lists, in the order of the first log with the fix.
    pub lists: TestLists,
    /// Tests whose outcome differs between runs of the same patch; they are in neither list.
    pub flaky: Vec<String>,
}

/// Returns what runs with the fix and runs without it show, by the rule of the dialect that made such lists.
///
/// All have it that a listed test is PASSED with the fix. For SWE-Gym it must be exactly FAILED or PASSED without it, so
/// that what ERRORs or is missing there is in neither list; for SWE-bench a test that is missing or ERRORs counts as
/// failing, and XFAIL as passing.
pub fn observe(dialect: Dialect, with_fix: &[StatusMap], without: &[StatusMap]) -> Observed {
    let (Some(after), Some(before)) = (with_fix.first(), without.first()) else { return Observed::default() };
    let mut observed = Observed { flaky: flaky(with_fix), ..Observed::default() };
    observed.flaky.extend(flaky(without));
    let mut seen = HashSet::new();
    observed.flaky.retain(|test| seen.insert(test.clone()));
    for (test, status) in after.iter() {
        if *status != Status::Passed || seen.contains(test) {
            continue;
        }
        match passed_before(dialect, before.get(test)) {
            Some(true) => observed.lists.pass_to_pass.push(test.to_owned()),
            Some(false) => observed.lists.fail_to_pass.push(test.to_owned()),
            None => {}
        }
    }
    observed
}

/// Returns whether a test counts as passing without the fix; `None` leaves it out.
fn passed_before(dialect: Dialect, status: Option<&Status>) -> Option<bool> {
    let is_bench = dialect != Dialect::SweGym;
    match status {
        Some(Status::Passed) => Some(true),
        Some(Status::Failed) => Some(false),
        Some(Status::Xfail) if is_bench => Some(true),
        None | Some(Status::Error) if is_bench => Some(false),
        _ => None,
    }
}

/// Returns the tests that do not have the same outcome in all runs.
fn flaky(runs: &[StatusMap]) -> Vec<String> {
    let names = runs.iter().flat_map(|run| run.iter().map(|(test, _)| test));
    let mut seen = HashSet::new();
    let differs =
        |test: &str| runs.windows(2).any(|pair| matches!(pair, [one, other] if one.get(test) != other.get(test)));
    names.filter(|test| seen.insert(*test) && differs(test)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Reads `a=PASSED b=FAILED`.
    fn run(text: &str) -> StatusMap {
        let mut map = StatusMap::default();
        for (test, word) in text.split_whitespace().filter_map(|entry| entry.split_once('=')) {
            map.insert(test, Status::from_word(word));
        }
        map
    }

    fn check(dialect: Dialect, with_fix: &[&str], without: &[&str], expected: &Expect) {
        let runs = |texts: &[&str]| texts.iter().map(|text| run(text)).collect::<Vec<_>>();
        let Observed { lists, flaky } = observe(dialect, &runs(with_fix), &runs(without));
        expected.assert_eq(&format!("{:?} {:?} {flaky:?}", lists.fail_to_pass, lists.pass_to_pass));
    }

    const AFTER: &str = "turned=PASSED kept=PASSED new=PASSED broke=PASSED skipped=PASSED expected=PASSED fails=FAILED \
                         xfails=XFAIL";
    const BEFORE: &str =
        "turned=FAILED kept=PASSED broke=ERROR skipped=SKIPPED expected=XFAIL fails=FAILED xfails=FAILED gone=PASSED";

    #[test]
    fn each_dialect_has_its_rule() {
        check(Dialect::SweGym, &[AFTER], &[BEFORE], &expect![[r#"["turned"] ["kept"] []"#]]);
        let bench = expect![[r#"["turned", "new", "broke"] ["kept", "expected"] []"#]];
        check(Dialect::SweBench4, &[AFTER], &[BEFORE], &bench);
        check(Dialect::SweBench5, &[AFTER], &[BEFORE], &bench);
    }

    #[test]
    fn what_differs_between_repeats_is_flaky_and_in_no_list() {
        check(
            Dialect::SweBench5,
            &["a=PASSED b=PASSED c=PASSED", "a=PASSED b=FAILED c=PASSED", "a=PASSED b=PASSED c=PASSED d=PASSED"],
            &["a=FAILED b=FAILED c=FAILED", "a=FAILED b=FAILED c=ERROR", "a=FAILED b=FAILED c=FAILED"],
            &expect![[r#"["a"] [] ["b", "d", "c"]"#]],
        );
    }

    #[test]
    fn nothing_follows_from_nothing() {
        check(Dialect::SweBench5, &[], &["a=PASSED"], &expect![[r#"[] [] []"#]]);
        check(Dialect::SweBench5, &["a=PASSED"], &[], &expect![[r#"[] [] []"#]]);
    }
}
