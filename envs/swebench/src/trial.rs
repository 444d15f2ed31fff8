//! Runs other tests than the hidden ones on a patch.

use std::io::Cursor;

use env_core::{Dialect, EnvError, Failure, Trial, TrialRun, Tried};
use grading::markers::{APPLIED_PREDICTION, EXIT_CODE, OWN_START, OWN_TESTS, TESTS_END, TESTS_START, TESTS_TIMED_OUT};
use grading::{OwnTests, Parser, read_log};
use repo::apply;
use tool_core::{ExecEnd, FileError, Sandbox, SandboxError, shell_quote};

use crate::judge::run_script;

/// Makes a trial in `sandbox`, which must be fresh and is not stopped.
///
/// # Errors
/// Only when the sandbox is broken through no fault of what ran in it.
pub(crate) async fn attempt(
    sandbox: &dyn Sandbox,
    (tests, parser): (&OwnTests, Parser),
    trial: &Trial,
) -> Result<Tried, EnvError> {
    match attempt_in(sandbox, (tests, parser), trial).await {
        Err(EnvError::Sandbox(SandboxError::Damaged(how))) => {
            Ok(Tried { failure: Some(Failure::SandboxDamaged), output: how, ..Tried::default() })
        }
        tried => tried,
    }
}

async fn attempt_in(
    sandbox: &dyn Sandbox,
    (tests, parser): (&OwnTests, Parser),
    trial: &Trial,
) -> Result<Tried, EnvError> {
    let failed = |failure, output| Ok(Tried { failure: Some(failure), output, ..Tried::default() });
    if !trial.patch.is_empty() {
        if trial.patch.0.len() as u64 > sandbox.info().max_file {
            return failed(Failure::PatchNotApplied, "the patch is too large".to_owned());
        }
        let applied = apply(sandbox, Dialect::SweBench5, &trial.patch).await?;
        if !applied.success {
            return failed(Failure::PatchNotApplied, applied.log);
        }
    }
    for (path, text) in &trial.files {
        match sandbox.write_file(path, text.as_bytes(), None).await {
            Ok(()) => {}
            Err(FileError::Sandbox(err)) => return Err(err.into()),
            // The patch put something there, or the file has no place in this repository.
            Err(err) => return failed(Failure::TestsErrored, err.to_string()),
        }
    }
    // The frame of SWE-bench 5 holds the exit code, by which a log is known whose tests broke off.
    let mut log = format!("{OWN_START}{APPLIED_PREDICTION}\n{OWN_TESTS}").into_bytes();
    let head = log.len();
    let end = run_script(sandbox, &script(tests, &trial.run), trial.timeout, &mut log).await?;
    let output = String::from_utf8_lossy(log.get(head..).unwrap_or_default()).into_owned();
    if let ExecEnd::TimedOut(_) | ExecEnd::Silent(_) = end {
        return failed(Failure::TestsTimedOut, format!("{output}\n{TESTS_TIMED_OUT}\n"));
    }
    if let TrialRun::Command(_) = trial.run {
        let exit_code = if let ExecEnd::Exited(code) = end { Some(code) } else { None };
        let failure = exit_code.is_none().then_some(Failure::TestsErrored);
        return Ok(Tried { failure, exit_code, output, ..Tried::default() });
    }
    // Memory can always be read.
    let reading = read_log(Cursor::new(&log), parser, Dialect::SweBench5).map_err(SandboxError::lost)?;
    let failure = reading.statuses.as_ref().err().copied();
    Ok(Tried { failure, exit_code: None, statuses: reading.statuses.unwrap_or_default(), output })
}

/// Returns the script of a trial, with its output between the markers by which logs are read.
fn script(tests: &OwnTests, run: &TrialRun) -> String {
    let command = match run {
        TrialRun::Tests(files) => {
            let words: Vec<String> = files.iter().map(|file| shell_quote(&tests.naming.of(file))).collect();
            format!("{}{}{}", tests.before, words.join(" "), tests.after)
        }
        TrialRun::Command(command) => command.clone(),
    };
    let setup = &tests.setup;
    // The words of a log are printed by the tracing of bash, as in the official scripts.
    format!(
        "{setup}\nset -x\n: '{TESTS_START}'\n{command}\nown_exit_code=$?\n: '{TESTS_END}'\n\
         echo \"{EXIT_CODE}: $own_exit_code\"\nexit $own_exit_code\n"
    )
}
