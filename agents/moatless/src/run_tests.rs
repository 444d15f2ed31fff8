//! Runs tests of the repository.

use std::time::Duration;

use serde_json::json;
use tool_core::{Command, ExecEnd, Sandbox, Texts, ToolError, shell_quote};

use crate::config::TestsConfig;
use crate::edit_target::TOKEN;
use crate::files::relative;

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
    texts: &dyn Texts,
) -> Result<String, ToolError> {
    let root = sandbox.info().root.clone();
    if files.is_empty() {
        return Err(ToolError::Rejected(texts.plain("moatless/test_files_missing")));
    }
    let mut paths = Vec::new();
    for file in files {
        let (path, test) = file.split_once("::").map_or((file.as_str(), None), |(path, test)| (path, Some(test)));
        paths.push(Picked { path: relative(path, &root, texts)?, test: test.map(str::to_owned) });
    }
    let quoted: Vec<String> = paths.iter().map(|picked| shell_quote(&picked.path)).collect();
    let missing = format!(
        "cd -- {} && for file in {}; do [ -e \"$file\" ] || echo \"$file\"; done",
        shell_quote(&root),
        quoted.join(" ")
    );
    let missing = sandbox.exec(Command::fresh(missing)).await?.output;
    if let Some(first) = missing.lines().next() {
        return Err(ToolError::Rejected(texts.render("moatless/no_test_file", json!({ "path": first }))));
    }
    let script = script(&paths, config, &root);
    let timeout = Duration::try_from_secs_f64(config.timeout).unwrap_or(Duration::from_secs(300));
    let output = sandbox.exec(Command::new(script).timeout(timeout)).await?;
    let ended = match output.end {
        ExecEnd::Exited(code) => texts.render("moatless/tests_exited", json!({ "code": code })),
        ExecEnd::TimedOut(_) | ExecEnd::Silent(_) => {
            // As `{}` writes it: a whole number of seconds has no point.
            texts.render("moatless/tests_timed_out", json!({ "seconds": config.timeout.to_string() }))
        }
        ExecEnd::Interrupted => texts.plain("moatless/tests_interrupted"),
        ExecEnd::OutOfMemory => texts.plain("moatless/tests_out_of_memory"),
        ExecEnd::TooManyProcesses => texts.plain("moatless/tests_too_many_processes"),
        ExecEnd::DiskFull => texts.plain("moatless/tests_disk_full"),
        ExecEnd::SyntaxError => texts.plain("moatless/tests_syntax_error"),
    };
    Ok(format!("{}\n[{ended}]", end_of(output.output.trim_end(), config.tokens * TOKEN, texts)))
}

/// Returns the script that runs the tests the way the repository does. Files that Python makes on the way stay out of
/// it.
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
fn end_of(text: &str, bytes: usize, texts: &dyn Texts) -> String {
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
    if omitted == 0 {
        return kept.join("\n");
    }
    texts.render("moatless/tests_cut", json!({ "omitted": omitted })) + "\n" + &kept.join("\n")
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
        let texts = crate::texts();
        assert_eq!(end_of("a\nb\nc", 100, &texts), "a\nb\nc");
        assert_eq!(end_of("aaaa\nbb\ncc", 6, &texts), "(1 lines before this are omitted)\nbb\ncc");
        assert_eq!(end_of("", 6, &texts), "");
        assert_eq!(end_of("a\nbbbbäcc", 4, &texts), "(1 lines before this are omitted)\näcc");
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
