//! Runs tests of the repository.

use std::time::Duration;

use tool_core::{Command, ExecEnd, Sandbox, ToolError, shell_quote};

use crate::config::TestsConfig;
use crate::files::relative;
use crate::spot::TOKEN;

/// A test file, and the test in it that is picked.
struct Picked {
    path: String,
    test: Option<String>,
}

/// Runs test files and returns the end of what they print, with how it ended.
///
/// # Errors
/// [`ToolError::Rejected`] for files that are not there.
pub(crate) async fn run_tests(
    files: &[String],
    config: &TestsConfig,
    sandbox: &dyn Sandbox,
) -> Result<String, ToolError> {
    let root = sandbox.info().root.clone();
    if files.is_empty() {
        return Err(ToolError::Rejected("name at least one file in `test_files`".to_owned()));
    }
    let mut paths = Vec::new();
    for file in files {
        let (path, test) = file.split_once("::").map_or((file.as_str(), None), |(path, test)| (path, Some(test)));
        paths.push(Picked { path: relative(path, &root)?, test: test.map(str::to_owned) });
    }
    let quoted: Vec<String> = paths.iter().map(|picked| shell_quote(&picked.path)).collect();
    let missing = format!(
        "cd -- {} && for file in {}; do [ -e \"$file\" ] || echo \"$file\"; done",
        shell_quote(&root),
        quoted.join(" ")
    );
    let missing = sandbox.exec(Command::fresh(missing)).await?.output;
    if let Some(first) = missing.lines().next() {
        return Err(ToolError::Rejected(format!("there is no `{first}`; name files that are there")));
    }
    let script = script(&paths, config, &root);
    let timeout = Duration::try_from_secs_f64(config.timeout).unwrap_or(Duration::from_secs(300));
    let output = sandbox.exec(Command::new(script).timeout(timeout)).await?;
    let ended = match output.end {
        ExecEnd::Exited(code) => format!("exit code {code}"),
        ExecEnd::TimedOut(_) | ExecEnd::Silent(_) => format!("killed after {} s", config.timeout),
        ExecEnd::Interrupted => "interrupted".to_owned(),
        ExecEnd::OutOfMemory => "killed: the sandbox is out of memory".to_owned(),
        ExecEnd::TooManyProcesses => "killed: too many processes".to_owned(),
        ExecEnd::DiskFull => "killed: no space left in the sandbox".to_owned(),
        ExecEnd::SyntaxError => "the command for tests is no valid shell command".to_owned(),
    };
    Ok(format!("{}\n[{ended}]", end_of(output.output.trim_end(), config.tokens * TOKEN)))
}

/// Returns the script that runs the tests the way the repository does. Files that Python makes on the way stay out of it.
fn script(paths: &[Picked], config: &TestsConfig, root: &str) -> String {
    let join = |each: &dyn Fn(&Picked) -> String| {
        paths.iter().map(|picked| shell_quote(&each(picked))).collect::<Vec<_>>().join(" ")
    };
    let picked = join(&|Picked { path, test }| test.as_ref().map_or(path.clone(), |test| format!("{path}::{test}")));
    let start = format!("cd -- {} && export PYTHONDONTWRITEBYTECODE=1", shell_quote(root));
    if let Some(command) = &config.command {
        return format!("{start} && {}", command.replace("{files}", &picked));
    }
    let labels = join(&|Picked { path, test }| label(path, test.as_deref()));
    // SymPy's own runner picks tests by the end of their name.
    let names: Vec<String> = paths.iter().filter_map(|Picked { test, .. }| test.clone()).collect();
    let names = names.iter().filter_map(|test| test.rsplit("::").next());
    let names: String = names.map(|name| format!(" -k {}", shell_quote(name))).collect();
    let files = join(&|Picked { path, .. }| path.clone());
    let modules = join(&|Picked { path, test }| dotted(path, test.as_deref()));
    format!(
        "{start} && python=$(command -v python || command -v python3)\n\
         if [ -f tests/runtests.py ]; then \"$python\" tests/runtests.py {labels}\n\
         elif [ -f bin/test ]; then \"$python\" bin/test -C{names} {files}\n\
         elif \"$python\" -c 'import pytest' 2>/dev/null; then \"$python\" -m pytest -q -rfE -p no:cacheprovider {picked}\n\
         else \"$python\" -m unittest {modules}; fi"
    )
}

/// Returns Django's name of a test file: dotted, below `tests`.
fn label(path: &str, test: Option<&str>) -> String {
    dotted(path.strip_prefix("tests/").unwrap_or(path), test)
}

/// Returns the name of a test file as a module.
fn dotted(path: &str, test: Option<&str>) -> String {
    let module = path.strip_suffix(".py").unwrap_or(path).replace('/', ".");
    test.map_or(module.clone(), |test| format!("{module}.{}", test.replace("::", ".")))
}

/// Returns the last lines of a text, as many as fit; of the last one at least its end.
fn end_of(text: &str, bytes: usize) -> String {
    let mut left = bytes;
    let fits = |line: &&str| {
        let fits = line.len() < left;
        left = left.saturating_sub(line.len() + 1);
        fits
    };
    let mut kept: Vec<&str> = text.lines().rev().take_while(fits).collect();
    if let (true, Some(last)) = (kept.is_empty(), text.lines().next_back()) {
        let start = (last.len().saturating_sub(bytes)..).find(|at| last.is_char_boundary(*at)).unwrap_or_default();
        kept.push(last.get(start..).unwrap_or_default());
    }
    let omitted = text.lines().count() - kept.len();
    kept.reverse();
    let note = if omitted > 0 { format!("({omitted} lines before this are left out)\n") } else { String::new() };
    note + &kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_name_that_its_runner_knows() {
        assert_eq!(label("tests/forms_tests/tests/test_forms.py", None), "forms_tests.tests.test_forms");
        assert_eq!(label("tests/lookup/tests.py", Some("LookupTests::test_in")), "lookup.tests.LookupTests.test_in");
    }

    #[test]
    fn the_end_of_a_long_output_is_shown() {
        assert_eq!(end_of("a\nb\nc", 100), "a\nb\nc");
        assert_eq!(end_of("aaaa\nbb\ncc", 6), "(1 lines before this are left out)\nbb\ncc");
        assert_eq!(end_of("", 6), "");
        assert_eq!(end_of("a\nbbbbäcc", 4), "(1 lines before this are left out)\näcc");
    }

    #[test]
    fn each_runner_is_named_what_it_knows() {
        let picked = |path: &str, test: Option<&str>| Picked { path: path.to_owned(), test: test.map(str::to_owned) };
        let paths = [picked("tests/a b.py", None), picked("tests/c.py", Some("C::test_d"))];
        let script = script(&paths, &TestsConfig::default(), "/testbed");
        for part in [
            "tests/runtests.py 'a b' 'c.C.test_d'\n",
            "bin/test -C -k 'test_d' 'tests/a b.py' 'tests/c.py'\n",
            "-p no:cacheprovider 'tests/a b.py' 'tests/c.py::C::test_d'\n",
            "-m unittest 'tests.a b' 'tests.c.C.test_d';",
        ] {
            assert!(script.contains(part), "{part}: {script}");
        }
        let config = TestsConfig { command: Some("tox -- {files}".to_owned()), ..TestsConfig::default() };
        assert!(
            super::script(&paths, &config, "/testbed").ends_with("&& tox -- 'tests/a b.py' 'tests/c.py::C::test_d'")
        );
    }
}
