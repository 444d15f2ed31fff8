//! `clean`: removes what killed runs left behind.

use std::process::ExitCode;

use clap::Args;
use runner::Plugs;
use runner::plugs::host;
use tool_core::SandboxError;

use crate::console::say;
use crate::failed::Failed;
use crate::output::print;

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Also removes the containers of processes on other machines that share the Docker engine.
    #[arg(long)]
    pub(crate) all: bool,
}

pub(crate) async fn run(plugs: &Plugs, args: Clean) -> Result<ExitCode, Failed> {
    let host = host();
    let (mut removed, mut unavailable) = (Vec::new(), Vec::new());
    for plug in plugs.sandboxes() {
        match plug.clean(&host, args.all).await {
            Ok(names) => removed.push((plug.sandboxes, names)),
            Err(SandboxError::Unavailable(why)) => unavailable.push((plug.sandboxes, why)),
            Err(err) => return Err(anyhow::Error::new(err).into()),
        }
    }
    let looked_for: Vec<&str> = removed.iter().map(|(sandboxes, _)| *sandboxes).collect();
    for (_, why) in &unavailable {
        say(&format!("only {} were looked for: {why}", looked_for.join(" and ")));
    }
    let names = removed.iter().flat_map(|(_, names)| names);
    print(&names.map(|name| format!("{name}\n")).collect::<String>())?;
    let counts = plugs.sandboxes().iter().map(|plug| {
        let count =
            removed.iter().find(|(sandboxes, _)| *sandboxes == plug.sandboxes).map_or(0, |(_, names)| names.len());
        format!("{count} {}", plug.sandboxes)
    });
    say(&format!("removed {}", counts.collect::<Vec<_>>().join(" and ")));
    Ok(ExitCode::SUCCESS)
}

/// Removes what processes that have died left of the sandboxes of some providers, and tells of it.
pub(crate) async fn remove_of_dead(plugs: &Plugs, is_used: impl Fn(&str) -> bool) {
    let host = host();
    for plug in plugs.sandboxes().iter().filter(|plug| is_used(plug.name)) {
        match plug.clean(&host, false).await {
            Ok(names) if names.is_empty() => {}
            Ok(names) => say(&format!("removed {} {} of processes that have died", names.len(), plug.sandboxes)),
            // A command that needs the provider will report its error.
            Err(SandboxError::Unavailable(_)) => {}
            Err(err) => say(&format!("warning: the leftovers of dead processes were not removed: {err}")),
        }
    }
}
