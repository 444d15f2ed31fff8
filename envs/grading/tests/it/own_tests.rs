//! What an evaluation script says of how tests are run, without the test patch.

use env_core::Instance;
use grading::{Naming, OwnTests};

fn instance(repo: &str) -> Instance {
    let text = String::new;
    Instance {
        instance_id: "a__b-1".to_owned(),
        repo: repo.to_owned(),
        base_commit: "abc".to_owned(),
        problem_statement: text(),
        hints_text: text(),
        version: text(),
    }
}

const PATCH: &str = "diff --git a/tests/test_a.py b/tests/test_a.py\n--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1 +1,2 @@\n x\n+hidden\n";

fn script(command: &str, is_marked: bool) -> String {
    let [start, end] =
        if is_marked { [": '>>>>> Start Test Output'\n", ": '>>>>> End Test Output'\n"] } else { ["", ""] };
    format!(
        "#!/bin/bash\nset -x\ncd /testbed\npip install -e .\ngit checkout abc tests/test_a.py\ngit apply -v - <<'EOF_1'\n{PATCH}\nEOF_1\n\
         {start}{command}\n{end}git checkout abc tests/test_a.py\n"
    )
}

#[test]
fn a_script_gives_its_setup_and_command_and_nothing_of_the_test_patch() {
    for (repo, command, before, after, naming) in [
        ("a/b", "pytest -rA tests/test_a.py", "pytest -rA ", "", Naming::Path),
        ("a/b", "tox -epy39 -v -- 'tests/test_a.py'", "tox -epy39 -v -- ", "", Naming::Path),
        ("a/b", "bin/test tests/test_a.py | sed x", "bin/test ", " | sed x", Naming::Path),
        ("a/b", "pytest -rA", "pytest -rA ", "", Naming::Path),
        ("django/django", "./tests/runtests.py test_a", "./tests/runtests.py ", "", Naming::Django),
    ] {
        for is_marked in [true, false] {
            let own = OwnTests::of_script(&instance(repo), &script(command, is_marked), PATCH).unwrap();
            let setup = "#!/bin/bash\nset -x\ncd /testbed\npip install -e .".to_owned();
            let expected = OwnTests { setup, before: before.to_owned(), after: after.to_owned(), naming };
            assert_eq!(own, expected, "{command}");
        }
    }
}

#[test]
fn what_has_no_command_for_files_is_refused() {
    let refused = |repo: &str, script: &str| OwnTests::of_script(&instance(repo), script, PATCH).unwrap_err();
    assert!(refused("python/mypy", &script("pytest -k a", true)).contains("by case"));
    assert!(refused("a/b", "pytest tests").contains("applies no test patch"));
    assert!(refused("a/b", "git apply -v - <<'EOF'\nnever closed\n").contains("no test command"));
}

#[test]
fn files_are_named_as_the_command_wants_them() {
    assert_eq!(Naming::Module.of("tests/test_a.py"), "tests.test_a");
    assert_eq!(Naming::Django.of("tests/forms/tests.py"), "forms.tests");
    assert_eq!(Naming::Path.of("tests/test_a.py"), "tests/test_a.py");
}
