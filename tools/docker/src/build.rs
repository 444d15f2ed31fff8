//! Builds images without a builder: runs steps in a container and commits it.

use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

use bollard::Docker as Client;
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerConfig, ContainerCreateBody, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CommitContainerOptionsBuilder, CreateContainerOptionsBuilder,
};
use futures_util::StreamExt;
use shell::{Owner, plain_text};
use tool_core::{SandboxError, Size};

use crate::container::{Input, Output};
use crate::engine::force_remove;
use crate::labels::{OWNER, RUN, new_name};

/// Committing a large container takes its time.
const TIMEOUT: Duration = Duration::from_secs(1800);
/// Bytes of a step's output that an error may show.
const TAIL: usize = 2000;

/// An image to build.
#[derive(Debug, Clone)]
pub struct Build {
    /// The image's name, with a tag.
    pub name: String,
    /// The image that it is made from, which must be there.
    pub parent: String,
    /// Platform, such as `linux/arm64`; absent: the engine's own.
    pub platform: Option<String>,
    /// Names and bash scripts, run in order.
    pub steps: Vec<(String, String)>,
    /// Labels of the image.
    pub labels: Vec<(String, String)>,
    /// Variables of the steps, which the image does not keep.
    pub variables: Vec<(String, String)>,
    /// Folders of this machine, as `<folder>:<place>` or `<folder>:<place>:ro`, which the image does not keep.
    pub mounts: Vec<String>,
    /// Network of the steps: `bridge`, `host`, `none`, or a network's name.
    pub network: String,
    /// Memory of all steps.
    pub memory: Size,
    /// How long a step may take.
    pub timeout: Duration,
}

/// Why an image was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A step failed: fix what it says.
    #[error("step `{step}` {reason}{}", if tail.is_empty() { String::new() } else { format!("; its last lines:\n{tail}") })]
    Step {
        /// The step.
        step: String,
        /// How it ended.
        reason: String,
        /// Its last lines.
        tail: String,
    },
    /// Infrastructure failed: try again.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

/// Runs the steps in a new container and commits it. The container ends with the connection to its first process, so
/// that nothing is left of it however this process ends.
pub(crate) async fn build(client: &Client, build: &Build, log: &mut (dyn Write + Send)) -> Result<(), BuildError> {
    let client = client.clone().with_timeout(TIMEOUT);
    let id = new_name();
    let mut options = CreateContainerOptionsBuilder::new().name(&id);
    if let Some(platform) = &build.platform {
        options = options.platform(platform);
    }
    let failed = |what: &str, err: bollard::errors::Error| {
        SandboxError::Unavailable(format!("cannot {what} a container of `{}`: {err}", build.parent))
    };
    client.create_container(Some(options.build()), body(build)).await.map_err(|err| failed("create", err))?;
    let options = AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stream(true).build();
    let made = match client.attach_container(&id, Some(options)).await {
        Ok(AttachContainerResults { input, output }) => {
            let _held: (Input, Output) = (input, output);
            match client.start_container(&id, None).await {
                Ok(()) => steps_and_commit(&client, &id, build, log).await,
                Err(err) => Err(failed("start", err).into()),
            }
        }
        Err(err) => Err(failed("reach", err).into()),
    };
    let removed = force_remove(&client, &id).await;
    made?;
    removed.map_err(|err| SandboxError::Lost(format!("the container `{id}` was not removed: {err}")))?;
    Ok(())
}

