//! The bash script that applies the test patch and runs the tests, for rows that do not bring theirs.

use env_core::{Dialect, Instance};

use super::test_patch::{directives, mypy_cases, old_files, old_files_anywhere};
use crate::markers::{EXIT_CODE, TESTS_END, TESTS_START};
use crate::specs::Spec;

const ACTIVATE: [&str; 2] = ["source /opt/miniconda3/bin/activate", "conda activate testbed"];
const CD: &str = "cd /testbed";
const SAFE: &str = "git config --global --add safe.directory /testbed";
const END_OF_PATCH: &str = "EOF_114329324912";

/// Returns the script in the form of the official harness of that dialect.
///
/// # Errors
/// A text that says what the spec lacks.
pub fn eval_script(instance: &Instance, test_patch: &str, spec: &Spec, dialect: Dialect) -> Result<String, String> {
    let test_command = test_command(instance, test_patch, spec)?;
    let base = &instance.base_commit;
    let fork = dialect == Dialect::SweGym;
    let files = if fork { old_files_anywhere(test_patch) } else { old_files(test_patch) };
    let reset = format!("git checkout {base} {}", files.join(" "));
    let apply = format!("git apply -v - <<'{END_OF_PATCH}'\n{test_patch}\n{END_OF_PATCH}");
    let diff = if fork { format!("git diff {base}") } else { format!("git -c core.fileMode=false diff {base}") };
    // Without -e: the tests must be put back whatever happens before.
    let options = if fork { "set -xo pipefail" } else { "set -uxo pipefail" };
    let (start, end) = (format!(": '{TESTS_START}'"), format!(": '{TESTS_END}'"));

    let mut lines = vec!["#!/bin/bash", options];
    lines.extend(ACTIVATE);
    lines.push(CD);
    lines.extend(spec.eval_commands.iter().flatten().map(String::as_str));
    lines.extend([SAFE, CD, "git status", "git show", &diff]);
    lines.extend(ACTIVATE);
    lines.extend(spec.install.as_deref());
    lines.extend([reset.as_str(), &apply]);
    if fork {
        lines.push(&test_command);
    } else {
        lines.extend([start.as_str(), &test_command, &end]);
    }
    lines.push(&reset);
    Ok(lines.join("\n") + "\n")
}

/// Returns the command that runs the tests which the test patch touches.
fn test_command(instance: &Instance, test_patch: &str, spec: &Spec) -> Result<String, String> {
    let Some(command) = &spec.test_cmd else {
        return Err(format!("`{}` {} has no test command", instance.repo, instance.version));
    };
    if instance.repo.eq_ignore_ascii_case("python/mypy") {
        return Ok(format!("{command} \"{}\"", mypy_cases(test_patch).join(" or ")));
    }
    let mut words = vec![command.clone()];
    words.extend(directives(&instance.repo, test_patch));
    Ok(words.join(" "))
}

/// Returns a script that also records the exit code of its test command, by which SWE-bench 5 knows a forged log.
pub fn record_exit_code(script: &str) -> String {
    const VARIABLE: &str = "SWEBENCH_TEST_EXIT_CODE";
    let Some(marker) = script.find(TESTS_END) else { return script.to_owned() };
    let line_start = script[..marker].rfind('\n').map_or(0, |end| end + 1);
    let line_end = script[marker..].find('\n').map_or(script.len(), |end| marker + end);
    let (before, line, after) = (&script[..line_start], &script[line_start..line_end], &script[line_end..]);
    format!("{before}{VARIABLE}=$?\n{line}\necho \"{EXIT_CODE}: ${VARIABLE}\"{after}")
}
