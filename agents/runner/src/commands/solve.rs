//! `solve`: solves instances and judges the patches.

use std::collections::HashSet;
use std::process::ExitCode;

use clap::Args;
use env_core::find_instance;

use super::Failed;
use super::output::{print, print_json, to_json};
use super::run_folder::{Others, open_run, summarize};
use crate::Plug;
use crate::cli::Settings;
use crate::config::Resolved;
use crate::console::say;
use crate::environments::{Providers, open, refuse_unjudgeable, revision};
use crate::models::Models;
use crate::result::{InstanceResult, table};
use crate::solve::{Cell, describe};

#[derive(Debug, Args)]
pub(crate) struct Solve {
    /// The instances' ids.
    #[arg(required = true)]
    pub(crate) instances: Vec<String>,
    /// Starts over, even where the run folder holds a finished episode.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Prints the full reports as one JSON object keyed by instance id, in the place of a short line for each instance.
    #[arg(long)]
    pub(crate) reports: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(super) async fn run(plugs: &[Plug], args: Solve, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings, &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let found = args.instances.iter().map(|id| find_instance(environment.instances(), id).cloned());
    let mut wanted = found.collect::<Result<Vec<_>, _>>().map_err(|err| Failed::Usage(err.into()))?;
    let mut seen = HashSet::new();
    wanted.retain(|instance| seen.insert(instance.instance_id.clone()));
    if let Some(mute) = wanted.iter().find(|instance| instance.problem_statement.trim().is_empty()) {
        let id = &mute.instance_id;
        let why = format!("`{id}` has no issue text\nhint: put it into the column `problem_statement` of its row");
        return Err(Failed::Usage(anyhow::anyhow!(why)));
    }
    if resolved.config.evaluate {
        // An episode is too dear to end without the verdict that was asked for.
        let hint = "`-c evaluate=false` solves it all the same, without a verdict";
        refuse_unjudgeable(environment.as_ref(), &wanted, hint).map_err(Failed::Usage)?;
    }
    let models = Models::open(&resolved, environment.name()).map_err(Failed::Usage)?;
    let prompts = crate::models::prompts(resolved.config.prompts.as_deref()).map_err(Failed::Usage)?;
    let ids: Vec<String> = wanted.iter().map(|instance| instance.instance_id.clone()).collect();
    let others = if args.fresh { Others::StartOver(&ids) } else { Others::Refuse };
    let run_dir = open_run(&resolved, &resolved.run_name(), resolved.plug.name, others)?;
    run_dir.ask(wanted.iter().map(|instance| instance.instance_id.as_str()))?;
    let dataset_revision = resolved.config.env.dataset.as_deref().and_then(revision);
    let cell = Cell { resolved, environment, models, prompts, run_dir, dataset_revision };
    let (mut code, mut results, mut reports) = (ExitCode::SUCCESS, Vec::new(), serde_json::Map::new());
    for instance in &wanted {
        let (id, folder) = (instance.instance_id.as_str(), cell.run_dir.instance_path(&instance.instance_id));
        let solved = cell.solve(instance, args.fresh).await.map_err(|err| format!("{err:#}"));
        let is_well = match &solved {
            Ok(solved) => {
                say(&describe(id, solved));
                !solved.failed() && (solved.verdict.is_some() || !cell.resolved.config.evaluate)
            }
            Err(why) => {
                say(&format!("{id}: {why}"));
                false
            }
        };
        if !is_well {
            code = ExitCode::from(1);
        }
        let result = InstanceResult::solved(id, &folder, solved.as_ref().map_err(String::as_str));
        if args.reports {
            let verdict = solved.ok().and_then(|solved| solved.verdict);
            reports.insert(id.to_owned(), to_json(&verdict.map(|verdict| verdict.report))?);
        } else {
            print(&result.line()?)?;
        }
        results.push(result);
    }
    if args.reports {
        print_json(&reports)?;
    }
    say(&table(&results));
    summarize(&cell.run_dir, cell.environment.as_ref(), cell.resolved.config.evaluation.infrastructure)?;
    Ok(code)
}
