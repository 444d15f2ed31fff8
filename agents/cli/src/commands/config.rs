//! `config`: prints the configuration.

use std::process::ExitCode;

use anyhow::Context;
use runner::Plugs;
use runner::Resolved;

use crate::failed::Failed;
use crate::output::print;
use crate::settings::Settings;

pub(crate) fn run(plugs: &Plugs, settings: &Settings) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &settings.layered(), &[]).map_err(Failed::Usage)?;
    print(&serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?)?;
    Ok(ExitCode::SUCCESS)
}