fn body(build: &Build) -> ContainerCreateBody {
    let labels = [(RUN, "images".to_owned()), (OWNER, Owner::this().to_string())];
    let memory = i64::try_from(build.memory.0).unwrap_or(i64::MAX);
    ContainerCreateBody {
        image: Some(build.parent.clone()),
        // An empty word takes the image's own away.
        entrypoint: Some(vec![String::new()]),
        cmd: Some(vec!["cat".to_owned()]),
        user: Some("0:0".to_owned()),
        working_dir: Some("/".to_owned()),
        labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        host_config: Some(HostConfig {
            auto_remove: Some(true),
            init: Some(true),
            memory: Some(memory),
            memory_swap: Some(memory),
            binds: Some(build.mounts.clone()),
            network_mode: Some(build.network.clone()),
            log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: Some(HashMap::new()) }),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn steps_and_commit(
    client: &Client,
    id: &str,
    build: &Build,
    log: &mut (dyn Write + Send),
) -> Result<(), BuildError> {
    for (step, script) in &build.steps {
        note(log, format!("==> {step}\n{script}").as_bytes());
        let started = Instant::now();
        let mut tail = Vec::new();
        let ran = run(client, id, build, script, &mut tail, log);
        let ended = tokio::time::timeout(build.timeout, ran).await;
        let seconds = started.elapsed().as_secs_f64();
        let reason = match ended {
            Ok(code) => match code? {
                0 => {
                    note(log, format!("==> {step} took {seconds:.1} s\n").as_bytes());
                    continue;
                }
                137 => format!("was killed; it may use {} of memory", build.memory),
                code => format!("failed with exit code {code}"),
            },
            Err(_) => format!("did not end within {} s", build.timeout.as_secs()),
        };
        note(log, format!("==> {step} {reason}\n").as_bytes());
        return Err(BuildError::Step { step: step.clone(), reason, tail: last_lines(&tail) });
    }
    let started = Instant::now();
    commit(client, id, build).await?;
    note(log, format!("==> saving it took {:.1} s\n", started.elapsed().as_secs_f64()).as_bytes());
    Ok(())
}

/// Makes an image of what the container has become.
async fn commit(client: &Client, id: &str, build: &Build) -> Result<(), BuildError> {
    let (repo, tag) = build.name.rsplit_once(':').unwrap_or((&build.name, "latest"));
    let options = CommitContainerOptionsBuilder::new().container(id).repo(repo).tag(tag).pause(true);
    // The comment keeps apart the histories of images that were made of one parent in the same second.
    let options = options.comment(&build.name).build();
    // The labels of the container must not stay: what is started from the image is no build of this process.
    let own = [RUN, OWNER].map(|name| (name.to_owned(), String::new()));
    let config = ContainerConfig {
        cmd: Some(vec!["/bin/bash".to_owned()]),
        working_dir: Some("/testbed".to_owned()),
        labels: Some(own.into_iter().chain(build.labels.clone()).collect()),
        open_stdin: Some(false),
        ..Default::default()
    };
    let committed = client.commit_container(options, config).await;
    committed.map_err(|err| SandboxError::Lost(format!("cannot save `{}`: {err}", build.name)))?;
    Ok(())
}

/// Runs one script and returns its exit code; `tail` gets what it printed last.
async fn run(
    client: &Client,
    id: &str,
    build: &Build,
    script: &str,
    tail: &mut Vec<u8>,
    log: &mut (dyn Write + Send),
) -> Result<i64, SandboxError> {
    let lost = |err: bollard::errors::Error| SandboxError::Lost(format!("the build container does not answer: {err}"));
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(vec!["bash".to_owned(), "-c".to_owned(), format!("set -eo pipefail\n{script}")]),
        env: Some(build.variables.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        ..Default::default()
    };
    let exec = client.create_exec(id, options).await.map_err(lost)?.id;
    if let StartExecResults::Attached { mut output, .. } = client.start_exec(&exec, None).await.map_err(lost)? {
        while let Some(piece) = output.next().await {
            let (LogOutput::StdOut { message } | LogOutput::StdErr { message } | LogOutput::Console { message }) =
                piece.map_err(lost)?
            else {
                continue;
            };
            note(log, &message);
            tail.extend_from_slice(&message);
            if tail.len() > 2 * TAIL {
                tail.drain(..tail.len() - TAIL);
            }
        }
    }
    let state = client.inspect_exec(&exec).await.map_err(lost)?;
    Ok(state.exit_code.unwrap_or(-1))
}

/// A log that cannot be written is no reason to give up a build.
fn note(log: &mut (dyn Write + Send), bytes: &[u8]) {
    let _ = log.write_all(bytes);
}

fn last_lines(output: &[u8]) -> String {
    let text = plain_text(&output[output.len().saturating_sub(TAIL)..]);
    let lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(12).collect();
    lines.into_iter().rev().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
