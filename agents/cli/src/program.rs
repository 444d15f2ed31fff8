//! The program: arguments, signals, and the end of a command.

use std::process::ExitCode;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{CommandFactory, FromArgMatches};
use runner::Plugs;
use runner::environments::Providers;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tool_core::SandboxError;

use crate::arguments::{Cli, Cmd, log_format, with_log};
#[cfg(feature = "gym")]
use crate::commands::gym;
#[cfg(feature = "viewer")]
use crate::commands::runs::view;
use crate::commands::runs::{report, status};
#[cfg(feature = "training")]
use crate::commands::training;
use crate::commands::{
    clean, config, evaluate, grade, images, index, instances, parity, replay, search, solve, sweep, validate,
};
use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::log::Format;
use crate::{log, otel, stream};

/// The signal of a person at a terminal.
const CTRL_C: &str = "Ctrl-C";

/// How long what is said may take to be written once the program was asked to end.
const LAST_WRITES: Duration = Duration::from_millis(500);

/// How long a command may take to release its resources once the program was asked to end.
const GRACE_PERIOD: Duration = Duration::from_secs(10);

/// Runs the command line of a program that is put together from these.
///
/// Exit codes: 0 the command did its work, 1 something of ours or the infrastructure failed, 2 wrong usage or
/// configuration.
pub fn main(plugs: Plugs) -> ExitCode {
    let (cli, format) = parse();
    hide_environment();
    journal::hide(&llm::secrets(&[]));
    log::start(format, cli.verbose);
    otel::start();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => {
            let code = fail(&anyhow::Error::new(err).context("the async runtime did not start"), 1);
            return if stream::drain().is_ok() { code } else { ExitCode::from(1) };
        }
    };
    let code = runtime.block_on(run(plugs, cli.command));
    runtime.shutdown_background();
    code
}

/// Runs a command to its end, or until a signal; then removes the sandboxes and has the last word written.
async fn run(plugs: Plugs, command: Cmd) -> ExitCode {
    let mut signals = Signals::listen();
    let (providers, at_interrupt) = (Arc::new(Providers::default()), Arc::new(AtInterrupt::default()));
    // In a task of its own, so that whatever the command waits for, this one continues.
    let mut work = tokio::spawn(dispatch(plugs, command, providers.clone(), at_interrupt.clone()));
    let (ended, mut interrupted) = loop {
        tokio::select! {
            ended = &mut work => {
                break (ended.unwrap_or_else(|err| Err(Failed::Run(anyhow!("the command died: {err}")))), false);
            }
            name = signals.next() => {
                if at_interrupt.begin_to_drain(name == CTRL_C) {
                    say(&format!(
                        "no new work is started; work in flight is finished. {name} again stops it; run the same \
                         command again to continue"
                    ));
                } else {
                    break (Err(Failed::Run(anyhow!("interrupted by {name}"))), true);
                }
            }
        }
    };
    let close = async {
        if interrupted {
            work.abort();
            // What it holds, such as a sandbox that is about to start, is released first.
            let _ = tokio::time::timeout(GRACE_PERIOD, work).await;
        }
        providers.close().await
    };
    // A second signal means that there is no time for that.
    let closed = tokio::select! {
        closed = close => closed,
        name = signals.next() => {
            interrupted = true;
            Err(SandboxError::Lost(format!("interrupted again by {name}")))
        }
    };
    if let Err(err) = closed {
        say(&format!("warning: {err}\nhint: `spotter clean` removes the leftovers"));
    }
    at_interrupt.run();
    let code = match ended {
        Ok(code) => code,
        Err(Failed::Usage(err)) => fail(&err, 2),
        Err(Failed::Run(err)) => fail(&err, 1),
    };
    otel::end().await;
    finish(code, interrupted, &mut signals).await
}

/// Waits until all is written: as long as it takes, or a moment once the program was asked to end.
async fn finish(code: ExitCode, interrupted: bool, signals: &mut Signals) -> ExitCode {
    let drained = tokio::task::spawn_blocking(stream::drain);
    let patience = async {
        if !interrupted {
            signals.next().await;
        }
        tokio::time::sleep(LAST_WRITES).await;
    };
    tokio::select! {
        drained = drained => match drained {
            Ok(Err(err)) => {
                let code = fail(&anyhow::Error::new(err).context("cannot write to standard output"), 1);
                let told = tokio::task::spawn_blocking(stream::drain);
                let _ = tokio::time::timeout(LAST_WRITES, told).await;
                code
            }
            _ => code,
        },
        () = patience => ExitCode::from(1),
    }
}

/// Reads the arguments; what is wrong with them is told in colours only where there may be some.
fn parse() -> (Cli, Format) {
    let colours = stream::has_colours(&std::io::stdout()) && stream::has_colours(&std::io::stderr());
    let choice = if colours { clap::ColorChoice::Auto } else { clap::ColorChoice::Never };
    let matches = with_log(Cli::command()).color(choice).get_matches();
    (Cli::from_arg_matches(&matches).unwrap_or_else(|err| err.exit()), log_format(&matches))
}

