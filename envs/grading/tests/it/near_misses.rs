//! Logs that come close to another verdict: one word, one line or one column decides.

use std::io::Cursor;

use env_core::Dialect;
use expect_test::{Expect, expect};
use grading::{EvalType, GradingSpec, Marks, Parser, old_files};

/// Returns what a parser finds in a log, a test a line.
fn found(parser: Parser, dialect: Dialect, log: &str) -> String {
    let map = parser.parse(log, dialect);
    map.iter().map(|(test, status)| format!("{status} `{test}`")).collect::<Vec<_>>().join("\n")
}

fn check_all(parser: Parser, log: &str, wanted: &Expect) {
    Dialect::ALL.iter().for_each(|dialect| wanted.assert_eq(&found(parser, *dialect, log)));
}

/// Returns what becomes of the tests `fail_to_pass` in a log, by dialect.
fn verdicts(log: &str, fail_to_pass: &[&str]) -> String {
    let verdict = |dialect: Dialect| {
        let spec = GradingSpec {
            dialect,
            parser: Parser::Pytest,
            eval_type: EvalType::PassAndFail,
            fail_to_pass: fail_to_pass.iter().map(|test| (*test).to_owned()).collect(),
            pass_to_pass: Vec::new(),
        };
        let graded = grading::grade(Cursor::new(log), &spec).unwrap();
        match graded.failure {
            Some(failure) => format!("{failure:?}"),
            None => format!("{:?}", graded.report.tests_status.unwrap().resolution()),
        }
    };
    Dialect::ALL.map(verdict).join(" ")
}

/// Returns a log that all dialects accept.
fn log(tests: &str) -> String {
    format!("Applied patch t.py cleanly.\n>>>>> Start Test Output\n{tests}\n>>>>> End Test Output\n")
}

#[test]
fn a_whole_name_is_never_the_begin_of_another_and_a_cut_one_needs_all_that_begin_so_to_agree() {
    // A test that was not run is not passed by one whose name is longer.
    assert_eq!(verdicts(&log("PASSED test_add_all"), &["test_add"]), "No No No");
    assert_eq!(verdicts(&log("PASSED t[a]b"), &["t[a]"]), "No No No");
    assert_eq!(verdicts(&log("PASSED t[a-1]\nXFAIL t[a-2]"), &["t[a"]), "No No Full");
    assert_eq!(verdicts(&log("PASSED t[a-1]\nFAILED t[a-2]"), &["t[a"]), "No No No");
    assert_eq!(verdicts(&log("FAILED t[a-1]\nERROR t[a-2]"), &["t[a"]), "No No No");
}

#[test]
fn a_failing_test_that_the_verdict_does_not_need_explains_an_exit_code_unless_it_passed_later() {
    let coded = |tests: &str| log(tests) + ">>>>> Test Exit Code: 1\n";
    assert_eq!(verdicts(&coded("FAILED other\nPASSED f"), &["f"]), "Full Full Full");
    assert_eq!(verdicts(&coded("FAILED other\nPASSED other\nPASSED f"), &["f"]), "Full Full LogContradicted");
    assert_eq!(verdicts(&coded("FAILED other\nFAILED one\nPASSED one\nPASSED f"), &["f"]), "Full Full Full");
    assert_eq!(verdicts(&coded("SKIPPED other\nPASSED f"), &["f"]), "Full Full LogContradicted");
}

#[test]
fn an_exit_code_that_is_no_number_leaves_the_place_to_a_later_one() {
    let coded = |codes: &str| log("PASSED f") + codes;
    for (codes, expected) in [
        (">>>>> Test Exit Code: none\n>>>>> Test Exit Code: 1\n", "Full Full LogContradicted"),
        (">>>>> Test Exit Code: 0\n>>>>> Test Exit Code: 1\n", "Full Full Full"),
        (">>>>> Test Exit Code: -9\n", "Full Full LogContradicted"),
        (">>>>> Test Exit Code: 00\n", "Full Full Full"),
    ] {
        assert_eq!(verdicts(&coded(codes), &["f"]), expected, "{codes}");
    }
}

#[test]
fn a_log_counts_with_both_markers_and_not_with_one() {
    assert_eq!(
        verdicts("Applied patch\n>>>>> Start Test Output\nPASSED f\n", &["f"]),
        "Full TestsErrored TestsErrored"
    );
    assert_eq!(verdicts("Applied patch\nPASSED f\n>>>>> End Test Output\n", &["f"]), "Full TestsErrored TestsErrored");
    assert_eq!(verdicts(&log("PASSED f"), &["f"]), "Full Full Full");
    // The fork's words for a repository that could not be put back.
    let reset = log("Failed to reset task environment\nPASSED f");
    assert_eq!(verdicts(&reset, &["f"]), "TestsErrored Full Full");
}

#[test]
fn what_ran_before_the_prediction_is_no_result_of_the_fork_even_if_nothing_ran_after_it() {
    let before = "Applied patch\nPASSED f\n>>>>> Applied Patch (pred)\nnothing ran\n";
    assert_eq!(verdicts(before, &["f"]), "No TestsErrored TestsErrored");
}

#[test]
fn the_line_that_begins_the_official_part_of_our_own_record_stands_alone() {
    let begin = ">>>>> Applying Patch\n";
    let within = format!("{begin}printed >>>>> Running Tests\n{}", log("PASSED f"));
    // Nothing but the line itself ends what is left out.
    assert_eq!(verdicts(&within, &["f"]), verdicts(&format!("{begin}printed\n{}", log("PASSED f")), &["f"]));
    assert_eq!(verdicts(&format!("{begin}\n>>>>> Running Tests\n{}", log("PASSED f")), &["f"]), "Full Full Full");
}

