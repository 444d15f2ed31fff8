//! `instances`: lists the instances of a dataset.

use std::process::ExitCode;

use clap::Args;
use dataset::{Selection, select};
use runner::Plugs;
use runner::Resolved;
use runner::environments::{Providers, open};

use crate::failed::Failed;
use crate::output::print;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct Instances {
    /// Only ids that this regular expression matches.
    #[arg(short, long)]
    pub(crate) filter: Option<String>,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(crate) async fn run(plugs: &Plugs, args: Instances, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &[]).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let selection = Selection { filter: args.filter, ..Selection::default() };
    let instances = environment.instances();
    let found = select(instances, &selection).map_err(|err| Failed::Usage(err.into()))?;
    let found = found.into_iter().filter_map(|place| instances.get(place));
    print(&found.map(|instance| format!("{}\n", instance.instance_id)).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}
