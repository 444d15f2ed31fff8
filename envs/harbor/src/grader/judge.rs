//! Judges a patch: apply, run the tests, read the log.

use std::fs::{self, File};
use std::io::{Cursor, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use env_core::{Failure, Patch, Report};
use grading::grade;
use grading::markers::{APPLIED_PREDICTION, APPLY_FAILED, OWN_START, OWN_TESTS, TESTS_TIMED_OUT};
use repo::apply;
use tool_core::{ExecEnd, Sandbox, shell_quote};

use super::here::{Here, MAX_FILE};
use super::leftover::adopt;
use super::outcome::Outcome;
use super::spec::GraderSpec;
use super::{PATCH, Places};

/// The log of which no more is kept: its head and its tail are.
const MAX_LOG: u64 = 64 << 20;
/// How long the check of the tools may take.
const CHECK: Duration = Duration::from_secs(60);

/// Judges the patch in `places`; nothing that it started runs any more.
pub(crate) fn judge(places: &Places) -> Outcome {
    let (spec, script) = match GraderSpec::load(&places.tests) {
        Ok(loaded) => loaded,
        Err(reason) => return Outcome::broken("", reason),
    };
    let id = spec.instance_id.clone();
    match judge_by(places, &spec, &script) {
        Ok(outcome) => Outcome { instance_id: id, ..outcome },
        Err(reason) => Outcome::broken(&id, reason),
    }
}

/// Judges the patch.
///
/// # Errors
/// A text that says what is broken before anything of the patch has run.
fn judge_by(places: &Places, spec: &GraderSpec, script: &str) -> Result<Outcome, String> {
    adopt();
    let Some(patch) = patch(&places.logs.join(PATCH))? else {
        return Ok(without_patch());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|err| err.to_string())?;
    let scratch = tempfile::tempdir().map_err(|err| format!("no temporary folder: {err}"))?;
    let root = places.root.as_deref().unwrap_or(Path::new(&spec.root));
    let sandbox = Here::new(root, scratch.path(), &spec.startup);
    check(&sandbox)?;
    let mut log = OWN_START.as_bytes().to_vec();
    let patch = match patch {
        Ok(patch) => patch,
        Err(reason) => return Ok(not_applied(log, &reason)),
    };
    if patch.is_empty() {
        log.extend_from_slice(b"the patch is empty\n");
    } else {
        let applied = runtime.block_on(apply(&sandbox, spec.grading.dialect, &patch));
        let applied = applied.map_err(|err| format!("the patch cannot be tried: {err}"))?;
        log.extend(applied.log.into_bytes());
        if !applied.success {
            return Ok(not_applied(log, APPLY_FAILED));
        }
        log.extend_from_slice(APPLIED_PREDICTION.as_bytes());
        log.push(b'\n');
    }
    log.extend_from_slice(OWN_TESTS.as_bytes());
    // From here on whatever goes wrong may be the patch's doing.
    let ran = test(&sandbox, script, spec, &mut log);
    let graded = ran.and_then(|()| grade(Cursor::new(&log), &spec.grading));
    let exists = !patch.is_empty();
    Ok(match graded {
        Ok(graded) => {
            let failure = if exists { graded.failure } else { Some(Failure::EmptyPatch) };
            let resolved = exists && graded.report.resolved;
            let report = Report { patch_exists: exists, resolved, ..graded.report };
            Outcome { report, failure, infra: graded.infra, test_output: log, ..Outcome::default() }
        }
        Err(err) => {
            log.extend(format!("\nthe sandbox was broken by what ran in it: {err}\n").into_bytes());
            let report = Report { patch_exists: exists, ..Report::default() };
            Outcome { report, failure: Some(Failure::SandboxDamaged), test_output: log, ..Outcome::default() }
        }
    })
}

/// Returns the patch: nothing where none was handed in, and why it cannot be applied where it is no text.
fn patch(path: &Path) -> Result<Option<Result<Patch, String>>, String> {
    // Whatever lies there was put there by what was collected: nothing is opened before it is known what it is.
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Ok(None),
        Ok(found) if found.len() > MAX_FILE => {
            return Ok(Some(Err(format!("the patch has {} bytes, more than {MAX_FILE}", found.len()))));
        }
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    let bytes = fs::read(path).map_err(|err| format!("`{}` cannot be read: {err}", path.display()))?;
    Ok(Some(String::from_utf8(bytes).map(Patch).map_err(|_| "the patch is not UTF-8".to_owned())))
}

/// Checks that bash and git run in the repository.
fn check(sandbox: &Here) -> Result<(), String> {
    let root = &sandbox.info().root;
    let output = tempfile::tempfile().map_err(|err| format!("no temporary file: {err}"))?;
    let end = sandbox.run("git --version", CHECK, &output);
    match end.map_err(|err| format!("bash cannot be run in `{root}`: {err}"))? {
        ExecEnd::Exited(0) => Ok(()),
        end => Err(format!("git cannot be run in `{root}`: it ended with {end:?}")),
    }
}

/// Runs the script of the tests and appends its output.
fn test(sandbox: &Here, script: &str, spec: &GraderSpec, log: &mut Vec<u8>) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(&sandbox.info().scratch)?;
    file.write_all(script.as_bytes())?;
    let mut output = tempfile::tempfile()?;
    let command = format!("/bin/bash {}", shell_quote(&file.path().to_string_lossy()));
    let end = sandbox.run(&command, Duration::from_secs(spec.timeout), &output)?;
    append(&mut output, log)?;
    if let ExecEnd::TimedOut(_) = end {
        let seconds = spec.timeout;
        log.extend(format!("\n\nTimeout error: {seconds} seconds exceeded.\n{TESTS_TIMED_OUT}\n").into_bytes());
    }
    Ok(())
}

/// Appends what was printed, without the middle of what is too much.
fn append(output: &mut File, log: &mut Vec<u8>) -> std::io::Result<()> {
    let size = output.metadata()?.len();
    output.rewind()?;
    if size <= MAX_LOG {
        output.read_to_end(log)?;
        return Ok(());
    }
    let half = MAX_LOG / 2;
    Read::by_ref(output).take(half).read_to_end(log)?;
    log.extend(format!("\n[... {} bytes left out ...]\n", size - 2 * half).into_bytes());
    output.seek(std::io::SeekFrom::End(-half.cast_signed()))?;
    output.read_to_end(log)?;
    Ok(())
}

fn without_patch() -> Outcome {
    let report = Report { patch_is_none: true, ..Report::default() };
    let test_output = format!("no patch was handed in: there is no `{PATCH}`\n").into_bytes();
    Outcome { report, failure: Some(Failure::EmptyPatch), test_output, ..Outcome::default() }
}

fn not_applied(mut log: Vec<u8>, why: &str) -> Outcome {
    log.extend(format!("{why}\n").into_bytes());
    let report = Report { patch_exists: true, ..Report::default() };
    let failure = Some(Failure::PatchNotApplied);
    Outcome { report, failure, test_output: log, ..Outcome::default() }
}
