//! How logs are cut and tests are counted, by dialect.

use std::io::Cursor;

use env_core::{Dialect, Failure, Patch, Report};
use expect_test::{Expect, expect};
use grading::{EvalType, GradingSpec, Marks, Parser, read_prediction, read_report, write_report};

fn spec(dialect: Dialect, fail_to_pass: &[&str], pass_to_pass: &[&str]) -> GradingSpec {
    let own = |tests: &[&str]| tests.iter().map(|test| (*test).to_owned()).collect();
    GradingSpec {
        dialect,
        parser: Parser::Pytest,
        eval_type: EvalType::PassAndFail,
        fail_to_pass: own(fail_to_pass),
        pass_to_pass: own(pass_to_pass),
    }
}

/// Returns a log that all dialects accept.
fn log(tests: &str) -> String {
    format!("Applied patch t.py cleanly.\n+ : '>>>>> Start Test Output'\n{tests}\n+ : '>>>>> End Test Output'\n")
}

fn grade(log: &str, spec: &GradingSpec) -> (Report, Option<Failure>) {
    let graded = grading::grade(Cursor::new(log), spec).unwrap();
    (graded.report, graded.failure)
}

fn outcome(report: &Report, failure: Option<Failure>) -> String {
    if let Some(failure) = failure {
        assert!(!report.resolved && !report.patch_successfully_applied && report.tests_status.is_none());
        return format!("{failure:?}");
    }
    let tests = report.tests_status.as_ref().unwrap();
    assert!(report.patch_successfully_applied);
    let counts = [&tests.fail_to_pass, &tests.pass_to_pass].map(|group| (group.success.len(), group.failure.len()));
    format!("{:?} f2p {:?} p2p {:?}", tests.resolution(), counts[0], counts[1])
}

/// Grades a whole log in every dialect.
fn check_log(log: &str, fail_to_pass: &[&str], pass_to_pass: &[&str], wanted: Expect) {
    let lines = Dialect::ALL.map(|dialect| {
        let (report, failure) = grade(log, &spec(dialect, fail_to_pass, pass_to_pass));
        format!("{dialect:?}: {}", outcome(&report, failure))
    });
    wanted.assert_eq(&lines.join("\n"));
}

/// Grades `f` and `g`, which must turn, and `p`, which must stay.
fn check(tests: &str, wanted: Expect) {
    check_log(&log(tests), &["f", "g"], &["p"], wanted);
}

