//! `solve`: solves instances and judges the patches.

use std::process::ExitCode;

use clap::Args;
use env_core::find_instance;

use super::Failed;
use super::output::{print_json, to_json};
use super::run_folder::{open_run, summarize};
use crate::Plug;
use crate::cli::Settings;
use crate::config::Resolved;
use crate::console::say;
use crate::environments::{Providers, open};
use crate::models::Models;
use crate::solve::{Cell, describe};

#[derive(Debug, Args)]
pub(crate) struct Solve {
    /// The instances' ids.
    #[arg(required = true)]
    pub(crate) instances: Vec<String>,
    /// Starts over, even where the run folder holds a finished episode.
    #[arg(long)]
    pub(crate) fresh: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(super) async fn run(plugs: &[Plug], args: Solve, providers: &Providers) -> Result<ExitCode, Failed> {
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
    summarize(&cell.run_dir, cell.environment.as_ref(), cell.resolved.config.evaluation.infrastructure)?;
    Ok(code)
}
