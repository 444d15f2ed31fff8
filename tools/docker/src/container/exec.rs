//! Another process in a container.

use std::pin::Pin;

use bollard::Docker as Client;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures_util::Stream;
use tokio::io::AsyncWrite;
use tool_core::SandboxError;

/// Largest piece that the client cuts the output into.
const PIECE: usize = 64 << 10;

pub(crate) type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
pub(crate) type Input = Pin<Box<dyn AsyncWrite + Send>>;

/// Starts a process in a container; returns the engine's name for it, what goes in and what comes out.
pub(super) async fn exec(
    client: &Client,
    container: &str,
    arguments: &[&str],
) -> Result<(String, Input, Output), SandboxError> {
    let failed = |err: Error| SandboxError::Lost(format!("cannot start a process in the container: {err}"));
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(arguments.to_vec()),
        // Unlike the repository, it is there whatever a command did.
        working_dir: Some("/"),
        ..Default::default()
    };
    let exec = client.create_exec(container, options).await.map_err(failed)?.id;
    let options = StartExecOptions { output_capacity: Some(PIECE), ..Default::default() };
    match client.start_exec(&exec, Some(options)).await.map_err(failed)? {
        StartExecResults::Attached { input, output } => Ok((exec, input, output)),
        StartExecResults::Detached => Err(SandboxError::Lost("the engine did not attach the process".to_owned())),
    }
}
