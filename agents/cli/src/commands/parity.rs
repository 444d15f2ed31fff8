//! `parity`: how our verdicts on saved logs agree with the recorded ones.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use grading::logs::{Agreement, ComparisonKind, Difference, Parity, Record, Recorded, SavedLogs};
use runner::Plugs;
use serde_json::json;

use super::grade::{Rows, records, tell_left_out};
use crate::console::say;
use crate::datasets::load_grader;
use crate::failed::Failed;
use crate::output::{print_json, to_json};

/// The files with recorded findings, for `--help`.
const FORMATS: &str = "\
Reference files, JSON lines in the folder of the logs, which may be compressed by zstd (`.jsonl.zst`):
  parsed_by_swegym*.jsonl      what SWE-Gym's fork read: {\"log\": \"a/b.log\", \"found\": true, \"map\": {\"t.py::test\": \"PASSED\"}}
  parsed_by_swebench_4*.jsonl  the same by SWE-bench 4; with `different` in the name, the file holds what its parser alone
                               made of the logs that it reads otherwise than the fork
  parsed_by_swebench_5*.jsonl  the same by SWE-bench 5
  official_tests_status*.jsonl the tests of official reports: {\"log\": \"a/b.log\", \"tests_status\": {\"FAIL_TO_PASS\":
                               {\"success\": [], \"failure\": []}, \"PASS_TO_PASS\": {\"success\": [], \"failure\": []}}}
`log` is the path as in the manifest; `found` says whether the harness counted the log; `map` is empty where it did not.";

#[derive(Debug, Args)]
#[command(after_help = FORMATS)]
pub(crate) struct ParityCommand {
    /// The logs: a folder, which may contain archives, or one archive. What the official harnesses found in them is
    /// read from files in the same folder; see below.
    #[arg(long, value_name = "DIR")]
    logs: PathBuf,
    /// A JSON object a line with `log`, `instance_id`, `repo`, and `resolved` where the verdict is known. Default:
    /// `manifest.jsonl` in the folder.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Exits with code 1 unless all verdicts agree, except those of SWE-bench 1, and this share, from 0 to 1, of all
    /// other comparisons; with a dataset, at least one verdict must have been compared.
    #[arg(long, value_name = "SHARE", num_args = 0..=1, default_missing_value = "1", value_parser = share)]
    check: Option<f64>,
    #[command(flatten)]
    rows: Rows,
}

pub(crate) async fn run(plugs: Plugs, args: ParityCommand) -> Result<ExitCode, Failed> {
    let records = records(&args.logs, args.manifest.as_deref()).map_err(Failed::Usage)?;
    let saved = SavedLogs::open(&args.logs).map_err(Failed::Usage)?;
    let recorded = Recorded::read(&args.logs).map_err(Failed::Usage)?;
    let ids: Vec<String> = records.iter().map(|record| record.instance_id.clone()).collect();
    let datasets = &args.rows.datasets;
    let ids = if datasets.is_empty() { &[] } else { ids.as_slice() };
    let grader = load_grader(&plugs, datasets, ids, args.rows.dialect).await.map_err(Failed::Usage)?;
    for remark in recorded.match_with(&records).map_err(Failed::Usage)? {
        say(&remark);
    }
    let (compared, left_out) = saved.each(&records, |record, log| Parity::compare(record, log, &recorded, &grader));
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
    tell_left_out(&left_out);
    if parity.totals().is_empty() && broken == 0 {
        return Err(Failed::Usage(nothing_compared(&records, datasets)));
    }
    tell(&parity, datasets.is_empty());
    print(&parity)?;
    let agree = args.check.is_none_or(|share| agrees(&parity, share, !datasets.is_empty()));
    Ok(ExitCode::from(u8::from(broken > 0 || !agree)))
}

/// Says why nothing could be compared.
fn nothing_compared(records: &[Record], datasets: &[String]) -> anyhow::Error {
    let verdicts = records.iter().filter(|record| record.resolved.is_some()).count();
    let why = match (verdicts, datasets) {
        (0, _) => "no record has `resolved`, and no file beside the logs says what a harness found in them",
        (_, []) => "verdicts need `--dataset`, and no file beside the logs says what a harness found in them",
        _ => "no dataset holds an instance of the records, and no file beside the logs says what a harness found",
    };
    anyhow::anyhow!("nothing was compared: {why}\nhint: `spotter parity --help` shows the formats of such files")
}

/// Reads a share from 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        return Ok(share);
    }
    Err("a share is from 0 to 1, such as 0.999".to_owned())
}

/// Returns whether all verdicts agree, and enough of the rest; nothing compared is no agreement.
fn agrees(parity: &Parity, share: f64, verdicts: bool) -> bool {
    let enough = |what: ComparisonKind, all: &Agreement| match what {
        ComparisonKind::Verdict => all.equal == all.logs,
        ComparisonKind::VerdictOfSweBench1 => true,
        ComparisonKind::Statuses | ComparisonKind::Applied => all.equal as f64 >= share * all.logs as f64,
    };
    let totals = parity.totals();
    let compared = |wanted: ComparisonKind| totals.keys().any(|(what, _)| *what == wanted);
    let any = if verdicts { compared(ComparisonKind::Verdict) } else { !totals.is_empty() };
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

fn title(what: ComparisonKind) -> &'static str {
    match what {
        ComparisonKind::Statuses => "statuses",
        ComparisonKind::Applied => "patch applied",
        ComparisonKind::Verdict => "verdict",
        ComparisonKind::VerdictOfSweBench1 => "verdict of SWE-bench 1, read as another",
    }
}