#[test]
fn all_passed_is_full() {
    check(
        "PASSED f\nXFAIL g\nPASSED p",
        expect![[r#"
            SweGym: Full f2p (2, 0) p2p (1, 0)
            SweBench4: Full f2p (2, 0) p2p (1, 0)
            SweBench5: Full f2p (2, 0) p2p (1, 0)"#]],
    );
}

#[test]
fn some_turned_is_partial_and_none_or_a_regression_is_no() {
    check(
        "PASSED f\nFAILED g\nPASSED p",
        expect![[r#"
            SweGym: Partial f2p (1, 1) p2p (1, 0)
            SweBench4: Partial f2p (1, 1) p2p (1, 0)
            SweBench5: Partial f2p (1, 1) p2p (1, 0)"#]],
    );
    check(
        "ERROR f\nPASSED p",
        expect![[r#"
            SweGym: No f2p (0, 2) p2p (1, 0)
            SweBench4: No f2p (0, 2) p2p (1, 0)
            SweBench5: No f2p (0, 2) p2p (1, 0)"#]],
    );
    check(
        "PASSED f\nPASSED g",
        expect![[r#"
            SweGym: No f2p (2, 0) p2p (0, 1)
            SweBench4: No f2p (2, 0) p2p (0, 1)
            SweBench5: No f2p (2, 0) p2p (0, 1)"#]],
    );
}

#[test]
fn a_skipped_test_drops_out_but_for_swe_bench_5() {
    check(
        "SKIPPED f\nSKIPPED g\nSKIPPED p",
        expect![[r#"
            SweGym: Full f2p (0, 0) p2p (0, 0)
            SweBench4: Full f2p (0, 0) p2p (0, 0)
            SweBench5: No f2p (0, 2) p2p (1, 0)"#]],
    );
}

#[test]
fn a_word_like_a_status_counts_as_neither() {
    check(
        "PASSED f\nERROR: g\nPASSED p",
        expect![[r#"
            SweGym: Full f2p (1, 0) p2p (1, 0)
            SweBench4: Full f2p (1, 0) p2p (1, 0)
            SweBench5: Full f2p (1, 0) p2p (1, 0)"#]],
    );
}

#[test]
fn a_cut_name_matches_by_prefix_in_swe_bench_5_when_all_agree() {
    check_log(
        &log("PASSED t[a-1]\nXFAIL t[a-2]\nPASSED u[b-1]\nFAILED u[b-2]"),
        &["t[a", "u[b"],
        &[],
        expect![[r#"
            SweGym: No f2p (0, 2) p2p (0, 0)
            SweBench4: No f2p (0, 2) p2p (0, 0)
            SweBench5: Partial f2p (1, 1) p2p (0, 0)"#]],
    );
}

#[test]
fn only_what_stands_between_the_markers_counts_since_swe_bench_4() {
    check_log(
        &format!("PASSED f\n{}FAILED p\n", log("FAILED f\nPASSED p")),
        &["f"],
        &["p"],
        expect![[r#"
            SweGym: No f2p (0, 1) p2p (0, 1)
            SweBench4: No f2p (0, 1) p2p (1, 0)
            SweBench5: No f2p (0, 1) p2p (1, 0)"#]],
    );
    check_log(
        "applied PATCH\nPASSED f",
        &["f"],
        &[],
        expect![[r#"
            SweGym: Full f2p (1, 0) p2p (0, 0)
            SweBench4: TestsErrored
            SweBench5: TestsErrored"#]],
    );
}

#[test]
fn the_fork_wants_the_test_patch_applied_and_reads_after_the_prediction() {
    let tests = ">>>>> Start Test Output\nPASSED f\n>>>>> End Test Output";
    check_log(
        tests,
        &["f"],
        &[],
        expect![[r#"
            SweGym: TestsErrored
            SweBench4: Full f2p (1, 0) p2p (0, 0)
            SweBench5: Full f2p (1, 0) p2p (0, 0)"#]],
    );
    check_log(
        &format!("PASSED g\n>>>>> Applied Patch (pred)\n{tests}"),
        &["f"],
        &["g"],
        expect![[r#"
            SweGym: No f2p (1, 0) p2p (0, 1)
            SweBench4: No f2p (1, 0) p2p (0, 1)
            SweBench5: No f2p (1, 0) p2p (0, 1)"#]],
    );
}

#[test]
fn markers_of_failure_count_in_every_dialect() {
    for marker in [">>>>> Patch Apply Failed", ">>>>> Tests Timed Out", ">>>>> Reset Failed", ">>>>> Tests Errored"] {
        let (report, failure) = grade(&(log("PASSED f") + marker), &spec(Dialect::SweBench4, &["f"], &[]));
        let wanted = match marker {
            ">>>>> Patch Apply Failed" => "PatchNotApplied",
            ">>>>> Tests Timed Out" => "TestsTimedOut",
            _ => "TestsErrored",
        };
        assert_eq!(outcome(&report, failure), wanted);
    }
}

#[test]
fn results_outside_the_markers_count_when_there_are_none_inside() {
    check_log(
        &format!("Applied patch t.py cleanly.\nPASSED f\n{}", log("collected")),
        &["f"],
        &[],
        expect![[r#"
            SweGym: Full f2p (1, 0) p2p (0, 0)
            SweBench4: Full f2p (1, 0) p2p (0, 0)
            SweBench5: Full f2p (1, 0) p2p (0, 0)"#]],
    );
}

#[test]
fn swe_bench_5_rejects_a_log_without_a_sign_of_the_suite() {
    check(
        "bash: pytest: command not found",
        expect![[r#"
            SweGym: No f2p (0, 2) p2p (0, 1)
            SweBench4: No f2p (0, 2) p2p (0, 1)
            SweBench5: TestsErrored"#]],
    );
}

#[test]
fn swe_bench_5_rejects_passes_that_its_exit_code_denies() {
    let forged = |code: &str| log("PASSED f\nPASSED g\nPASSED p") + ">>>>> Test Exit Code: " + code + "\n";
    check_log(
        &forged("2"),
        &["f"],
        &["p"],
        expect![[r#"
            SweGym: Full f2p (1, 0) p2p (1, 0)
            SweBench4: Full f2p (1, 0) p2p (1, 0)
            SweBench5: LogContradicted"#]],
    );
    check_log(
        &forged("0"),
        &["f"],
        &["p"],
        expect![[r#"
            SweGym: Full f2p (1, 0) p2p (1, 0)
            SweBench4: Full f2p (1, 0) p2p (1, 0)
            SweBench5: Full f2p (1, 0) p2p (1, 0)"#]],
    );
}

#[test]
fn a_runner_that_only_names_failures_is_judged_by_them() {
    let spec = GradingSpec { eval_type: EvalType::FailOnly, ..spec(Dialect::SweBench5, &["f"], &["p"]) };
    let (report, failure) = grade(&log("FAILED x"), &spec);
    assert_eq!(outcome(&report, failure), "Full f2p (1, 0) p2p (1, 0)");
    let (report, failure) = grade(&log("FAILED f"), &spec);
    assert_eq!(outcome(&report, failure), "No f2p (0, 1) p2p (1, 0)");
}

#[test]
fn before_swe_bench_5_every_runner_is_judged_by_what_passed() {
    for dialect in [Dialect::SweGym, Dialect::SweBench4] {
        let spec = GradingSpec { eval_type: EvalType::FailOnly, ..spec(dialect, &["f"], &["p"]) };
        let (report, failure) = grade(&log("PASSED p"), &spec);
        assert_eq!(outcome(&report, failure), "No f2p (0, 1) p2p (1, 0)", "{dialect}");
    }
}

#[test]
fn a_log_is_of_the_harness_whose_marks_it_bears() {
    use Dialect::{SweBench4, SweBench5, SweGym};
    let between = "Applied patch a.py cleanly.\n+ : '>>>>> Start Test Output'\nPASSED a\n+ : '>>>>> End Test Output'\n";
    let bare = between.replace("Applied patch a.py cleanly.\n", "");
    let coded = format!("{bare}>>>>> Test Exit Code: 0\n");
    let whole = "Checking patch a.py...\nApplied patch a.py cleanly.\nPASSED a\n";
    let first = "[x] [a__b-1] Task Metadata:\n>>>>> Applied Patch (pred)\nPASSED a\n";
    let own = format!(">>>>> Applying Patch\nApplied patch a.py cleanly.\n>>>>> Running Tests\n{bare}");
    for (log, read_as) in [
        (between, [SweGym, SweBench4, SweBench4]),
        (&bare, [SweGym, SweBench4, SweBench4]),
        (&coded, [SweBench5, SweBench5, SweBench5]),
        // Nobody takes the exit code from the middle of the tests' own output.
        (&format!(">>>>> Test Exit Code: 0\n{bare}"), [SweGym, SweBench4, SweBench4]),
        // Cut short, so that nobody knows whether the exit code would have come.
        (bare.split("PASSED").next().unwrap(), [SweGym, SweBench4, SweBench5]),
        (whole, [SweGym, SweGym, SweGym]),
        (first, [SweGym, SweGym, SweGym]),
        (&own, [SweGym, SweBench4, SweBench4]),
        ("PASSED a\n", [SweGym, SweBench4, SweBench5]),
        ("", [SweGym, SweBench4, SweBench5]),
    ] {
        let marks = Marks::read(&mut Cursor::new(log)).unwrap();
        assert_eq!(Dialect::ALL.map(|own| marks.dialect(own)), read_as, "{log}");
        assert!([SweBench4, SweBench5].into_iter().all(|own| marks.fit(marks.dialect(own))), "{log}");
        assert_eq!(marks.is_swe_bench_1(), log == first);
    }
    let marks = Marks::read(&mut Cursor::new(whole)).unwrap();
    assert!(!marks.fit(SweBench4) && marks.fit(SweGym));
}

#[test]
fn only_swe_bench_5_reports_a_broken_environment() {
    let graded = |log: &str, dialect| {
        let report = grading::grade(Cursor::new(log), &spec(dialect, &["f"], &[])).unwrap().report;
        serde_json::to_value(report).unwrap()
    };
    let broken = graded("Cannot allocate memory", Dialect::SweBench5);
    assert_eq!((&broken["infra_failure"], &broken["infra_failure_reason"]), (&true.into(), &"out_of_memory".into()));
    let ambiguous = graded("no tests ran", Dialect::SweBench5);
    assert_eq!(ambiguous["infra_failure"], false);
    assert_eq!(ambiguous["infra_failure_reason"], "no_tests_collected");
    let sound = graded(&log("PASSED f\nno tests ran"), Dialect::SweBench5);
    assert_eq!((&sound["infra_failure"], sound.get("infra_failure_reason")), (&false.into(), None));
    assert_eq!(graded("Cannot allocate memory", Dialect::SweBench4).get("infra_failure"), None);
}

#[test]
fn a_report_file_has_the_official_shape() {
    let (report, _) = grade(&log("PASSED f"), &spec(Dialect::SweBench4, &["f"], &[]));
    let file = write_report(&report, "a__b-1");
    expect![[r#"
        {
            "a__b-1": {
                "patch_is_None": false,
                "patch_exists": true,
                "patch_successfully_applied": true,
                "resolved": true,
                "tests_status": {
                    "FAIL_TO_PASS": {
                        "success": [
                            "f"
                        ],
                        "failure": []
                    },
                    "PASS_TO_PASS": {
                        "success": [],
                        "failure": []
                    },
                    "FAIL_TO_FAIL": {
                        "success": [],
                        "failure": []
                    },
                    "PASS_TO_FAIL": {
                        "success": [],
                        "failure": []
                    }
                }
            }
        }"#]]
    .assert_eq(&file);
    assert_eq!(read_report(&file, "A__b-1"), Ok(report));
    assert_eq!(read_report(&file, "c"), Err("it holds no report on `c`".to_owned()));
}

#[test]
fn a_prediction_is_cleaned() {
    let check = |text: &str, wanted: &str| assert_eq!(read_prediction(text), Patch(wanted.to_owned()));
    check(" \n\t", "");
    check("Here it is:\ndiff --git a/x b/x\n+1\n\n\n", "diff --git a/x b/x\n+1\n");
    check("diff --git a/x b/x\r\n+1\r\n", "diff --git a/x b/x\n+1\n");
    check("diff --git a/x b/x\n+1\r\n \n", "diff --git a/x b/x\n+1\r\n \n");
    check("--- a/x", "--- a/x\n");
}
