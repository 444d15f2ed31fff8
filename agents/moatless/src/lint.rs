//! Errors that an edit brings into a file.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use tool_core::{Command, Sandbox, ToolError, shell_quote};

const SCRIPT: &str = include_str!("lint.py");
const TIMEOUT: Duration = Duration::from_secs(90);
/// Errors told at most.
const MOST: usize = 10;

/// An error of a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Problem {
    code: String,
    message: String,
    line: usize,
}

/// Makes a change, and returns the errors that it brought into a file; none unless `wanted`.
///
/// # Errors
/// That of the change, or a broken sandbox.
pub(crate) async fn around(
    path: &str,
    wanted: bool,
    sandbox: &dyn Sandbox,
    change: impl Future<Output = Result<(), ToolError>>,
) -> Result<Vec<String>, ToolError> {
    if !wanted {
        return change.await.map(|()| Vec::new());
    }
    let before = problems(path, sandbox).await?;
    change.await?;
    Ok(new_problems(&before, &problems(path, sandbox).await?))
}

/// Returns the errors of a Python file, by Pylint or by the interpreter itself; none where there is no such file, or no
/// Python to ask.
async fn problems(path: &str, sandbox: &dyn Sandbox) -> Result<Vec<Problem>, ToolError> {
    if !edit::is_python(path) {
        return Ok(Vec::new());
    }
    let root = shell_quote(&sandbox.info().root);
    // The script comes by standard input, so that nothing is left in the repository.
    let script = format!(
        "cd -- {root} && python=$(command -v python || command -v python3) && \
         PYTHONDONTWRITEBYTECODE=1 \"$python\" - {} 2>/dev/null <<'END_OF_LINT'\n{SCRIPT}\nEND_OF_LINT\n",
        shell_quote(path)
    );
    let output = sandbox.exec(Command::new(script).timeout(TIMEOUT)).await?;
    Ok(output.output.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// Returns the errors that were not there before, for a reader. Lines move, so that an error is known by its words.
fn new_problems(before: &[Problem], after: &[Problem]) -> Vec<String> {
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    for problem in before {
        *known.entry((&problem.code, &problem.message)).or_default() += 1;
    }
    let mut new = Vec::new();
    for problem in after {
        match known.get_mut(&(problem.code.as_str(), problem.message.as_str())) {
            Some(count) if *count > 0 => *count -= 1,
            _ => new.push(format!("line {}: {} ({})", problem.line, problem.message, problem.code)),
        }
    }
    new.truncate(MOST);
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_were_not_there_are_told() {
        let problem = |message: &str, line| Problem { code: "E0602".to_owned(), message: message.to_owned(), line };
        let before = [problem("a", 1), problem("b", 2)];
        let after = [problem("b", 9), problem("b", 10), problem("c", 11)];
        assert_eq!(new_problems(&before, &after), ["line 10: b (E0602)", "line 11: c (E0602)"]);
    }
}
