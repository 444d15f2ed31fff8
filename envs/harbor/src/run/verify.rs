//! Runs a task's verifier on a patch, in fresh sandboxes.

use std::time::Duration;

use env_core::{EnvError, Failure, Patch, Report, Verdict};
use grading::markers::OWN_START;
use repo::apply;
use repo::outside::commit_script;
use tool_core::{Command, ExecEnd, FileError, Image, Sandbox, SandboxError, SandboxProvider, shell_quote};

use super::artifacts::Artifact;
use super::places::{Tests, file_error};
use super::reward::{Reward, reward};
use crate::grader::{Outcome, PATCH, REPORT_FILE};
use crate::task::{Collect, TaskFolder};

/// Seconds that a verifier may take where the task does not say.
const TIMEOUT: f64 = 600.0;
/// Seconds that a command may take that collects, where the task does not say.
const COLLECT: f64 = 60.0;
/// Bytes of the verifier's output that are kept.
const MAX_OUTPUT: usize = 8 << 20;

/// What a task's patches are judged by.
pub(crate) struct Judging<'a> {
    /// The task.
    pub(crate) task: &'a TaskFolder,
    /// What the agent's sandbox is started from.
    pub(crate) image: &'a Image,
    /// What the verifier's is.
    pub(crate) verifier_image: &'a Image,
    /// Its `tests`; absent where the verifier's image has them.
    pub(crate) tests: Option<&'a Tests>,
    /// Starts sandboxes.
    pub(crate) provider: &'a dyn SandboxProvider,
}

/// Judges a patch by the task's own verifier.
///
/// # Errors
/// When the sandbox broke through no fault of what ran in it. A verifier without a valid reward is no error: whether the
/// patch is to blame, a run without it tells.
pub(crate) async fn verify(judging: &Judging<'_>, patch: &Patch) -> Result<Verdict, EnvError> {
    let is_own = judging.task.config.metadata.spotter.is_some();
    let mut log = OWN_START.as_bytes().to_vec();
    if is_own || !judging.task.is_separate() {
        let sandbox = judging.provider.start(judging.verifier_image).await?;
        let judged = in_one(judging, &*sandbox, (is_own, patch), &mut log).await;
        let _ = sandbox.stop().await;
        return settle(judged, patch, log);
    }
    let sandbox = judging.provider.start(judging.image).await?;
    let collected = collect(judging, &*sandbox, patch, &mut log).await;
    let _ = sandbox.stop().await;
    let artifacts = match collected {
        Ok(Some(artifacts)) => artifacts,
        Ok(None) => return Ok(failed(patch, Failure::PatchNotApplied, log)),
        Err(err) => return settle(Err(err), patch, log),
    };
    let sandbox = judging.provider.start(judging.verifier_image).await?;
    let judged = async {
        for artifact in &artifacts {
            if let Err(reason) = artifact.put(&*sandbox).await? {
                return Ok(Err(reason));
            }
        }
        run(judging, &*sandbox, "", &mut log).await
    };
    let judged = judged.await;
    let _ = sandbox.stop().await;
    settle(judged.map(Some), patch, log)
}

/// Judges in one sandbox: the patch is handed to the verifier as a file where the task was written by this project,
/// and applied where the verifier looks at what an agent has left behind.
async fn in_one(
    judging: &Judging<'_>,
    sandbox: &dyn Sandbox,
    (is_own, patch): (bool, &Patch),
    log: &mut Vec<u8>,
) -> Result<Option<Result<Judged, String>>, EnvError> {
    let prefix = if sandbox.info().isolated { "" } else { sandbox.info().scratch.as_str() };
    if is_own {
        // No sandbox takes it, which is the patch's own doing.
        if patch.0.len() as u64 > sandbox.info().max_file {
            return Ok(None);
        }
        ready(sandbox, false).await?;
        let path = format!("{prefix}/logs/{PATCH}");
        sandbox.write_file(&path, patch.0.as_bytes(), None).await.map_err(file_error)?;
    } else {
        ready(sandbox, true).await?;
        if !applied(sandbox, patch, log).await? {
            return Ok(None);
        }
    }
    run(judging, sandbox, prefix, log).await.map(Some)
}

