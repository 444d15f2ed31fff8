//! Whole logs, read in blocks.

use std::io::Cursor;

use env_core::{Dialect, Failure, InfraReason, Tier};
use expect_test::{Expect, expect};
use grading::{EvalType, GradingSpec, Parser, Reading, grade, read_log};

fn read(log: impl AsRef<[u8]>, dialect: Dialect) -> Reading {
    read_log(Cursor::new(log.as_ref()), Parser::Pytest, dialect).unwrap()
}

fn marked(tests: &str) -> String {
    format!("Applied patch t.py cleanly.\n>>>>> Start Test Output\n{tests}\n>>>>> End Test Output\n")
}

/// Checks what each dialect finds, with what it could not read.
fn check(log: impl AsRef<[u8]>, wanted: Expect) {
    let lines = Dialect::ALL.map(|dialect| {
        let reading = read(log.as_ref(), dialect);
        let found = match &reading.statuses {
            Ok(map) => map.iter().map(|(test, status)| format!("{status} `{test}`")).collect::<Vec<_>>().join(", "),
            Err(failure) => format!("{failure:?} {:?}", reading.infra.map(|infra| infra.reason)),
        };
        let unread = reading.unread.first.map_or(String::new(), |(line, text)| format!("; line {line}: `{text}`"));
        format!("{dialect:?}: {found}{unread}")
    });
    wanted.assert_eq(&lines.join("\n"));
}

/// Returns a log of several blocks in which results, line ends and torn lines fall on every boundary sooner or later.
fn long_log(seed: u32) -> String {
    let pieces = [
        "PASSED a.py::x",
        "FAILED a.py::é - boom",
        "a.py::y PASSED",
        "test_a ok",
        "___ a.py:test_b ___",
        "test_c (m.C) ... Internal Server Error: /p/",
        "test_d (m.C) ... Testing against Django installed in '/testbed'",
        "Destroyed (0 silenced).",
        "... System check identified no issues (0 silenced)",
        "test_e (m.C) ... FAIL",
        "ok",
        "test_f (m.C)",
        "\u{2028}",
    ];
    let mut state = seed;
    let mut next = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize % below
    };
    let mut log = String::new();
    while log.len() < 900_000 {
        log.push_str(pieces[next(pieces.len())]);
        if next(3) == 0 {
            log.push_str(&next(400).to_string());
        }
        log.push_str(["\n", "\r\n", "\r", "\n\n"][next(4)]);
    }
    log
}

#[test]
fn blocks_do_not_change_what_is_read() {
    for parser in Parser::ALL {
        for seed in 0..4 {
            let log = format!("Applied patch\n{}", long_log(seed));
            let whole = parser.parse(&log, Dialect::SweGym);
            let reading = read_log(Cursor::new(&log), parser, Dialect::SweGym).unwrap();
            assert!(reading.statuses.as_ref() == Ok(&whole), "{parser:?} {seed}");
        }
    }
}

#[test]
fn a_verdict_on_its_own_tests_equals_one_on_all_tests() {
    for parser in Parser::ALL {
        for dialect in Dialect::ALL {
            let log = marked(&long_log(9)) + ">>>>> Test Exit Code: 1\n";
            let map = read_log(Cursor::new(&log), parser, dialect).unwrap();
            let names: Vec<String> = map.statuses.as_ref().unwrap().iter().map(|(test, _)| test.to_owned()).collect();
            let fail_to_pass = names.iter().step_by(7).map(|name| name.replace(']', "")).collect();
            let pass_to_pass = names.iter().step_by(11).cloned().chain(["x[".to_owned()]).collect();
            let spec = GradingSpec { dialect, parser, eval_type: EvalType::PassAndFail, fail_to_pass, pass_to_pass };
            let graded = grade(Cursor::new(&log), &spec).unwrap();
            assert_eq!(graded.report, grading::conclude(&map, &spec), "{parser:?} {dialect:?}");
        }
    }
}

