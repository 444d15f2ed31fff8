//! `import`: trajectories and candidate patches of other programs, taken into a run.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use training::{FileCounts, Target};

use crate::console::say;
use crate::failed::Failed;

/// How many errors of one file are told.
const TOLD: usize = 20;

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Files of other programs: JSON, JSONL or Parquet, each also as `.zst`. Told by what is in them: SWE-agent's
    /// `.traj`, mini-swe-agent's `.traj.json`, OpenHands' `output.jsonl`, Moatless's trajectories, Harbor's ATIF 1.4 to
    /// 1.8, NeMo Gym's rollouts, rows with `messages` and `instance_id`, and patches with their verdicts.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The run that they are taken into.
    #[arg(long, value_name = "NAME", default_value = "imported")]
    run: String,
    /// The folder of all runs.
    #[arg(long, value_name = "DIR", default_value = ".runs")]
    runs: PathBuf,
    /// The cell of the run. Default: one by the name of the agent and the model of each.
    #[arg(long, value_name = "NAME")]
    cell: Option<String>,
}

pub(crate) fn run(args: &Import) -> Result<ExitCode, Failed> {
    if let Some(missing) = args.files.iter().find(|file| !file.is_file()) {
        return Err(Failed::Usage(anyhow!("there is no file `{}`", missing.display())));
    }
    let target = Target { runs: args.runs.clone(), run: args.run.clone(), cell: args.cell.clone() };
    let counts = training::import(&args.files, &target, tell)?;
    let sum = |of: fn(&FileCounts) -> usize| counts.iter().map(of).sum::<usize>();
    let (imported, known, errors) = (sum(|one| one.imported), sum(|one| one.known), sum(|one| one.errors.len()));
    let folder = args.runs.join(journal::file_name(&args.run));
    say(&format!("{imported} imported into `{}`, {known} were there already", folder.display()));
    match errors {
        0 => Ok(ExitCode::SUCCESS),
        _ => Err(Failed::Run(anyhow!(
            "{errors} could not be read and are not in the run\nhint: they are named above by file and line"
        ))),
    }
}

/// Tells what was found in a file.
fn tell(file: &Path, counts: &FileCounts) {
    let FileCounts { imported, known, trajectories, messages, answers, calls, observations, patches, .. } = counts;
    let [resolved, unresolved] = counts.labels;
    let formats = counts.formats.keys().cloned().collect::<Vec<_>>().join(", ");
    say(&format!(
        "{}: {imported} imported, {known} known ({formats}); {trajectories} trajectories with {messages} messages, {answers} \
         answers, {calls} calls, {observations} observations; {patches} patches, {resolved} resolved, {unresolved} not",
        file.display()
    ));
    counts.errors.iter().take(TOLD).for_each(|err| say(&format!("error: {err}")));
    if counts.errors.len() > TOLD {
        say(&format!("error: {}: {} more could not be read", file.display(), counts.errors.len() - TOLD));
    }
}
