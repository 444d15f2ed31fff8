//! Judges a patch in a fresh sandbox: apply, run the tests, read the log.

use std::io::Cursor;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tool_core::{Command, ExecEnd, Image, Sandbox, SandboxError, shell_quote};

use crate::apply::apply;
use crate::markers::{OWN_START, OWN_TESTS, TESTS_TIMED_OUT};
use crate::scratch::{read_scratch, scratch_path, write_scratch};
use crate::{EnvError, Evaluation, Failure, GradingSpec, Patch, Report, conclude, read_log};

/// Version of how patches are judged. It is raised when a verdict may come out otherwise than before.
const VERSION: u32 = 3;

/// What a patch is judged by.
pub struct Judging {
    /// The bash script that applies the test patch and runs the tests.
    pub eval_script: String,
    /// How its log is read.
    pub grading: GradingSpec,
    /// How long the script may take.
    pub timeout: Duration,
}

impl Judging {
    /// Returns 64 hex digits that change with anything that can change a verdict, but for the patch and what an image holds
    /// under the same name.
    pub(crate) fn key(&self, image: &Image, limits: &str) -> String {
        let GradingSpec { dialect, parser, eval_type, fail_to_pass, pass_to_pass } = &self.grading;
        let rules = format!("{dialect:?} {parser:?} {eval_type:?} {fail_to_pass:?} {pass_to_pass:?}");
        let text = format!("{VERSION}\0{limits}\0{image:?}\0{rules}\0{:?}\0{}", self.timeout, self.eval_script);
        Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Judges `patch` in `sandbox`, which must be fresh and is not stopped. An empty patch is not applied; the tests run.
///
/// # Errors
/// Only when the sandbox is broken through no fault of what ran in it; whatever the patch does wrong is in the
/// [`Evaluation`].
pub async fn judge(sandbox: &dyn Sandbox, judging: &Judging, patch: &Patch) -> Result<Evaluation, EnvError> {
    let mut log = OWN_START.as_bytes().to_vec();
    match judge_in(sandbox, judging, patch, &mut log).await {
        Err(EnvError::Sandbox(SandboxError::Damaged(how))) => Ok(damaged(log, patch, &how)),
        judged => judged,
    }
}

/// Judges a patch, with all that is said of it appended to `log`, which is handed out with the verdict.
async fn judge_in(
    sandbox: &dyn Sandbox,
    judging: &Judging,
    patch: &Patch,
    log: &mut Vec<u8>,
) -> Result<Evaluation, EnvError> {
    if patch.0.len() as u64 > sandbox.info().max_file {
        log.extend(format!("the patch has more than {} bytes\n", sandbox.info().max_file).into_bytes());
        return Ok(not_applied(std::mem::take(log)));
    }
    if patch.is_empty() {
        log.extend_from_slice(b"the patch is empty\n");
    } else {
        let applied = apply(sandbox, judging.grading.dialect, patch).await?;
        log.extend(applied.log.into_bytes());
        if !applied.success {
            log.push(b'\n');
            return Ok(not_applied(std::mem::take(log)));
        }
    }
    if !log.ends_with(b"\n") {
        log.push(b'\n');
    }
    log.extend_from_slice(OWN_TESTS.as_bytes());
    let out_of_memory = run_tests(sandbox, judging, log).await?;
    // Memory can always be read.
    let reading = read_log(Cursor::new(&*log), judging.grading.parser, judging.grading.dialect)
        .map_err(|err| SandboxError::Lost(err.to_string()))?;
    let report = Report { patch_exists: !patch.is_empty(), ..conclude(&reading, &judging.grading) };
    let failure = reading.statuses.as_ref().err().copied();
    let statuses = reading.statuses.unwrap_or_default();
    let test_output = std::mem::take(log);
    Ok(Evaluation { report, failure, infra: reading.infra, out_of_memory, statuses, test_output })
}

/// Returns the verdict on a patch of which something broke the sandbox.
fn damaged(mut test_output: Vec<u8>, patch: &Patch, how: &str) -> Evaluation {
    test_output.extend(format!("\nthe sandbox was broken by what ran in it: {how}\n").into_bytes());
    let report = Report { patch_exists: !patch.is_empty(), ..Report::default() };
    Evaluation { report, failure: Some(Failure::SandboxDamaged), test_output, ..Evaluation::default() }
}

fn not_applied(test_output: Vec<u8>) -> Evaluation {
    let report = Report { patch_exists: true, ..Report::default() };
    Evaluation { report, failure: Some(Failure::PatchNotApplied), test_output, ..Evaluation::default() }
}

/// Runs the evaluation script and appends its output, and after it the official words when the time was up; returns
/// whether memory was.
async fn run_tests(sandbox: &dyn Sandbox, judging: &Judging, log: &mut Vec<u8>) -> Result<bool, EnvError> {
    let script = write_scratch(sandbox, "eval.sh", judging.eval_script.as_bytes()).await?;
    let command = format!(
        "cd {} || exit\n/bin/bash {} > {} 2>&1 < /dev/null",
        shell_quote(&sandbox.info().root),
        shell_quote(&script),
        shell_quote(&scratch_path(sandbox, OUTPUT)),
    );
    let output = sandbox.exec(Command::fresh(command).timeout(judging.timeout)).await?;
    read_scratch(sandbox, OUTPUT, log).await?;
    if let ExecEnd::TimedOut(_) | ExecEnd::Silent(_) = output.end {
        let seconds = judging.timeout.as_secs();
        log.extend(format!("\n\nTimeout error: {seconds} seconds exceeded.\n{TESTS_TIMED_OUT}\n").into_bytes());
    }
    Ok(output.end == ExecEnd::OutOfMemory)
}

/// The file that takes the output of the evaluation script.
const OUTPUT: &str = "test_output.txt";