#[test]
fn a_marker_may_stand_within_a_line() {
    check(
        "applied patch\nPASSED a\nPASSED >>>>> Applied Patch (pred)PASSED b\n+ : '>>>>> Start Test Output'FAILED c\n\
         PASSED d\nPASSED >>>>> End Test Output e\nPASSED f\n>>>>> Start Test Output\nPASSED g",
        expect![[r#"
            SweGym: PASSED `b`, PASSED `d`, PASSED `>>>>>`, PASSED `f`, PASSED `g`
            SweBench4: PASSED `d`; line 6: `PASSED `
            SweBench5: PASSED `d`; line 6: `PASSED `"#]],
    );
}

#[test]
fn what_cannot_be_read_is_said_with_its_line() {
    check(
        marked("PASSED a\r\nERROR\rPASSED\nPASSED b"),
        expect![[r#"
            SweGym: PASSED `a`, PASSED `b`; line 4: `ERROR`
            SweBench4: PASSED `a`, PASSED `b`; line 4: `ERROR`
            SweBench5: PASSED `a`, PASSED `b`; line 4: `ERROR`"#]],
    );
    let unread = |parser: Parser, log: &str| {
        let unread = read_log(Cursor::new(format!("Applied patch\n{log}")), parser, Dialect::SweGym).unwrap().unread;
        (unread.lines, unread.first.map(|(line, _)| line))
    };
    assert_eq!(unread(Parser::PytestV2, "a.py::x PASSED\nPASSED\nlonely-PASSED"), (2, Some(3)));
    assert_eq!(unread(Parser::Seaborn, "FAILED"), (1, Some(2)));
    assert_eq!(unread(Parser::Django, "FAIL: test_a\nERROR: "), (1, Some(3)));
    assert_eq!(unread(Parser::Sympy, "test_a ok [OK]\ntest_b f"), (0, None));
    let sympy = read_log(Cursor::new(marked("test_a ok [OK]")), Parser::Sympy, Dialect::SweBench4).unwrap();
    assert_eq!(sympy.unread.lines, 1);
    let torn = "Applied patch\n>>>>> Start Test Output\nFAIL:>>>>> End Test Output\n";
    let django = read_log(Cursor::new(torn), Parser::Django, Dialect::SweBench4).unwrap();
    assert_eq!(django.unread.first, Some((3, "FAIL:".to_owned())), "the official parser breaks off there");
}

#[test]
fn bytes_that_are_no_text_and_lines_without_end_are_counted() {
    let mut log = b"Applied patch\nPASSED a\xff\xfe.py::x\n".to_vec();
    log.extend(b"PASSED long");
    log.resize(log.len() + (3 << 20), b'x');
    log.extend(b"\xc3\xa9 tail\nPASSED b\n");
    let reading = read(&log, Dialect::SweGym);
    let map = reading.statuses.unwrap();
    let names: Vec<&str> = map.iter().map(|(test, _)| test).collect();
    assert_eq!((names[0], names[2]), ("a\u{FFFD}\u{FFFD}.py::x", "b"));
    assert!(names[1].starts_with("longxx") && names[1].ends_with("xxé") && names[1].len() < 3 << 19);
    assert_eq!((reading.unread.invalid_bytes, reading.unread.long_lines), (2, 1));
}

#[test]
fn our_own_record_of_the_applying_does_not_count() {
    let tests = "\n>>>>> Running Tests\n".to_owned() + &marked("PASSED b");
    check(
        ">>>>> Applying Patch\nApplied patch\n>>>>> Patch Apply Failed\n>>>>> Test Exit Code: 1\nPASSED a".to_owned()
            + &tests,
        expect![[r#"
            SweGym: PASSED `b`
            SweBench4: PASSED `b`
            SweBench5: PASSED `b`"#]],
    );
    check(
        ">>>>> Applying Patch\nApplied patch\n>>>>> Patch Apply Failed\n",
        expect![[r#"
            SweGym: PatchNotApplied None
            SweBench4: PatchNotApplied None
            SweBench5: PatchNotApplied None"#]],
    );
}

#[test]
fn the_exit_code_and_the_signs_of_a_suite_may_stand_on_a_later_line() {
    let far = "\n".repeat(300_000);
    for gap in ["\n", "\x1c", far.as_str()] {
        let log = marked("PASSED a") + ">>>>> Test Exit Code:" + gap + "3\n>>>>> Test Exit Code: 0\n";
        assert_eq!(read(&log, Dialect::SweBench5).statuses.err(), Some(Failure::LogContradicted));
        let log = marked(&format!("Test Suites:{gap}1 failed, 3 total\n"));
        assert_eq!(read(&log, Dialect::SweBench5).statuses.map(|map| map.len()), Ok(0));
        let log = marked(&format!("Tests:{gap}0\n"));
        assert_eq!(read(&log, Dialect::SweBench5).statuses.err(), Some(Failure::TestsErrored));
    }
}

#[test]
fn a_log_that_does_not_count_says_what_broke() {
    check(
        "collected 0 items\r\nKilled\r\n",
        expect![[r#"
            SweGym: TestsErrored Some(OutOfMemory)
            SweBench4: TestsErrored Some(OutOfMemory)
            SweBench5: TestsErrored Some(OutOfMemory)"#]],
    );
    check(
        "Killed by a test\nTimeout error: 3 seconds exceeded.\n>>>>> Tests Timed Out\n",
        expect![[r#"
            SweGym: TestsTimedOut Some(TestsTimedOut)
            SweBench4: TestsTimedOut Some(TestsTimedOut)
            SweBench5: TestsTimedOut Some(TestsTimedOut)"#]],
    );
    assert_eq!(InfraReason::OutOfMemory.tier(), Tier::Environment);
    assert_eq!(InfraReason::TestsTimedOut.tier(), Tier::Ambiguous);
    assert_eq!(serde_json::to_string(&InfraReason::OutOfMemory).unwrap(), r#""out_of_memory""#);
}
