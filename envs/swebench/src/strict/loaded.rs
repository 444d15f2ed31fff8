//! Which files a test run loads by itself.

/// Why a file is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loaded {
    /// It holds tests. Those that count come with the instance.
    Test,
    /// The test runner, the interpreter or git reads it.
    Setup,
    /// It is no source: a link, another repository, compiled.
    Foreign,
}

/// Names that test runners, the interpreter, installers or git look for.
const NAMES: [&str; 23] = [
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "pytest.toml",
    ".pytest.toml",
    "tox.ini",
    // Tox reads one beside it, by either name.
    "toxfile.py",
    "\u{2623}.py",
    "setup.cfg",
    "setup.py",
    "pyproject.toml",
    "sitecustomize.py",
    "usercustomize.py",
    "pyvenv.cfg",
    ".coveragerc",
    ".gitattributes",
    ".gitmodules",
    "noxfile.py",
    "unittest.cfg",
    "Makefile",
    "versioneer.py",
    "setupext.py",
    "setup_package.py",
];

/// Endings of what is loaded as code and is none that can be read.
const COMPILED: [&str; 9] = [".pyc", ".pyo", ".so", ".pyd", ".dll", ".dylib", ".egg", ".whl", ".zip"];

/// Folders of tests.
const TESTS: [&str; 8] = ["test", "tests", "testing", "test-data", "testdata", "test_data", "fixtures", "_fixtures"];

/// Modules and packages that make the assertions of tests, or run them.
const ASSERTIONS: [&str; 11] = [
    "testing",
    "_testing",
    "testutils",
    "test_utils",
    "test_util",
    "runtests",
    "pytestplugin",
    "pytest_plugin",
    "_hypothesis_pytestplugin",
    "pytest",
    "unittest",
];

/// Modules of the standard library and of test runners that a file at the root of the sources would stand before.
const SHADOWED: [&str; 46] = [
    "_pytest",
    "pytest",
    "pluggy",
    "py",
    "iniconfig",
    "unittest",
    "unittest2",
    "nose",
    "mock",
    "doctest",
    "abc",
    "argparse",
    "ast",
    "asyncio",
    "atexit",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "functools",
    "inspect",
    "io",
    "itertools",
    "json",
    "linecache",
    "logging",
    "math",
    "operator",
    "os",
    "pathlib",
    "pickle",
    "pprint",
    "random",
    "re",
    "reprlib",
    "string",
    "sys",
    "tempfile",
    "time",
    "traceback",
    "types",
    "warnings",
];

/// Returns why a file is put back unless the gold patch touches it; `None` for one that is none of these. `script` is the
/// [`commands`] of the evaluation script, which may name it.
pub(super) fn why_loaded(path: &str, is_new: bool, is_link: bool, script: &str) -> Option<Loaded> {
    let parts: Vec<&str> = path.split('/').collect();
    let name = parts.last().copied().unwrap_or_default();
    let folders = parts.get(..parts.len().saturating_sub(1)).unwrap_or_default();
    if is_link || COMPILED.iter().any(|ending| name.ends_with(ending)) {
        return Some(Loaded::Foreign);
    }
    let is_setup = NAMES.contains(&name)
        || [".pth", ".egg-link"].iter().any(|ending| name.ends_with(ending))
        || folders.iter().any(|folder| is_metadata(folder))
        || is_requirements(name, folders)
        || name.strip_suffix(".py").is_some_and(|module| ASSERTIONS.contains(&module))
        || (is_new && shadows(&parts))
        || names_file(script, path);
    if is_setup {
        return Some(Loaded::Setup);
    }
    let is_test =
        (name.starts_with("test_") && name.ends_with(".py")) || name.ends_with("_test.py") || name == "tests.py";
    if is_test {
        return Some(Loaded::Test);
    }
    folders.iter().any(|folder| TESTS.contains(folder) || ASSERTIONS.contains(folder)).then_some(Loaded::Setup)
}

