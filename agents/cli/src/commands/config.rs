//! `config`: prints the configuration.

use std::process::ExitCode;

use anyhow::Context;
use runner::Plug;
use runner::Resolved;

use super::output::print;
use crate::failed::Failed;
use crate::settings::Settings;

pub(crate) fn run(plugs: &[Plug], settings: &Settings) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &settings.layered(), &[]).map_err(Failed::Usage)?;
    print(&serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?)?;
    Ok(ExitCode::SUCCESS)
}
