//! The tool that runs a command in the persistent shell.

use std::fmt::Write;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::{Command, ExecEnd, ExecOutput, Observation, Sandbox, Texts, Tool, ToolError};

/// Runs a command in the persistent shell of the sandbox.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bash;

/// Arguments of `bash`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct BashArgs {
    /// The bash command to run. It may have several lines.
    pub command: String,
}

impl Tool for Bash {
    const NAME: &'static str = "bash";
    type Args = BashArgs;

    async fn call(&self, args: BashArgs, sandbox: &dyn Sandbox, texts: &dyn Texts) -> Result<Observation, ToolError> {
        let command = args.command.trim();
        if command.is_empty() || ["ctrl+c", "ctrl-c", "c-c", "^c"].contains(&command.to_ascii_lowercase().as_str()) {
            return Ok(Observation::error(texts.plain("bash/nothing_runs")));
        }
        let output = sandbox.exec(Command::new(args.command)).await?;
        Ok(Observation {
            text: describe(&output, texts),
            is_error: output.end == ExecEnd::SyntaxError,
            exit_code: Some(output.exit_code()),
        })
    }
}

/// Returns what the model reads of a command: its output, then a line for each thing out of the ordinary.
fn describe(output: &ExecOutput, texts: &dyn Texts) -> String {
    let mut text = output.output.trim_end_matches('\n').to_owned();
    let mut note = |name: &str, values: Value| {
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to a String does not fail.
        let _ = write!(text, "{gap}[{}]", texts.render(name, values));
    };
    // As `{}` writes it: a whole number of seconds has no point.
    let seconds = |limit: Duration| json!({ "seconds": limit.as_secs_f64().to_string() });
    match output.end {
        ExecEnd::Exited(0) if output.output.trim().is_empty() && !output.restarted => {
            note("bash/no_output", json!({}));
        }
        ExecEnd::Exited(0) => {}
        ExecEnd::Exited(code) => note("bash/exit_code", json!({ "code": code })),
        ExecEnd::TimedOut(limit) => note("bash/timed_out", seconds(limit)),
        ExecEnd::Silent(limit) => note("bash/silent", seconds(limit)),
        ExecEnd::Interrupted => note("bash/interrupted", json!({})),
        ExecEnd::OutOfMemory => note("bash/out_of_memory", json!({})),
        ExecEnd::TooManyProcesses => note("bash/too_many_processes", json!({})),
        ExecEnd::DiskFull => note("bash/disk_full", json!({})),
        ExecEnd::SyntaxError => note("bash/syntax_error", json!({})),
    }
    if output.restarted {
        note("bash/restarted", json!({ "folder": output.cwd }));
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(output: &str, end: ExecEnd, restarted: bool, expected: Expect) {
        let output = ExecOutput {
            output: output.to_owned(),
            omitted: 0,
            end,
            restarted,
            cwd: "/repo".to_owned(),
            elapsed: Duration::ZERO,
        };
        let prompts = prompts::Prompts::new(std::collections::BTreeMap::new()).unwrap();
        let texts = |name: &str, values: Value| prompts.render(name, values).unwrap();
        expected.assert_eq(&describe(&output, &texts));
    }

    #[test]
    fn only_what_is_out_of_the_ordinary_is_told() {
        check("a\nb\n", ExecEnd::Exited(0), false, expect!["a\nb"]);
        check("", ExecEnd::Exited(0), false, expect!["[no output]"]);
        check("", ExecEnd::Exited(1), false, expect!["[exit code 1]"]);
        check(
            "a\n",
            ExecEnd::Exited(7),
            true,
            expect![[r#"
                a
                [exit code 7]
                [the shell was restarted in /repo; exported variables are kept, other variables, functions, options and jobs are lost]"#]],
        );
        check(
            "a\n",
            ExecEnd::TimedOut(Duration::from_millis(1500)),
            true,
            expect![[r#"
                a
                [killed after 1.5 s with all processes it started; run long work in the background with its output in a file]
                [the shell was restarted in /repo; exported variables are kept, other variables, functions, options and jobs are lost]"#]],
        );
        check(
            "",
            ExecEnd::OutOfMemory,
            true,
            expect![[r#"
                [killed: the sandbox is out of memory]
                [the shell was restarted in /repo; exported variables are kept, other variables, functions, options and jobs are lost]"#]],
        );
        check(
            "",
            ExecEnd::TooManyProcesses,
            false,
            expect!["[killed: too many processes; everything that ran in the sandbox was killed]"],
        );
        check(
            "bash: oops\n",
            ExecEnd::SyntaxError,
            false,
            expect![[r#"
            bash: oops
            [syntax error: nothing was run]"#]],
        );
    }
}
