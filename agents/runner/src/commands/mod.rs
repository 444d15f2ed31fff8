//! The commands.

mod clean;
mod config;
mod evaluate;
mod grade;
mod images;
mod index;
mod instances;
mod output;
mod parity;
mod recall;
mod run_folder;
mod search;
mod solve;
mod validate;

use std::process::ExitCode;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tool_core::SandboxError;

use crate::Plug;
use crate::cli::{Cli, Cmd};
use crate::console::{LastWords, say};
use crate::environments::Providers;

pub(crate) use clean::Clean;
pub(crate) use evaluate::Evaluate;
pub(crate) use grade::Grade;
pub(crate) use images::ImagesCommand;
pub(crate) use index::Index;
pub(crate) use instances::Instances;
pub(crate) use parity::ParityCommand;
pub(crate) use search::Search;
pub(crate) use solve::Solve;
pub(crate) use validate::Validate;

/// Runs the command line of a program that knows these agents.
///
/// Exit codes: 0 the command did its work, 1 something of ours or the infrastructure failed, 2 wrong usage or
/// configuration.
pub fn main(plugs: &[Plug]) -> ExitCode {
    let cli = Cli::parse();
    hide_environment();
    log_to_stderr(cli.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => return fail(&anyhow::Error::new(err).context("the async runtime did not start"), 1),
    };
    let (providers, last_words) = (Providers::default(), LastWords::default());
    let ended = runtime.block_on(async {
        let ended = tokio::select! {
            ended = dispatch(plugs, cli.command, &providers, &last_words) => ended,
            name = interrupted() => Err(Failed::Run(anyhow::anyhow!("interrupted by {name}"))),
        };
        // A second signal means that there is no time for that.
        let closed = tokio::select! {
            closed = providers.close() => closed,
            name = interrupted() => Err(SandboxError::Lost(format!("interrupted again by {name}"))),
        };
        if let Err(err) = closed {
            say(&format!("warning: {err}\nhint: `spotter clean` removes what is left"));
        }
        last_words.say();
        ended
    });
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(Failed::Usage(err)) => fail(&err, 2),
        Err(Failed::Run(err)) => fail(&err, 1),
    }
}

/// Why a command failed, by exit code.
enum Failed {
    /// Wrong usage or configuration.
    Usage(anyhow::Error),
    /// Something of ours, or the infrastructure.
    Run(anyhow::Error),
}

impl From<anyhow::Error> for Failed {
    fn from(err: anyhow::Error) -> Self {
        Self::Run(err)
    }
}

async fn dispatch(
    plugs: &[Plug],
    command: Cmd,
    providers: &Providers,
    last_words: &LastWords,
) -> Result<ExitCode, Failed> {
    match command {
        Cmd::Solve(args) => solve::run(plugs, args, providers).await,
        Cmd::Evaluate(args) => evaluate::run(plugs, args, providers, last_words).await,
        Cmd::Validate(args) => validate::run(plugs, args, providers, last_words).await,
        Cmd::Grade(args) => grade::run(args).await,
        Cmd::Parity(args) => parity::run(args).await,
        Cmd::Instances(args) => instances::run(plugs, args, providers).await,
        Cmd::Images(args) => images::run(plugs, args).await,
        Cmd::Index(args) => index::run(&args),
        Cmd::Search(args) => search::run(*args),
        Cmd::Config(settings) => config::run(plugs, &settings),
        Cmd::Clean(args) => clean::run(args).await,
    }
}

/// Prints an error with its causes and returns its exit code.
fn fail(err: &anyhow::Error, code: u8) -> ExitCode {
    say(&format!("error: {err:#}"));
    ExitCode::from(code)
}

/// Waits for a signal that asks the program to end, and returns its name.
async fn interrupted() -> &'static str {
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        // Without handlers the signals keep their own effect, and `clean` finds what they leave behind.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    }
}

/// Keeps other processes of the same user, such as those in a local sandbox, from reading this one's environment, where
/// the model's key is. Root is not kept from it.
fn hide_environment() {
    #[cfg(target_os = "linux")]
    if let Err(err) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::debug!("the environment of this process is not hidden: {err}");
    }
}

fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let own = ["agent_core", "llm", "runner", "sandbox", "dataset", "env_core", "search"];
    let filter = own.iter().map(|name| format!("{name}={level}")).collect::<Vec<_>>().join(",");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
