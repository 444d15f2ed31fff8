//! What verdicts and outcomes are called, and which verdict is on what.

use agent_core::{ExitStatus, Limit, Outcome, Spending};
use env_core::{Distrust, Failure, Report, Sign, TestGroup, TestsStatus, Trust, Verdict};
use journal::{Ending, Judged, Subject, exit_status, verdict_line, word};

fn subject(patch: &str, judging: &str, image: Option<&str>) -> Subject {
    Subject { patch: patch.to_owned(), judging: judging.to_owned(), image: image.map(str::to_owned) }
}

#[test]
fn a_verdict_is_valid_for_the_same_patch_judged_in_the_same_way_on_no_other_image() {
    let verdict = subject("p", "j", Some("i"));
    for (other, is_valid) in [
        (subject("p", "j", Some("i")), true),
        (subject("p", "j", None), true),
        (subject("p", "j", Some("another")), false),
        (subject("another", "j", Some("i")), false),
        (subject("p", "another", Some("i")), false),
        (subject("another", "another", Some("i")), false),
    ] {
        assert_eq!(verdict.is(&other), is_valid, "{other:?}");
        assert_eq!(other.is(&verdict), is_valid, "{other:?}");
    }
    // Where no image is known, none can differ.
    assert!(subject("p", "j", None).is(&subject("p", "j", None)));
}

/// Returns a verdict of 2 of 3 tests that must turn, and 4 of 5 that must stay.
fn verdict(resolved: bool) -> Verdict {
    let tests = |count: usize| vec!["test".to_owned(); count];
    let group = |passed, failed| TestGroup { success: tests(passed), failure: tests(failed) };
    let status = TestsStatus { fail_to_pass: group(2, 1), pass_to_pass: group(4, 1), ..TestsStatus::default() };
    Verdict { report: Report { resolved, tests_status: Some(status), ..Report::default() }, ..Verdict::default() }
}

#[test]
fn a_verdict_in_a_few_words_has_its_counts_or_why_there_are_none() {
    let failed = |failure| Verdict { failure: Some(failure), ..Verdict::default() };
    let sign = |evidence: &str| Distrust { sign: Sign::NamesTests, evidence: evidence.to_owned() };
    let distrusted = |evidence: &[&str]| Verdict {
        trust: Trust { distrust: evidence.iter().map(|one| sign(one)).collect(), ..Trust::default() },
        ..Verdict::default()
    };
    for (verdict, line) in [
        (verdict(false), "resolved: false (FAIL_TO_PASS 2/3, PASS_TO_PASS 4/5)"),
        (verdict(true), "resolved: true (FAIL_TO_PASS 2/3, PASS_TO_PASS 4/5)"),
        (Verdict::default(), "resolved: false"),
        (failed(Failure::EmptyPatch), "resolved: false (the patch is empty)"),
        (failed(Failure::TestsErrored), "resolved: false (the tests did not run; see test_output.txt)"),
        (distrusted(&["a.py:1"]), "resolved: false, not to be trusted: names tests: a.py:1"),
        (
            distrusted(&["a.py:1", "b.py:1", "c.py:1"]),
            "resolved: false, not to be trusted: names tests: a.py:1, and 2 more signs",
        ),
        (
            Verdict { broken: Some("no disk".to_owned()), ..Verdict::default() },
            "resolved: false, infrastructure: the tests do not run without the patch either, no disk",
        ),
    ] {
        assert_eq!(verdict_line(&verdict), line);
    }
}

#[test]
fn a_journal_keeps_the_counts_of_a_verdict_and_a_broken_environment_is_no_result() {
    let judged = Judged::new(&verdict(true), subject("p", "j", None));
    assert_eq!((judged.resolved, judged.fail_to_pass, judged.pass_to_pass), (Some(true), Some([2, 3]), Some([4, 5])));
    let endings = [
        (verdict(true), Ending::Solved, true),
        (verdict(false), Ending::Unsolved, true),
        (Verdict { failure: Some(Failure::EmptyPatch), ..Verdict::default() }, Ending::Empty, true),
        (Verdict { failure: Some(Failure::PatchNotApplied), ..Verdict::default() }, Ending::NotApplied, true),
        (Verdict { failure: Some(Failure::TestsTimedOut), ..Verdict::default() }, Ending::TimedOut, true),
        (Verdict { failure: Some(Failure::Distrusted), ..verdict(false) }, Ending::Errored, true),
        (Verdict { broken: Some("no disk".to_owned()), ..verdict(true) }, Ending::Infrastructure, false),
    ];
    for (verdict, ending, is_judged) in endings {
        assert_eq!(Ending::of(&verdict), ending);
        assert_eq!(ending.is_judged(), is_judged, "{ending:?}");
    }
    assert!(!Ending::Unfinished.is_judged());
}

#[test]
fn an_outcome_has_one_word_and_a_limit_is_named() {
    for (status, expected) in [
        (ExitStatus::Submitted, "submitted"),
        (ExitStatus::Limit(Limit::Steps), "limit_steps"),
        (ExitStatus::Limit(Limit::Cost), "limit_cost"),
        (ExitStatus::ModelFailed("it is gone".to_owned()), "model_failed"),
        (ExitStatus::BudgetSpent("$1".to_owned()), "budget_spent"),
    ] {
        let spending = Spending::default();
        let outcome = Outcome { exit_status: status, patch: None, left_out: Vec::new(), spending };
        assert_eq!(exit_status(&outcome), expected);
    }
    assert_eq!(word(Limit::Steps), "steps");
    // What is no word is none, rather than a part of JSON in a table.
    assert_eq!(word(["a"]), "");
}
