//! Judges a patch in a fresh sandbox: apply, run the tests, read the log.

use std::io::Cursor;
use std::time::Duration;

use env_core::{EnvError, Failure, Judging, Patch, Report, Verdict, sha256};
use grading::markers::{APPLIED_PREDICTION, APPLY_FAILED, OWN_START, OWN_TESTS, TESTS_TIMED_OUT};
use grading::{GradingSpec, TestSpec, conclude, read_log};
use repo::{apply, read_scratch, scratch_path, write_scratch};
use tool_core::{Command, ExecEnd, Image, Sandbox, SandboxError, shell_quote};

/// Version of how patches are judged. It is raised when a verdict may come out otherwise than before.
const VERSION: u32 = 3;

/// Version of how patches are judged strictly, for which the same holds.
const STRICT_VERSION: u32 = 3;

/// Returns 64 hex digits that change with anything that can change a verdict, but for the patch and what an image holds
/// under the same name.
pub(crate) fn judging_key(
    tests: &TestSpec,
    image: &Image,
    limits: &str,
    judging: Judging,
    gold: Option<&Patch>,
) -> String {
    let GradingSpec { dialect, parser, eval_type, fail_to_pass, pass_to_pass } = &tests.grading;
    let rules = format!("{dialect:?} {parser:?} {eval_type:?} {fail_to_pass:?} {pass_to_pass:?}");
    let text = format!("{VERSION}\0{limits}\0{image:?}\0{rules}\0{:?}\0{}", tests.timeout, tests.eval_script);
    // Official keys stay what they were before there was another way of judging.
    let text = match judging {
        Judging::Official => text,
        Judging::Strict => format!("{text}\0strict {STRICT_VERSION}\0{}", gold.map(Patch::digest).unwrap_or_default()),
    };
    sha256(text)
}

/// Judges `patch` in `sandbox`, which must be fresh and is not stopped. An empty patch is not applied; the tests run.
///
/// # Errors
/// Only when the sandbox is broken through no fault of what ran in it; whatever the patch does wrong is in the
/// [`Verdict`].
pub async fn judge(sandbox: &dyn Sandbox, tests: &TestSpec, patch: &Patch) -> Result<Verdict, EnvError> {
    judge_with(sandbox, (tests, &tests.eval_script), patch).await
}

/// Judges a patch as [`judge`] does, with a script that is almost that of the tests.
pub(crate) async fn judge_with(
    sandbox: &dyn Sandbox,
    (tests, script): (&TestSpec, &str),
    patch: &Patch,
) -> Result<Verdict, EnvError> {
    let mut log = OWN_START.as_bytes().to_vec();
    match judge_in(sandbox, (tests, script), patch, &mut log).await {
        Err(EnvError::Sandbox(SandboxError::Damaged(how))) => Ok(damaged(log, patch, &how)),
        judged => judged,
    }
}

/// Judges a patch, with all that is said of it appended to `log`, which is handed out with the verdict.
async fn judge_in(
    sandbox: &dyn Sandbox,
    (tests, script): (&TestSpec, &str),
    patch: &Patch,
    log: &mut Vec<u8>,
) -> Result<Verdict, EnvError> {
    if patch.0.len() as u64 > sandbox.info().max_file {
        log.extend(format!("the patch has more than {} bytes\n", sandbox.info().max_file).into_bytes());
        return Ok(not_applied(std::mem::take(log)));
    }
    if patch.is_empty() {
        log.extend_from_slice(b"the patch is empty\n");
    } else {
        let applied = apply(sandbox, tests.grading.dialect, patch).await?;
        log.extend(applied.log.into_bytes());
        log.extend_from_slice(if applied.success { APPLIED_PREDICTION } else { APPLY_FAILED }.as_bytes());
        if !applied.success {
            log.push(b'\n');
            return Ok(not_applied(std::mem::take(log)));
        }
    }
    if !log.ends_with(b"\n") {
        log.push(b'\n');
    }
    log.extend_from_slice(OWN_TESTS.as_bytes());
    let out_of_memory = run_tests(sandbox, (script, tests.timeout), log).await?;
    // Memory can always be read.
    let reading =
        read_log(Cursor::new(&*log), tests.grading.parser, tests.grading.dialect).map_err(SandboxError::lost)?;
    let report = Report { patch_exists: !patch.is_empty(), ..conclude(&reading, &tests.grading) };
    let failure = reading.statuses.as_ref().err().copied();
    let statuses = reading.statuses.unwrap_or_default();
    let test_output = std::mem::take(log);
    Ok(Verdict { report, failure, infra: reading.infra, out_of_memory, statuses, test_output, ..Verdict::default() })
}

/// Returns the verdict on a patch of which something broke the sandbox.
pub(crate) fn damaged(mut test_output: Vec<u8>, patch: &Patch, how: &str) -> Verdict {
    test_output.extend(format!("\nthe sandbox was broken by what ran in it: {how}\n").into_bytes());
    let report = Report { patch_exists: !patch.is_empty(), ..Report::default() };
    Verdict { report, failure: Some(Failure::SandboxDamaged), test_output, ..Verdict::default() }
}

/// Returns the verdict on a patch that does not apply.
pub(crate) fn not_applied(test_output: Vec<u8>) -> Verdict {
    let report = Report { patch_exists: true, ..Report::default() };
    Verdict { report, failure: Some(Failure::PatchNotApplied), test_output, ..Verdict::default() }
}

/// Runs the evaluation script and appends its output, and after it the official words when the time was up; returns
/// whether memory was.
async fn run_tests(
    sandbox: &dyn Sandbox,
    (script, timeout): (&str, Duration),
    log: &mut Vec<u8>,
) -> Result<bool, EnvError> {
    let end = run_script(sandbox, script, timeout, log).await?;
    if let ExecEnd::TimedOut(_) | ExecEnd::Silent(_) = end {
        let seconds = timeout.as_secs();
        log.extend(format!("\n\nTimeout error: {seconds} seconds exceeded.\n{TESTS_TIMED_OUT}\n").into_bytes());
    }
    Ok(end == ExecEnd::OutOfMemory)
}

/// Runs a script in the repository, appends its output and returns how it ended.
pub(crate) async fn run_script(
    sandbox: &dyn Sandbox,
    script: &str,
    timeout: Duration,
    log: &mut Vec<u8>,
) -> Result<ExecEnd, EnvError> {
    let script = write_scratch(sandbox, "eval.sh", script.as_bytes()).await?;
    let command = format!(
        "cd {} || exit\n/bin/bash {} > {} 2>&1 < /dev/null",
        shell_quote(&sandbox.info().root),
        shell_quote(&script),
        shell_quote(&scratch_path(sandbox, OUTPUT)),
    );
    let output = sandbox.exec(Command::fresh(command).timeout(timeout)).await?;
    read_scratch(sandbox, OUTPUT, log).await?;
    Ok(output.end)
}

/// The file that takes the output of the evaluation script.
const OUTPUT: &str = "test_output.txt";

/// Stops a sandbox. That it could not be removed must not hide what happened in it: it carries the run's label, by
/// which it is found later.
pub(crate) async fn stop(sandbox: &dyn Sandbox) {
    let _ = sandbox.stop().await;
}
