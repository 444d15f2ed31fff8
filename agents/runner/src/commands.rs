//! The commands.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Parser;
use dataset::{Selection, select};
use env_core::{Environment, find_instance};
use tokio::signal::unix::{SignalKind, signal};
use tool_core::SandboxError;

use crate::Plug;
use crate::cli::{Clean, Cli, Cmd, Evaluate, Instances, Settings, Solve};
use crate::config::{Resolved, digest};
use crate::console::say;
use crate::environments::{Providers, open};
use crate::evaluate::{evaluate_all, load_predictions};
use crate::models::Models;
use crate::run_dir::{RunDir, read_text, write_whole};
use crate::solve::{Cell, describe};
use crate::summary::write_summary;

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
    let providers = Providers::default();
    let ended = runtime.block_on(async {
        let ended = tokio::select! {
            ended = dispatch(plugs, cli.command, &providers) => ended,
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

async fn dispatch(plugs: &[Plug], command: Cmd, providers: &Providers) -> Result<ExitCode, Failed> {
    match command {
        Cmd::Solve(args) => solve(plugs, args, providers).await,
        Cmd::Evaluate(args) => evaluate(plugs, args, providers).await,
        Cmd::Instances(args) => instances(plugs, args, providers).await,
        Cmd::Config(settings) => config(plugs, &settings),
        Cmd::Clean(args) => clean(args).await,
    }
}

async fn solve(plugs: &[Plug], args: Solve, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings, &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let found = args.instances.iter().map(|id| find_instance(environment.instances(), id).cloned());
    let wanted = found.collect::<Result<Vec<_>, _>>().map_err(|err| Failed::Usage(err.into()))?;
    let models = Models::open(&resolved, environment.name()).map_err(Failed::Usage)?;
    let prompts = crate::models::prompts(resolved.config.prompts.as_deref()).map_err(Failed::Usage)?;
    let run_dir = open_run(&resolved, &resolved.run_name(), resolved.plug.name, args.fresh)?;
    let cell = Cell { resolved, environment, models, prompts, run_dir };
    let (mut code, mut reports) = (ExitCode::SUCCESS, serde_json::Map::new());
    for instance in &wanted {
        match cell.solve(instance, args.fresh).await {
            Ok(solved) => {
                say(&describe(&instance.instance_id, &solved));
                if solved.verdict.is_none() && (cell.resolved.config.evaluate || solved.failed()) {
                    code = ExitCode::from(1);
                }
                let report = solved.verdict.map(|verdict| verdict.report);
                reports.insert(instance.instance_id.clone(), to_json(&report)?);
            }
            Err(err) => {
                say(&format!("{}: {err:#}", instance.instance_id));
                reports.insert(instance.instance_id.clone(), serde_json::Value::Null);
                code = ExitCode::from(1);
            }
        }
    }
    print_json(&reports)?;
    summarize(&cell.run_dir, cell.environment.as_ref())?;
    Ok(code)
}

async fn evaluate(plugs: &[Plug], args: Evaluate, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings, &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let predictions =
        load_predictions(&args.predictions, environment.as_ref(), &args.instances).map_err(Failed::Usage)?;
    // The patches are part of what the run is, so that two files never share a folder by chance.
    let patches: Vec<&str> = predictions.iter().filter_map(|(_, one)| one.model_patch.as_deref()).collect();
    let made = || format!("evaluate-{}-{}", resolved.fingerprint(), digest(&patches));
    let run_name = resolved.config.run.clone().unwrap_or_else(made);
    let run_dir = open_run(&resolved, &run_name, "evaluate", false)?;
    let verdicts = evaluate_all(&environment, predictions, args.workers, &run_dir).await?;
    let missing = verdicts.iter().any(|(_, verdict)| verdict.is_none());
    let mut reports = serde_json::Map::new();
    for (id, verdict) in verdicts {
        reports.insert(id, to_json(&verdict.map(|verdict| verdict.report))?);
    }
    print_json(&reports)?;
    summarize(&run_dir, environment.as_ref())?;
    Ok(if missing { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

async fn instances(plugs: &[Plug], args: Instances, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings, &[]).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let selection = Selection { filter: args.filter, ..Selection::default() };
    let found = select(environment.instances(), &selection).map_err(|err| Failed::Usage(err.into()))?;
    let ids: Vec<&str> = found.iter().map(|instance| instance.instance_id.as_str()).collect();
    print(&ids.iter().map(|id| format!("{id}\n")).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn config(plugs: &[Plug], settings: &Settings) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, settings, &[]).map_err(Failed::Usage)?;
    print(&serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?)?;
    Ok(ExitCode::SUCCESS)
}

async fn clean(args: Clean) -> Result<ExitCode, Failed> {
    let host = sandbox::Host::from_process();
    let mut config = sandbox::Config::default();
    let removed = match sandbox::clean(&config, &host, args.all).await {
        Err(SandboxError::Unavailable(why)) => {
            say(&format!("only folders were looked for: {why}"));
            config.provider = sandbox::Kind::Local;
            sandbox::clean(&config, &host, args.all).await
        }
        removed => removed,
    };
    let removed = removed.map_err(anyhow::Error::new)?;
    let names = removed.containers.iter().chain(&removed.folders);
    print(&names.map(|name| format!("{name}\n")).collect::<String>())?;
    say(&format!("removed {} containers and {} folders", removed.containers.len(), removed.folders.len()));
    Ok(ExitCode::SUCCESS)
}

/// Makes the folder of a run and writes its configuration, which all that is in the folder was made with.
fn open_run(resolved: &Resolved, run: &str, cell: &str, fresh: bool) -> anyhow::Result<RunDir> {
    let run_dir = RunDir::create(&resolved.config.runs, run, cell)?;
    let _lock = run_dir.lock()?;
    let path = run_dir.path().join("config.yaml");
    if let (Some(text), false) = (read_text(&path)?, fresh)
        && let Ok(all) = serde_yaml::from_str(&text)
        && resolved.with_values(all).fingerprint() != resolved.fingerprint()
    {
        bail!(
            "{} holds a run with other settings\nhint: choose another `--run`, or start over with `--fresh`",
            show(run_dir.path())
        );
    }
    let text = serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?;
    write_whole(&path, text.as_bytes())?;
    Ok(run_dir)
}

fn summarize(run_dir: &RunDir, environment: &dyn Environment) -> anyhow::Result<()> {
    let ids: Vec<&str> = environment.instances().iter().map(|instance| instance.instance_id.as_str()).collect();
    let summary = write_summary(run_dir, &ids)?;
    say(&format!("{}; see {}", summary.line(), show(run_dir.path())));
    Ok(())
}

fn show(path: &Path) -> String {
    format!("`{}`", path.display())
}

fn to_json(value: &impl serde::Serialize) -> anyhow::Result<serde_json::Value> {
    serde_json::to_value(value).context("a report cannot be written as JSON")
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Writes data to standard output. A reader that has gone away, as `head` does, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(err) if err.kind() != std::io::ErrorKind::BrokenPipe => Err(err).context("cannot write to standard output"),
        _ => Ok(()),
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
    let own = ["agent_core", "llm", "runner", "sandbox", "dataset", "env_core"];
    let filter = own.iter().map(|name| format!("{name}={level}")).collect::<Vec<_>>().join(",");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
}