/// Applies the patch as the agent would have left the repository, and returns what the task hands to the verifier;
/// `None` where the patch does not apply.
async fn collect(
    judging: &Judging<'_>,
    sandbox: &dyn Sandbox,
    patch: &Patch,
    log: &mut Vec<u8>,
) -> Result<Option<Vec<Artifact>>, EnvError> {
    ready(sandbox, true).await?;
    if !applied(sandbox, patch, log).await? {
        return Ok(None);
    }
    sandbox.exec(Command::fresh("mkdir -p /logs/artifacts /logs/verifier /logs/agent")).await?;
    for Collect { command, timeout_sec, .. } in &judging.task.config.verifier.collect {
        let timeout = seconds(timeout_sec.unwrap_or(COLLECT));
        let script = format!("cd {} || exit\n{command}", shell_quote(&sandbox.info().root));
        let output = sandbox.exec(Command::fresh(script).timeout(timeout)).await?;
        if !output.success() {
            // As Harbor does it: the verifier sees what is missing.
            log.extend(
                format!("a command that collects ended with {:?}\n{}\n", output.end, output.output).into_bytes(),
            );
        }
    }
    let mut artifacts = Vec::new();
    for (source, exclude) in judging.task.sources() {
        let tar = match sandbox.archive(&source).await {
            Ok(tar) => tar,
            Err(FileError::Sandbox(err)) => return Err(err.into()),
            Err(err) => {
                log.extend(format!("not handed to the verifier: {err}\n").into_bytes());
                continue;
            }
        };
        match Artifact::new(&source, &tar, exclude) {
            Ok(artifact) => {
                log.extend(artifact.told().into_bytes());
                artifacts.push(artifact);
            }
            Err(err) => log.extend(format!("not handed to the verifier: `{source}`: {err}\n").into_bytes()),
        }
    }
    Ok(Some(artifacts))
}

/// Makes a repository of the files where they are none and have to be one.
pub(crate) async fn ready(sandbox: &dyn Sandbox, any: bool) -> Result<(), EnvError> {
    let root = &sandbox.info().root;
    // Files that came without a repository are the only ones of a task of this project that have none.
    let missing = "git rev-parse --verify --quiet HEAD > /dev/null";
    let script = format!("cd {} && {{ {missing} || (\n{}\n); }}", shell_quote(root), commit_script());
    let output = sandbox.exec(Command::fresh(script).timeout(Duration::from_secs(600))).await?;
    if output.success() || !any {
        return Ok(());
    }
    let reason = format!("`{root}` cannot be made a git repository: {}", output.output.trim());
    Err(EnvError::Unusable { id: String::new(), reason })
}

async fn applied(sandbox: &dyn Sandbox, patch: &Patch, log: &mut Vec<u8>) -> Result<bool, EnvError> {
    if patch.is_empty() {
        return Ok(true);
    }
    if patch.0.len() as u64 > sandbox.info().max_file {
        return Ok(false);
    }
    let applied = apply(sandbox, env_core::Dialect::SweBench5, patch).await?;
    log.extend(applied.log.into_bytes());
    Ok(applied.success)
}

/// What a verifier said.
struct Judged {
    reward: f64,
    /// What the grader of this project says besides.
    outcome: Option<Outcome>,
}