#[test]
fn a_log_of_many_lines_is_read_whole_however_long_it_is() {
    let filler = "collected\n".repeat(200_000);
    assert_eq!(verdicts(&log(&format!("{filler}PASSED f\n{filler}")), &["f"]), "Full Full Full");
}

#[test]
fn which_harness_could_have_written_a_log() {
    let bare = ">>>>> Start Test Output\nPASSED a\n>>>>> End Test Output\n";
    let fits = |log: &str| {
        let marks = Marks::read(&mut Cursor::new(log)).unwrap();
        Dialect::ALL.map(|dialect| marks.fit(dialect))
    };
    for (log, expected) in [
        ("", [true, true, true]),
        ("PASSED a\n", [true, true, true]),
        ("Applied patch a.py cleanly.\nPASSED a\n", [true, false, false]),
        (">>>>> Applied Patch (pred)\nPASSED a\n", [true, false, false]),
        ("[x] [a__b-1] Task Metadata:\nPASSED a\n", [true, false, false]),
        (bare, [false, true, false]),
        (&format!("Applied patch a.py cleanly.\n{bare}"), [true, true, false]),
        (&format!("[x] [a__b-1] Task Metadata:\n{bare}"), [true, true, false]),
        (&format!("{bare}>>>>> Test Exit Code: 0\n"), [false, false, true]),
        (&format!("Applied patch a.py cleanly.\n{bare}>>>>> Test Exit Code: 0\n"), [true, false, true]),
        // Cut short: the exit code may have been to come.
        (">>>>> Start Test Output\nPASSED a\n", [false, true, true]),
    ] {
        assert_eq!(fits(log), expected, "{log}");
    }
}

#[test]
fn a_line_of_pytest_is_known_by_its_first_word() {
    check_all(Parser::Pytest, "Printed a.py::x\nFAIL a.py::x\nSKIP a.py::x\nPASSED - a.py::x", &expect!["PASSED `-`"]);
    // Only a number in brackets is a count.
    let counts = "SKIPPED [x] a.py:3: why\nSKIPPED [] a.py:4: why\nSKIPPED [1] a.py:5: why\nFAILED [2]";
    expect![[r#"
        SKIPPED `[x]`
        SKIPPED `[]`
        FAILED `[2]`"#]]
    .assert_eq(&found(Parser::Pytest, Dialect::SweBench5, counts));
}

#[test]
fn only_brackets_with_a_number_and_an_m_are_a_colour() {
    check_all(
        Parser::PytestV2,
        "PASSED a.py::x[mode]\nPASSED a.py::x[ém]\nPASSED a.py::y[٣m0\nPASSED a.py::z[0m",
        &expect![[r#"
            PASSED `a.py::x[mode]`
            PASSED `a.py::x[ém]`
            PASSED `a.py::y0`
            PASSED `a.py::z`"#]],
    );
    let twice = "FAILED a FAILED [ 50%] b";
    expect!["FAILED `a FAILED b`"].assert_eq(&found(Parser::Pydantic, Dialect::SweBench5, twice));
}

#[test]
fn django_settles_an_interrupted_test_so_that_no_later_line_changes_it() {
    let no_issues = "System check identified no issues (0 silenced)";
    for (interrupted, status) in [
        ("Testing against Django installed in /a silenced).", "PASSED"),
        ("Testing against Django installed in /a\nwith up to 4 processes silenced).", "PASSED"),
        ("Testing against Django installed in /a", "FAILED"),
        ("Internal Server Error: /path/", "PASSED"),
        // There is no path between the slashes, which are one.
        ("Internal Server Error: /", "FAILED"),
        (no_issues, "PASSED"),
        ("System check identified 1 issue (0 silenced)", "FAILED"),
    ] {
        let log = format!("a ... {interrupted}\nok\nFAIL: a\n");
        assert_eq!(found(Parser::Django, Dialect::SweBench5, &log), format!("{status} `a`"), "{interrupted}");
    }
}

#[test]
fn django_takes_the_first_interrupted_test_and_no_line_twice() {
    let against = "a ... Testing against Django installed in /a\nb ... Testing against Django installed in /b silenced).\n\
                   ok\nFAIL: a\nFAIL: b\n";
    check_all(
        Parser::Django,
        against,
        &expect![[r#"
            PASSED `a`
            FAILED `b`"#]],
    );
    // The line that ends one test is no test that a message below it interrupts.
    let no_issues = "System check identified no issues (0 silenced)";
    check_all(Parser::Django, &format!("a ... {no_issues}\nok\n... {no_issues}\nok\n"), &expect!["PASSED `a`"]);
    // A message at the begin of a log interrupts nothing.
    check_all(Parser::Django, &format!("... {no_issues}\nok\n"), &expect![""]);
}

#[test]
fn what_a_hunk_holds_is_no_header_of_a_file() {
    let patch = |header: &str, lines: &str| format!("diff --git a/x b/x\n--- a/x\n+++ b/x\n{header}\n{lines}");
    for (header, lines, files) in [
        ("@@ -1,3 +1 @@", "-one\n--- a/y\n-three\n+four\n", &["x"][..]),
        ("@@ -1 +1 @@", "+one\n--- a/y\n", &["x"]),
        ("@@ -1,2 +1 @@", "-one\n\\ No newline at end of file\n--- a/y\n+two\n", &["x"]),
        ("@@ -1,2 +1,2 @@", " one\n--- a/y\n+two\n", &["x"]),
        // The hunk has ended.
        ("@@ -1 +1 @@", "-one\n+two\ndiff --git a/y b/y\n--- a/y\n", &["x", "y"]),
    ] {
        assert_eq!(old_files(&patch(header, lines)), files, "{header} {lines}");
    }
}