async fn dispatch(
    plugs: Plugs,
    command: Cmd,
    providers: Arc<Providers>,
    at_interrupt: Arc<AtInterrupt>,
) -> Result<ExitCode, Failed> {
    let (plugs, providers, at_interrupt) = (&plugs, providers.as_ref(), at_interrupt.as_ref());
    match command {
        Cmd::Solve(args) => solve::run(plugs, args, providers, at_interrupt).await,
        Cmd::Replay(args) => replay::run(plugs, args, providers, at_interrupt).await,
        Cmd::Sweep(args) => sweep::run(plugs, args, providers, at_interrupt).await,
        Cmd::Work(args) => sweep::work::run(plugs, args, providers, at_interrupt).await,
        Cmd::Evaluate(args) => evaluate::run(plugs, args, providers, at_interrupt).await,
        Cmd::Validate(args) => validate::run(plugs, args, providers, at_interrupt).await,
        Cmd::Grade(args) => apart(grade::run(plugs.clone(), args)).await,
        Cmd::Parity(args) => apart(parity::run(plugs.clone(), args)).await,
        Cmd::Report(args) => apart(async move { report::run(&args) }).await,
        Cmd::Status(args) => apart(async move { status::run(&args).await }).await,
        #[cfg(feature = "viewer")]
        Cmd::View(args) => apart(async move { view::run(args).await }).await,
        #[cfg(feature = "training")]
        Cmd::Import(args) => apart(async move { training::import::run(&args) }).await,
        #[cfg(feature = "training")]
        Cmd::Verify(args) => {
            training::verify::check(plugs, &args)?;
            training::scorer::run_tests(plugs, (&args.episodes, &args.by), None, providers).await?;
            let plugs = plugs.clone();
            apart(async move { training::verify::run(&plugs, &args).await }).await
        }
        #[cfg(feature = "training")]
        Cmd::BestOf(args) => {
            training::best_of::check(plugs, &args)?;
            training::scorer::run_tests(plugs, (&args.episodes, &args.by), Some(usize::from(args.n)), providers)
                .await?;
            let plugs = plugs.clone();
            apart(async move { training::best_of::run(&plugs, &args).await }).await
        }
        Cmd::Instances(args) => instances::run(plugs, args, providers).await,
        Cmd::Images(args) => images::run(plugs, args, providers).await,
        Cmd::Index(args) => apart(async move { index::run(&args) }).await,
        Cmd::Search(args) => apart(async move { search::run(*args) }).await,
        Cmd::Config(args) => config::run(plugs, &args),
        #[cfg(feature = "training")]
        Cmd::Improve(args) => training::improve::run(plugs, args, providers, at_interrupt).await,
        #[cfg(feature = "training")]
        Cmd::Export(args) => {
            let plugs = plugs.clone();
            apart(async move { training::export::run(&plugs, args) }).await
        }
        #[cfg(feature = "gym")]
        Cmd::Gym(args) => gym::run(plugs, *args, providers, at_interrupt).await,
        Cmd::Clean(args) => clean::run(plugs, args).await,
    }
}

/// Runs a command that computes for long on a thread of its own, which nothing else waits for.
async fn apart(command: impl Future<Output = Result<ExitCode, Failed>> + Send + 'static) -> Result<ExitCode, Failed> {
    let runtime = tokio::runtime::Handle::current();
    let ended = tokio::task::spawn_blocking(move || runtime.block_on(command)).await;
    ended.context("the command died")?
}

/// Prints an error with its causes and returns its exit code.
fn fail(err: &anyhow::Error, code: u8) -> ExitCode {
    say(&format!("error: {err:#}"));
    ExitCode::from(code)
}

/// The signals that ask the program to end.
struct Signals(Vec<(&'static str, Signal)>);

impl Signals {
    /// Begins to listen. A signal that cannot be listened to keeps its own effect, and `clean` finds what it leaves
    /// behind.
    fn listen() -> Self {
        let asked =
            [(CTRL_C, SignalKind::interrupt()), ("SIGTERM", SignalKind::terminate()), ("SIGHUP", SignalKind::hangup())];
        Self(asked.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?))).collect())
    }

    /// Waits for the next one and returns its name.
    async fn next(&mut self) -> &'static str {
        std::future::poll_fn(|context| {
            let came =
                self.0.iter_mut().find_map(|(name, signal)| signal.poll_recv(context).is_ready().then_some(*name));
            came.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Keeps other processes of the same user, such as those in a local sandbox, from reading this one's environment, where
/// the model's key is. Root is not kept from it.
fn hide_environment() {
    #[cfg(target_os = "linux")]
    if let Err(err) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        tracing::debug!("cannot hide the environment of this process: {err}");
    }
}
