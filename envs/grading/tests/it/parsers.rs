//! The interesting lines of each parser.

use env_core::Dialect;
use expect_test::{Expect, expect};
use grading::Parser;

fn check_in(parser: Parser, dialect: Dialect, log: &str, wanted: &Expect) {
    let map = parser.parse(log, dialect);
    let lines: Vec<String> = map.iter().map(|(test, status)| format!("{status} `{test}`")).collect();
    wanted.assert_eq(&lines.join("\n"));
}

/// Checks what the fork and SWE-bench 4 read, which are the same but for SymPy.
fn check(parser: Parser, log: &str, wanted: Expect) {
    check_in(parser, Dialect::SweGym, log, &wanted);
    check_in(parser, Dialect::SweBench4, log, &wanted);
}

fn check_5(parser: Parser, log: &str, wanted: Expect) {
    check_in(parser, Dialect::SweBench5, log, &wanted);
}

#[test]
fn pytest_takes_the_two_first_words() {
    let log = "\
PASSED a.py::x
FAILED a.py::y - AssertionError: z
FAILED a.py::with blank - E
FAILED - a.py::dash
XFAIL a.py::x1
ERROR a.py
ERROR: not a test
SKIPPED [2] a.py:3: why
PASSED
a.py::late PASSED
 PASSED a.py::indented
FAILED a.py::x";
    check(
        Parser::Pytest,
        log,
        expect![[r#"
            FAILED `a.py::x`
            FAILED `a.py::y`
            FAILED `a.py::with`
            FAILED `a.py::dash`
            XFAIL `a.py::x1`
            ERROR `a.py`
            ERROR: `not`
            SKIPPED `[2]`"#]],
    );
    check_5(
        Parser::Pytest,
        "SKIPPED [2] a.py:3: why\nPASSED [100%]\nSKIPPED a.py::x",
        expect![[r#"
            PASSED `[100%]`
            SKIPPED `a.py::x`"#]],
    );
}

#[test]
fn a_line_ends_where_python_ends_it() {
    check(
        Parser::Pytest,
        "PASSED a\r\nPASSED b\rFAILED c\u{2028}PASSED d\x1cPASSED e",
        expect![[r#"
            PASSED `a`
            PASSED `b`
            FAILED `c`"#]],
    );
}

#[test]
fn options_keep_the_last_component_of_a_path() {
    let log = "\
PASSED a.py::x[/tmp/one/two.txt]
PASSED a.py::x[//host/path]
PASSED a.py::x[/tmp/*]
PASSED a.py::x[one]tail
PASSED a.py::x[/a/]
PASSED a.py::x[b][/c/d]
PASSED a.py::x[open";
    check(
        Parser::PytestOptions,
        log,
        expect![[r#"
            PASSED `a.py::x[/two.txt]`
            PASSED `a.py::x[//host/path]`
            PASSED `a.py::x[/tmp/*]`
            PASSED `a.py::x[one]`
            PASSED `a.py::x[/]`
            PASSED `a.py::x[b][/c/d]`
            PASSED `a.py::x[open`"#]],
    );
}

#[test]
fn v2_removes_colours_and_reads_verbose_lines() {
    let log = "\
\x1b[32mPASSED\x1b[0m a.py::x
PAS\x02SED a.py::control
a.py::old PASSED
a.py::twice ran PASSED
lonely-PASSED
PASSED
FAILED a.py::y - it broke - twice
[31FAILED no code";
    check(
        Parser::PytestV2,
        log,
        expect![[r#"
            PASSED `a.py::x`
            PASSED `a.py::control`
            PASSED `a.py::old`
            ran `a.py::twice`
            FAILED `a.py::y`"#]],
    );
    check_5(
        Parser::PytestV2,
        log,
        expect![[r#"
            PASSED `a.py::x`
            PASSED `a.py::control`
            PASSED `a.py::old`
            PASSED `a.py::twice ran`
            FAILED `a.py::y`"#]],
    );
    check_5(
        Parser::PytestV2,
        "PASSED a.py::x[a b]\nFAILED a.py::x[c d] - boom",
        expect![[r#"
            PASSED `a.py::x[a b]`
            FAILED `a.py::x[c d]`"#]],
    );
}

#[test]
fn pydantic_drops_the_bracket_after_failed() {
    let log = "\
FAILED [ 50%] tests/a.py::x - boom
tests/a.py::y PASSED
tests/a.py::z FAILED [100%]
FAILED [open tests/a.py::w";
    check(
        Parser::Pydantic,
        log,
        expect![[r#"
            FAILED `tests/a.py::x`
            PASSED `tests/a.py::y`
            FAILED `tests/a.py::z`
            FAILED `[open`"#]],
    );
}

#[test]
fn matplotlib_numbers_its_buttons() {
    check(
        Parser::Matplotlib,
        "PASSED a.py::x[MouseButton.LEFT-MouseButton.RIGHT]\nFAILED a.py::y[MouseButton.MIDDLE] - E",
        expect![[r#"
            PASSED `a.py::x[1-3]`
            FAILED `a.py::y[MouseButton.MIDDLE]`"#]],
    );
}

#[test]
fn seaborn_reads_both_forms() {
    let log = "\
tests/a.py::x PASSED [ 10%]
tests/a.py::y FAILED [ 20%]
FAILED tests/a.py::y - boom
PASSED tests/a.py::z
PASSED
tests/a.py::x and PASSED too";
    check(
        Parser::Seaborn,
        log,
        expect![[r#"
            PASSED `tests/a.py::x`
            FAILED `tests/a.py::y`
            PASSED `tests/a.py::z`"#]],
    );
}

#[test]
fn sympy_reads_headers_and_lines() {
    let log = "\
sympy/core/tests/test_args.py[2]
test_one ok
test_two F
test_three E
test_four ok [OK]
  test_five ok
________ sympy/core/tests/test_args.py:test_two ________
test_one f";
    check_in(
        Parser::Sympy,
        Dialect::SweGym,
        log,
        &expect![[r#"
            PASSED `test_one`
            FAILED `test_two`
            ERROR `test_three`
            PASSED `test_four`
            PASSED `test_five`
            FAILED `sympy/core/tests/test_args.py:test_two`"#]],
    );
    check_in(Parser::Sympy, Dialect::SweBench4, "test_four ok [OK]\ntest_five ok", &expect!["PASSED `test_five`"]);
}

#[test]
fn django_reads_every_kind_of_line() {
    let log = "\
test_a (m.C) ... ok
test_b (m.C) ... FAIL
test_c (m.C) ... ERROR
test_d (m.C) ... skipped 'why'
test_e (m.C) ...  OK
  Applying sites.0002_alter_domain_unique...test_no_migrations (m.D) ... ok
--version is equivalent to version
FAIL: test_b (m.C)
ERROR: setUpClass (m.E)
ERROR:
test_torn (m.C) ... some output
ok
okay then";
    check(
        Parser::Django,
        log,
        expect![[r#"
            PASSED `test_a (m.C)`
            FAILED `test_b (m.C)`
            ERROR `test_c (m.C)`
            SKIPPED `test_d (m.C)`
            PASSED `test_e (m.C)`
            PASSED `test_no_migrations (m.D)`
            PASSED `--version is equivalent to version`
            FAILED `test_b`
            ERROR `setUpClass`
            PASSED `test_torn (m.C)`"#]],
    );
}

#[test]
fn django_mends_interrupted_lines() {
    let log = "\
test_a (m.C) ... Testing against Django installed in '/testbed'
test_b (m.C) ... FAIL
Destroyed (1 silenced).
ok
test_c (m.C) ... Internal Server Error: /path/
ok
test_d (m.C) ... Internal Server Error: /
ok
test_e (m.C) ... System check identified no issues (0 silenced)
ok
test_f (m.C)
... Internal Server Error: /x/
ok
test_b (m.C) ... FAIL";
    check(
        Parser::Django,
        log,
        expect![[r#"
            FAILED `test_b (m.C)`
            PASSED `test_a (m.C)`
            PASSED `test_c (m.C)`
            PASSED `test_d (m.C)`
            PASSED `test_e (m.C)`
            PASSED `test_f (m.C)`"#]],
    );
}

#[test]
fn no_bytes_make_a_parser_panic_or_slow() {
    let pieces = [
        "[",
        "FAILED [",
        "]",
        " ... ",
        "\n",
        "\r",
        "ok\n",
        "é",
        "\u{0}",
        "___ a.py:b ",
        "Testing against Django installed in ",
        "Internal Server Error: /",
        " - ",
        "PASSED ",
        "test_",
        "[/",
    ];
    let mut state = 7_u32;
    let mut log = String::new();
    for _ in 0..100_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        log.push_str(pieces[(state >> 16) as usize % pieces.len()]);
    }
    let logs = [
        log,
        "FAILED [".repeat(50_000),
        " ... ".repeat(50_000),
        "[1".repeat(50_000),
        "Testing against Django installed in ".repeat(20_000),
    ];
    for parser in Parser::ALL {
        for dialect in Dialect::ALL {
            for log in &logs {
                parser.parse(log, dialect);
            }
        }
    }
}

#[test]
fn repositories_and_names_find_their_parser() {
    assert_eq!(Parser::for_repo("Project-MONAI/MONAI"), Some(Parser::Pytest));
    assert_eq!(Parser::for_repo("pydantic/pydantic"), Some(Parser::Pydantic));
    assert_eq!(Parser::for_repo("a/b"), None);
    assert_eq!(Parser::by_name("parse_log_scikit"), Some(Parser::PytestV2));
    assert_eq!(Parser::by_name("parse_log_jest"), None);
    assert_eq!(Parser::by_name("django"), None);
}