/// Whether a folder holds what installers, interpreters or git keep beside sources.
fn is_metadata(folder: &str) -> bool {
    let endings = [".egg-info", ".dist-info"];
    // Installers read their names in any case.
    let folder = folder.to_lowercase();
    let folder = folder.as_str();
    [".git", "__pycache__", "site-packages", "bin", "build_helpers"].contains(&folder)
        || endings.iter().any(|ending| folder.ends_with(ending))
}

/// Whether a file says what an installer installs.
fn is_requirements(name: &str, folders: &[&str]) -> bool {
    let has = |word: &str| name.contains(word) || folders.last().is_some_and(|folder| folder.starts_with(word));
    [".txt", ".in", ".pip"].iter().any(|ending| name.ends_with(ending)) && (has("requirement") || has("constraint"))
}

/// Whether a new file is a module, or makes its folder one, that comes before one of the standard library.
fn shadows(parts: &[&str]) -> bool {
    let parts = match parts {
        ["src" | "lib", rest @ ..] => rest,
        parts => parts,
    };
    match parts {
        [file] => file.strip_suffix(".py").is_some_and(|module| SHADOWED.contains(&module)),
        [folder, "__init__.py"] => SHADOWED.contains(folder),
        _ => false,
    }
}

/// Returns the lines of a script that are none of its test patch.
pub(super) fn commands(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with(['+', '-', ' ', '@']));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whether a script runs or reads a file by its path.
fn names_file(script: &str, path: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || "'\"=;".contains(c));
    script.lines().any(|line| {
        line.match_indices(path).any(|(at, _)| {
            let before =
                line.get(..at).and_then(|before| before.strip_suffix("./").unwrap_or(before).chars().next_back());
            is_edge(before) && is_edge(line.get(at + path.len()..).and_then(|after| after.chars().next()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_test_run_loads_are_known() {
        let script = &commands("git diff\npython bin/test -C\n./run.sh\n+ code/named.py\n");
        for (path, is_new, wanted) in [
            ("conftest.py", false, Some(Loaded::Setup)),
            ("a/b/conftest.py", true, Some(Loaded::Setup)),
            ("pkg.egg-info/entry_points.txt", true, Some(Loaded::Setup)),
            (".git/hooks/post-checkout", true, Some(Loaded::Setup)),
            ("src/forging.Egg-Info/entry_points.txt", true, Some(Loaded::Setup)),
            ("toxfile.py", true, Some(Loaded::Setup)),
            ("sympy/utilities/runtests.py", false, Some(Loaded::Setup)),
            ("random.py", true, Some(Loaded::Setup)),
            ("src/unittest/__init__.py", true, Some(Loaded::Setup)),
            ("src/random.py", false, None),
            ("pkg/random.py", true, None),
            ("tests/test_a.py", false, Some(Loaded::Test)),
            ("tests/__init__.py", false, Some(Loaded::Setup)),
            ("tests/data/a.json", false, Some(Loaded::Setup)),
            ("pkg/mod.cpython-311.so", true, Some(Loaded::Foreign)),
            ("bin/test", false, Some(Loaded::Setup)),
            ("run.sh", false, Some(Loaded::Setup)),
            ("code/named.py", false, None),
            ("src/flask/testing.py", false, Some(Loaded::Setup)),
            ("pandas/_testing/asserters.py", false, Some(Loaded::Setup)),
            ("pylint/testutils/lint_module_test.py", false, Some(Loaded::Test)),
            ("pylint/testutils/checker.py", false, Some(Loaded::Setup)),
            ("mypy/test-data/unit/a.test", true, Some(Loaded::Setup)),
            ("Makefile", false, Some(Loaded::Setup)),
            ("pkg/versioneer.py", false, Some(Loaded::Setup)),
            ("build_helpers/build.py", false, Some(Loaded::Setup)),
            ("requirements/dev.txt", false, Some(Loaded::Setup)),
            ("ci/constraints-3.9.txt", true, Some(Loaded::Setup)),
            ("pkg/requirements.py", false, None),
            ("docs/notes.txt", true, None),
            ("README.md", false, None),
        ] {
            assert_eq!(why_loaded(path, is_new, false, script), wanted, "{path}");
        }
        assert_eq!(why_loaded("a.py", true, true, script), Some(Loaded::Foreign));
    }
}
