//! `clean`: removes what killed runs left behind.

use std::process::ExitCode;

use clap::Args;
use tool_core::SandboxError;

use super::output::print;
use crate::console::say;
use crate::failed::Failed;

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Also removes the containers of processes on other machines that share the engine.
    #[arg(long)]
    pub(crate) all: bool,
}

pub(crate) async fn run(args: Clean) -> Result<ExitCode, Failed> {
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
