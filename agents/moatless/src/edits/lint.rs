//! Errors that an edit brings into a file.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tool_core::{Command, Sandbox, Texts, ToolError, shell_quote};

const SCRIPT: &str = include_str!("lint.py");
const TIMEOUT: Duration = Duration::from_secs(90);
/// Most errors that are reported.
const MOST: usize = 10;

/// A line of what the script prints.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    By { by: String },
    Problem(Problem),
}

/// An error of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Problem {
    code: String,
    message: String,
    line: usize,
}

/// What was found, and by whom.
#[derive(Debug, PartialEq, Eq)]
struct Findings {
    by: String,
    problems: Vec<Problem>,
}

/// Makes a change, and returns the errors that it brought into a file; `None` where nobody could look, or unless
/// `wanted`.
///
/// # Errors
/// That of the change, or a broken sandbox.
pub(crate) async fn around(
    path: &str,
    wanted: bool,
    sandbox: &dyn Sandbox,
    change: impl Future<Output = Result<(), ToolError>>,
    texts: &dyn Texts,
) -> Result<Option<Vec<String>>, ToolError> {
    if !wanted || !edit::is_python(path) {
        return change.await.map(|()| None);
    }
    let before = look(path, sandbox).await?;
    change.await?;
    Ok(look(path, sandbox).await?.and_then(|after| new_problems(before.as_ref(), &after, texts)))
}

/// Asks Pylint, or the interpreter itself; `None` where there is no such file or no Python to ask.
async fn look(path: &str, sandbox: &dyn Sandbox) -> Result<Option<Findings>, ToolError> {
    let root = shell_quote(&sandbox.info().root);
    let path = shell_quote(path);
    // The script comes by standard input, so that nothing is left in the repository; it is kept from the repository's
    // own modules. An old `python` may be Python 2.
    let script = format!(
        "cd -- {root} && [ -f {path} ] && for python in python python3; do\n\
         \"$python\" -I -B -c 'import sys; sys.exit(sys.version_info < (3, 5))' 2>/dev/null || continue\n\
         \"$python\" -I -B - {path} 2>/dev/null <<'END_OF_LINT'\n{SCRIPT}\nEND_OF_LINT\nbreak\ndone"
    );
    let output = sandbox.exec(Command::new(script).timeout(TIMEOUT)).await?;
    Ok(read(&output.output).filter(|_| output.success()))
}

fn read(printed: &str) -> Option<Findings> {
    let mut found: Option<Findings> = None;
    for line in printed.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        match (line, &mut found) {
            (Line::By { by }, _) => found = Some(Findings { by, problems: Vec::new() }),
            (Line::Problem(problem), Some(found)) => found.problems.push(problem),
            (Line::Problem(_), None) => {}
        }
    }
    found
}

/// Returns the errors that were not there before, for a reader; `None` where the two looks cannot be compared. Lines
/// move, so that an error is known by its words.
fn new_problems(before: Option<&Findings>, after: &Findings, texts: &dyn Texts) -> Option<Vec<String>> {
    if before.is_some_and(|before| before.by != after.by) {
        return None;
    }
    let mut known: HashMap<(&str, String), usize> = HashMap::new();
    for problem in before.iter().flat_map(|before| &before.problems) {
        *known.entry((&problem.code, words(problem))).or_default() += 1;
    }
    let mut new = Vec::new();
    for problem in &after.problems {
        match known.get_mut(&(problem.code.as_str(), words(problem))) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                let values = json!({ "line": problem.line, "message": problem.message, "code": problem.code });
                new.push(texts.render("moatless/lint_error", values));
            }
        }
    }
    new.truncate(MOST);
    Some(new)
}

/// Returns what an error says, but for the numbers of lines in it.
fn words(problem: &Problem) -> String {
    problem.message.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(by: &str, problems: &[(&str, usize)]) -> Findings {
        let problem = |(message, line): &(&str, usize)| Problem {
            code: "E0602".to_owned(),
            message: (*message).to_owned(),
            line: *line,
        };
        Findings { by: by.to_owned(), problems: problems.iter().map(problem).collect() }
    }

    #[test]
    fn only_errors_that_were_not_there_are_told() {
        let texts = crate::texts();
        let before = findings("pylint", &[("a, see line 3", 1), ("b", 2)]);
        let after = findings("pylint", &[("a, see line 9", 7), ("b", 9), ("b", 10), ("c", 11)]);
        assert_eq!(new_problems(Some(&before), &after, &texts).unwrap(), ["line 10: b (E0602)", "line 11: c (E0602)"]);
        assert_eq!(new_problems(None, &findings("pylint", &[]), &texts), Some(Vec::new()));
        assert_eq!(new_problems(Some(&before), &findings("python", &[("c", 1)]), &texts), None);
    }

    #[test]
    fn what_the_script_prints_is_read() {
        let printed = "noise\n{\"by\": \"python\"}\n{\"code\": \"E0602\", \"message\": \"a\", \"line\": 1}\n";
        assert_eq!(read(printed), Some(findings("python", &[("a", 1)])));
        assert_eq!(read(""), None);
    }
}
