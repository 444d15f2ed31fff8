//! `config`: prints the configuration.

use std::process::ExitCode;

use anyhow::Context;

use super::Failed;
use super::output::print;
use crate::Plug;
use crate::cli::Settings;
use crate::config::Resolved;

pub(super) fn run(plugs: &[Plug], settings: &Settings) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, settings, &[]).map_err(Failed::Usage)?;
    print(&serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?)?;
    Ok(ExitCode::SUCCESS)
}