/// Runs the verifier; the inner error says what is wrong with its reward.
async fn run(
    judging: &Judging<'_>,
    sandbox: &dyn Sandbox,
    prefix: &str,
    log: &mut Vec<u8>,
) -> Result<Result<Judged, String>, EnvError> {
    let info = sandbox.info();
    let (tests, verifier) = (format!("{prefix}/tests"), format!("{prefix}/logs/verifier"));
    // Nothing that was there may be taken for what the verifier says, or be run by it.
    let cleared = if judging.tests.is_some() { vec![&tests, &verifier] } else { vec![&verifier] };
    let cleared: Vec<String> = cleared.into_iter().map(|path| shell_quote(path)).collect();
    let clear = format!("rm -rf {0} && mkdir -p {0}", cleared.join(" "));
    let cleared = sandbox.exec(Command::fresh(clear).exclusive()).await?;
    if !cleared.success() {
        return Err(SandboxError::Lost(format!("the verifier has no place: {}", cleared.output)).into());
    }
    if let Some(files) = judging.tests {
        files.write(sandbox, &tests).await?;
    }
    let config = &judging.task.config.verifier;
    let mut script = format!("cd {} || exit\n", shell_quote(&info.root));
    for (name, value) in &config.env {
        script.push_str(&format!("export {name}={}\n", shell_quote(value)));
    }
    if !prefix.is_empty() {
        let (logs, root) = (shell_quote(&format!("{prefix}/logs")), shell_quote(&info.root));
        script.push_str(&format!("export SPOTTER_LOGS={logs} SPOTTER_ROOT={root}\n"));
    }
    script.push_str(&format!("chmod +x {0}/test.sh && {0}/test.sh < /dev/null", shell_quote(&tests)));
    let timeout = seconds(config.timeout_sec.unwrap_or(TIMEOUT));
    let output = sandbox.exec(Command::fresh(script).timeout(timeout).max_output(MAX_OUTPUT)).await?;
    log.extend(output.output.as_bytes());
    if let ExecEnd::TimedOut(_) | ExecEnd::Silent(_) = output.end {
        return Ok(Err(format!("the verifier took more than {} seconds", timeout.as_secs())));
    }
    let json = read(sandbox, &format!("{verifier}/reward.json")).await?;
    let text = read(sandbox, &format!("{verifier}/reward.txt")).await?;
    let outcome = match judging.task.config.metadata.spotter {
        Some(_) => read(sandbox, &format!("{verifier}/{REPORT_FILE}")).await?,
        None => None,
    };
    let outcome = outcome.and_then(|json| serde_json::from_slice::<Outcome>(&json).ok());
    if let Some(output) = read(sandbox, &format!("{verifier}/{}", crate::grader::OUTPUT_FILE)).await? {
        log.clear();
        log.extend(output);
    }
    // The grader of this project ends with 0, or with 1 where it could not judge; else something has ended it, and what
    // lies there may be anyone's.
    if judging.task.config.metadata.spotter.is_some() && !matches!(output.end, ExecEnd::Exited(0 | 1)) {
        return Ok(Err(format!("the grader ended with {:?}", output.end)));
    }
    match reward(json.as_deref(), text.as_deref()) {
        Ok(Reward::Infrastructure) if output.success() => Ok(Err("the grader's reward is not its own".to_owned())),
        Ok(Reward::Is(reward)) => Ok(Ok(Judged { reward, outcome })),
        Ok(Reward::Infrastructure) => {
            let reason = outcome.and_then(|outcome| outcome.infrastructure).unwrap_or_default();
            Err(SandboxError::Lost(format!("the grader could not judge: {reason}")).into())
        }
        Err(reason) => Ok(Err(reason)),
    }
}

/// Returns a file that the tests may have tampered with; nothing where it cannot be read.
async fn read(sandbox: &dyn Sandbox, path: &str) -> Result<Option<Vec<u8>>, EnvError> {
    match sandbox.read_file(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Sandbox(err)) => Err(err.into()),
        Err(_) => Ok(None),
    }
}

/// Returns the verdict that follows; the log says what is wrong with a reward.
fn settle(
    judged: Result<Option<Result<Judged, String>>, EnvError>,
    patch: &Patch,
    mut log: Vec<u8>,
) -> Result<Verdict, EnvError> {
    match judged {
        Ok(None) => Ok(failed(patch, Failure::PatchNotApplied, log)),
        Ok(Some(Ok(Judged { reward, outcome: Some(outcome) }))) => {
            let resolved = outcome.report.resolved && reward >= 1.0;
            let report = Report { resolved, ..outcome.report };
            Ok(Verdict {
                report,
                failure: outcome.failure,
                infra: outcome.infra,
                test_output: log,
                ..Verdict::default()
            })
        }
        Ok(Some(Ok(Judged { reward, outcome: None }))) => {
            let report = Report {
                patch_exists: !patch.is_empty(),
                patch_successfully_applied: true,
                resolved: reward >= 1.0,
                ..Report::default()
            };
            log.extend(format!("\nreward {reward}\n").into_bytes());
            Ok(Verdict { report, test_output: log, ..Verdict::default() })
        }
        Ok(Some(Err(reason))) => {
            log.extend(format!("\nthere is no reward: {reason}\n").into_bytes());
            Ok(failed(patch, Failure::TestsErrored, log))
        }
        Err(EnvError::Sandbox(SandboxError::Damaged(how))) => {
            log.extend(format!("\nthe sandbox was broken by what ran in it: {how}\n").into_bytes());
            Ok(failed(patch, Failure::SandboxDamaged, log))
        }
        Err(err) => Err(err),
    }
}

fn failed(patch: &Patch, failure: Failure, test_output: Vec<u8>) -> Verdict {
    let report = Report { patch_exists: !patch.is_empty(), ..Report::default() };
    Verdict { report, failure: Some(failure), test_output, ..Verdict::default() }
}

/// Returns a number of seconds as a duration.
pub(crate) fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::from_secs(u64::from(u32::MAX)))
}
