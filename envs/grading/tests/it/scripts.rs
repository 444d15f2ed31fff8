//! Evaluation scripts and the specs that they are made from.

use env_core::{Dialect, Instance};
use expect_test::{Expect, expect};
use grading::{Spec, Specs, eval_script};

const TEST_PATCH: &str = "\
diff --git a/tests/app/test_old.py b/tests/app/test_old.py
--- a/tests/app/test_old.py
+++ b/tests/app/test_old.py
@@ -1,2 +1,2 @@
--- a/not/a/header.py
+[case one]
 [case two]
diff --git a/tests/app/test_new.py b/tests/app/test_new.py
new file mode 100644
--- /dev/null
+++ b/tests/app/test_new.py
@@ -0,0 +1 @@
+x
diff --git a/tests/app/moved.py b/tests/moved/test_moved.py
similarity index 100%
rename from tests/app/moved.py
rename to tests/moved/test_moved.py
diff --git a/tests/data.json b/tests/data.json
--- a/tests/data.json
+++ b/tests/data.json
@@ -1 +1 @@
-1
+2
";

fn instance(repo: &str) -> Instance {
    Instance {
        instance_id: "o__r-1".to_owned(),
        repo: repo.to_owned(),
        base_commit: "abc".to_owned(),
        problem_statement: String::new(),
        hints_text: String::new(),
        version: "1.0".to_owned(),
    }
}

/// Checks the script without the lines that are the same in all.
fn check(repo: &str, dialect: Dialect, wanted: Expect) {
    let spec = Spec {
        install: Some("pip install -e .".to_owned()),
        test_cmd: Some("pytest -rA".to_owned()),
        eval_commands: Some(vec!["export A=1".to_owned()]),
        ..Spec::default()
    };
    let script = eval_script(&instance(repo), TEST_PATCH, &spec, dialect).unwrap();
    wanted.assert_eq(&script.replace(TEST_PATCH, "(the test patch)\n"));
}

#[test]
fn the_fork_has_no_markers() {
    check(
        "o/r",
        Dialect::SweGym,
        expect![[r#"
            #!/bin/bash
            set -xo pipefail
            source /opt/miniconda3/bin/activate
            conda activate testbed
            cd /testbed
            export A=1
            git config --global --add safe.directory /testbed
            cd /testbed
            git status
            git show
            git diff abc
            source /opt/miniconda3/bin/activate
            conda activate testbed
            pip install -e .
            git checkout abc tests/app/test_old.py not/a/header.py tests/data.json
            git apply -v - <<'EOF_114329324912'
            (the test patch)

            EOF_114329324912
            pytest -rA tests/app/test_old.py tests/app/test_new.py tests/moved/test_moved.py
            git checkout abc tests/app/test_old.py not/a/header.py tests/data.json
        "#]],
    );
}

#[test]
fn swe_bench_has_markers_and_django_wants_modules() {
    check(
        "Django/django",
        Dialect::SweBench4,
        expect![[r#"
            #!/bin/bash
            set -uxo pipefail
            source /opt/miniconda3/bin/activate
            conda activate testbed
            cd /testbed
            export A=1
            git config --global --add safe.directory /testbed
            cd /testbed
            git status
            git show
            git -c core.fileMode=false diff abc
            source /opt/miniconda3/bin/activate
            conda activate testbed
            pip install -e .
            git checkout abc tests/app/test_old.py tests/app/moved.py tests/data.json
            git apply -v - <<'EOF_114329324912'
            (the test patch)

            EOF_114329324912
            : '>>>>> Start Test Output'
            pytest -rA app.test_old app.test_new moved.test_moved
            : '>>>>> End Test Output'
            git checkout abc tests/app/test_old.py tests/app/moved.py tests/data.json
        "#]],
    );
}

#[test]
fn mypy_wants_cases() {
    let spec = Spec { test_cmd: Some("pytest -rA -k".to_owned()), ..Spec::default() };
    let script = eval_script(&instance("Python/mypy"), TEST_PATCH, &spec, Dialect::SweGym).unwrap();
    assert!(script.contains("\npytest -rA -k \"one or two\"\n"), "{script}");
}

#[test]
fn a_spec_without_a_test_command_is_named() {
    let missing = eval_script(&instance("o/r"), TEST_PATCH, &Spec::default(), Dialect::SweGym);
    assert_eq!(missing, Err("`o/r` 1.0 has no test command".to_owned()));
}

fn check_specs(text: &str, wanted: Expect) {
    match Specs::parse([("r.yaml", text)]) {
        Ok(specs) => {
            let versions: Vec<String> = specs
                .iter()
                .flat_map(|(repo, specs)| {
                    specs.versions.iter().map(move |(version, spec)| {
                        format!(
                            "{repo} {version}: {} {}",
                            spec.python.as_deref().unwrap_or("-"),
                            spec.test_cmd.as_deref().unwrap_or("-")
                        )
                    })
                })
                .collect();
            wanted.assert_eq(&versions.join("\n"));
        }
        Err(err) => wanted.assert_eq(&err.to_string()),
    }
}

#[test]
fn specs_are_blocks_of_versions() {
    check_specs(
        "repo: O/r\nall: {test_cmd: pytest}\nspecs:\n- {versions: ['0.9..0.11', '1.0'], python: '3.9'}\n- {versions: ['1.1'], test_cmd: tox}",
        expect![[r#"
            o/r 0.10: 3.9 pytest
            o/r 0.11: 3.9 pytest
            o/r 0.9: 3.9 pytest
            o/r 1.0: 3.9 pytest
            o/r 1.1: - tox"#]],
    );
    check_specs(
        "repo: o/r\nspecs:\n- {versions: ['1.0'], pythn: '3.9'}",
        expect![
            "`r.yaml`: `o/r`, version `1.0`: unknown field `pythn`, expected one of `python`, `packages`, `pip_packages`, `pre_install`, `install`, `test_cmd`, `env_patches`, `eval_commands`, `no_use_env`, `nano_cpus`, `execute_test_as_nonroot`"
        ],
    );
    check_specs(
        "repo: o/r\nspecs:\n- {versions: ['1.0', '1.0']}",
        expect!["`r.yaml`: `o/r`: version `1.0` occurs twice"],
    );
    check_specs(
        "repo: o/r\nspecs:\n- {versions: ['1.0..2.3']}",
        expect!["`r.yaml`: `1.0..2.3` is not a range of versions"],
    );
    check_specs("repo: o/r\nspecs:\n- {python: '3.9'}", expect!["`r.yaml`: a block of specs without `versions`"]);
}

#[test]
fn an_unknown_version_is_told_the_nearest_ones() {
    let specs = Specs::parse([("r.yaml", "repo: o/r\nspecs:\n- {versions: ['1.0..1.3', '7.7']}")]).unwrap();
    expect![[r#"
        unknown version of `O/R`: `1.4`
        hint: did you mean `1.0`, `1.1`, `1.2`?"#]]
    .assert_eq(&specs.find("O/R", "1.4").unwrap_err());
    expect![[r#"
        unknown repository: `o/rr`
        hint: did you mean `o/r`?"#]]
    .assert_eq(&specs.find("o/rr", "1.4").unwrap_err());
    expect![[r#"
        unknown version of `o/r`: `2024.1`
        hint: there is `1.0`, `1.1`, `1.2`, `1.3`, `7.7`"#]]
    .assert_eq(&specs.find("o/r", "2024.1").unwrap_err());
    expect!["it has no version of `o/r`"].assert_eq(&specs.find("o/r", "").unwrap_err());
}
