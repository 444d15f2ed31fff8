//! A patch without its tests, and its tests.

use crate::patch::{FileChange, Kind, shape};

/// A patch in two, which change different files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// What changes the program.
    pub(super) source: String,
    /// What changes tests, and scripts that were left behind, file by file.
    pub(super) tests: Vec<(FileChange, String)>,
}

/// Takes a patch apart. What stands before its first file is left out.
pub(super) fn split(patch: &str) -> Split {
    let mut split = Split::default();
    for section in sections(patch) {
        let files = shape(&section);
        match files.as_slice() {
            [file] if is_test(&file.path) || file.kind() == Kind::Scratch => {
                split.tests.push((file.clone(), section));
            }
            _ => split.source += &section,
        }
    }
    split
}

/// Returns the parts of a patch, one a file.
fn sections(patch: &str) -> Vec<String> {
    let lines: Vec<&str> = patch.split_inclusive('\n').collect();
    let is_git = lines.iter().any(|line| line.starts_with("diff --git "));
    let mut sections: Vec<String> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        let begins = match is_git {
            true => line.starts_with("diff --git "),
            false => line.starts_with("--- ") && next.starts_with("+++ "),
        };
        if begins {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            *section += line;
            if !line.ends_with('\n') {
                section.push('\n');
            }
        }
    }
    sections
}

/// Returns whether a path is that of a test or of what tests need. A package named `test` or `testing` inside another one,
/// as Django's, is part of the program.
pub(super) fn is_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_named =
        stem.starts_with("test_") || stem.ends_with("_test") || matches!(stem, "tests" | "test" | "conftest");
    is_named
        || folder.split('/').any(|part| part == "tests")
        || matches!(folder.split('/').next(), Some("test" | "testing"))
}

/// Returns whether a test command can be given a file.
pub(super) fn is_runnable(path: &str) -> bool {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let Some(stem) = name.strip_suffix(".py") else { return false };
    stem.starts_with("test_") || stem.ends_with("_test") || matches!(stem, "tests" | "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_falls_into_the_program_and_its_tests() {
        let one = |path: &str, new: bool| {
            let (mode, old) =
                if new { ("new file mode 100644\n", "/dev/null".to_owned()) } else { ("", format!("a/{path}")) };
            format!("diff --git a/{path} b/{path}\n{mode}--- {old}\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n")
        };
        let patch = one("pkg/a.py", false) + &one("pkg/tests/test_a.py", false) + &one("reproduce.py", true);
        let Split { source, tests } = split(&format!("a word before\n{patch}"));
        assert_eq!(source, one("pkg/a.py", false));
        let paths: Vec<&str> = tests.iter().map(|(file, _)| file.path.as_str()).collect();
        assert_eq!(paths, ["pkg/tests/test_a.py", "reproduce.py"]);
        // Names of modules that have a word of scripts in them.
        let modules = one("pkg/dispatch.py", true) + &one("pkg/templates.py", true);
        assert_eq!(split(&modules), Split { source: modules, tests: Vec::new() });
        let plain =
            "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n--- a/tests/y.py\n+++ b/tests/y.py\n@@ -1 +1 @@\n-a\n+b";
        assert_eq!(split(plain).tests.len(), 1);
    }

    #[test]
    fn packages_for_testing_are_part_of_the_program() {
        for (path, expected) in [
            ("django/test/client.py", false),
            ("numpy/testing/utils.py", false),
            ("pkg/latest.py", false),
            ("testing/test_mark.py", true),
            ("tests/admin/models.py", true),
            ("test_requests.py", true),
            ("pkg/conftest.py", true),
        ] {
            assert_eq!(is_test(path), expected, "{path}");
        }
    }
}
