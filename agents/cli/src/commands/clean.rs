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
