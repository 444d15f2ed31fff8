//! `parity`: how our verdicts on saved logs agree with the recorded ones.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::Failed;
use super::grade::{Rows, records};
use super::output::{print_json, to_json};
use crate::console::say;
use crate::logs::{Agreement, Difference, Grader, Parity, Recorded, Saved, What};

#[derive(Debug, Args)]
pub(crate) struct ParityCommand {
    /// The logs: a folder, which may hold archives. What the official harnesses found in them is read from the files
    /// `parsed_by_swegym*.jsonl`, `parsed_by_swebench_4*.jsonl`, `parsed_by_swebench_5*.jsonl` and
    /// `official_tests_status*.jsonl` in it, which may be compressed by zstd.
    #[arg(long, value_name = "DIR")]
    logs: PathBuf,
    /// A JSON object a line with `log`, `instance_id`, `repo`, and `resolved` where the verdict is known. Default:
    /// `manifest.jsonl` in the folder.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Ends with exit code 1 unless all verdicts agree, those of SWE-bench 1 aside, and this share of all other
    /// comparisons; with a dataset, at least one verdict must have been compared.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "1")]
    check: Option<f64>,
    #[command(flatten)]
    rows: Rows,
}

pub(super) async fn run(args: ParityCommand) -> Result<ExitCode, Failed> {
    let records = records(&args.logs, args.manifest.as_deref()).map_err(Failed::Usage)?;
    let saved = Saved::open(&args.logs).map_err(Failed::Usage)?;
    let recorded = Recorded::read(&args.logs).map_err(Failed::Usage)?;
    let ids: Vec<String> = records.iter().map(|record| record.instance_id.clone()).collect();
    let datasets = &args.rows.datasets;
    let ids = if datasets.is_empty() { &[] } else { ids.as_slice() };
    let grader = Grader::load(datasets, ids, args.rows.dialect).await.map_err(Failed::Usage)?;
    let compared = saved.each(&records, |record, log| Parity::compare(record, log, &recorded, &grader));
    let (mut parity, mut broken) = (Parity::default(), 0);
    for compared in compared {
        match compared {
            Ok(compared) => parity.add(compared),
            Err(err) => {
                broken += 1;
                say(&format!("error: {err:#}"));
            }
        }
    }
    tell(&parity, datasets.is_empty());
    print(&parity)?;
    let agree = args.check.is_none_or(|share| broken == 0 && agrees(&parity, share, !datasets.is_empty()));
    Ok(ExitCode::from(u8::from(!agree)))
}

/// Returns whether all verdicts agree, and enough of the rest; nothing compared is no agreement.
fn agrees(parity: &Parity, share: f64, verdicts: bool) -> bool {
    let enough = |what: What, all: &Agreement| match what {
        What::Verdict => all.equal == all.logs,
        What::VerdictOfSweBench1 => true,
        What::Statuses | What::Applied => all.equal as f64 >= share * all.logs as f64,
    };
    let totals = parity.totals();
    let compared = |wanted: What| totals.keys().any(|(what, _)| *what == wanted);
    let any = if verdicts { compared(What::Verdict) } else { !totals.is_empty() };
    any && totals.iter().all(|((what, _), all)| enough(*what, all))
}

fn print(parity: &Parity) -> anyhow::Result<()> {
    let groups = parity.groups.iter().map(|((what, dialect, repo), group)| {
        json!({ "what": what, "dialect": dialect, "repo": repo, "logs": group.logs, "equal": group.equal })
    });
    print_json(&json!({ "agreement": groups.collect::<Vec<_>>(), "differences": to_json(&parity.differences)? }))
}

/// Says how much agrees, by repository, and each difference.
fn tell(parity: &Parity, without_rows: bool) {
    for ((what, dialect), total) in parity.totals() {
        say(&format!("{:<44} {:>6} of {:>6} equal", format!("{}, {dialect}", title(what)), total.equal, total.logs));
        for ((of, its, repo), group) in &parity.groups {
            if (*of, *its) == (what, dialect) {
                say(&format!("    {repo:<40} {:>6} of {:>6}", group.equal, group.logs));
            }
        }
    }
    for Difference { what, log, test, ours, official, .. } in &parity.differences {
        let test = test.as_ref().map(|test| format!(", `{test}`")).unwrap_or_default();
        say(&format!("{}: {log}{test}: ours {ours}, official {official}", title(*what)));
    }
    if without_rows {
        say("verdicts were not compared\nhint: `--dataset` names where the instances' test lists are");
    }
}

fn title(what: What) -> &'static str {
    match what {
        What::Statuses => "statuses",
        What::Applied => "patch applied",
        What::Verdict => "verdict",
        What::VerdictOfSweBench1 => "verdict of SWE-bench 1, read as another",
    }
}
