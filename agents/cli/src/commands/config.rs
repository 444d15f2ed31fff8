//! `config`: prints the configuration, or explains its keys.

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use env_core::nearest;
use runner::config::Setting;
use runner::{Plugs, Resolved};

use crate::failed::Failed;
use crate::output::print;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// Prints each key with its documentation, its default, its value and where the value comes from; with a key, only
    /// that key or those below it.
    #[arg(long, value_name = "KEY", num_args = 0..=1, default_missing_value = "")]
    explain: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(plugs: &Plugs, args: &Config) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &[]).map_err(Failed::Usage)?;
    match &args.explain {
        Some(key) => {
            let settings = resolved.explained()?;
            let wanted = below(&settings, key.trim_end_matches('.')).map_err(Failed::Usage)?;
            print(&wanted.into_iter().map(explanation).collect::<Vec<_>>().join("\n"))?;
        }
        None => print(&serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the setting of a key, or those below it.
fn below<'a>(settings: &'a [Setting], key: &str) -> anyhow::Result<Vec<&'a Setting>> {
    let prefix = if key.is_empty() { String::new() } else { format!("{key}.") };
    let found: Vec<&Setting> =
        settings.iter().filter(|setting| setting.key == key || setting.key.starts_with(&prefix)).collect();
    if found.is_empty() {
        let near = nearest(key, settings.iter().map(|setting| setting.key.as_str()));
        let hint =
            near.map_or("`config --explain` lists all keys".to_owned(), |near| format!("did you mean `{near}`?"));
        bail!("unknown key `{key}`\nhint: {hint}");
    }
    Ok(found)
}

fn explanation(setting: &Setting) -> String {
    let Setting { key, doc, default, value, origin } = setting;
    let now = if value == default { String::new() } else { format!("  value: {value}  ({origin})\n") };
    format!("{key}\n  {doc}\n  default: {default}\n{now}")
}
