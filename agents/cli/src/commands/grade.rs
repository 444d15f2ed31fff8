//! `grade`: verdicts on saved logs, without any container.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::Args;
use env_core::Dialect;
use grading::logs::{DialectCounts, Grader, LogDialect, Record, SavedLogs, read_manifest, records_below};
use grading::{Graded, GradingSpec, Unread, grade};
use runner::Plugs;
use serde_json::{Value, json};

use crate::console::say;
use crate::datasets::load_grader;
use crate::failed::Failed;
use crate::output::{print, print_json, to_json};

#[derive(Debug, Args)]
pub(crate) struct Grade {
    /// A log, such as a run's `test_output.txt`.
    #[arg(long, value_name = "FILE", requires = "instance", conflicts_with = "logs")]
    log: Option<PathBuf>,
    /// The instance that the log is of.
    #[arg(long, value_name = "ID", requires = "log")]
    instance: Option<String>,
    /// Several logs: a folder, which may contain archives, or a `.tar` or `.tar.zst` archive.
    #[arg(long, value_name = "DIR", required_unless_present = "log")]
    logs: Option<PathBuf>,
    /// The manifest of the logs: one JSON object a line with `log`, `instance_id` and, where a log is of another
    /// harness than its row, `dialect`. Default: `manifest.jsonl` in the folder, else the names of the logs in it,
    /// archives aside.
    #[arg(long, value_name = "FILE", requires = "logs")]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    rows: Rows,
}

/// What saved logs are judged by.
#[derive(Debug, Args)]
pub(crate) struct Rows {
    /// A dataset with the instances: a name such as `swe-gym-lite`, or a file. May be repeated; the first row of an
    /// instance counts.
    #[arg(short, long = "dataset", value_name = "DATASET")]
    pub(crate) datasets: Vec<String>,
    /// The official harness whose verdicts are reproduced: `swe-gym`, `swe-bench-4` or `swe-bench-5`. Default: by the
    /// row, and by the marks of the log where they do not fit it.
    #[arg(long)]
    pub(crate) dialect: Option<Dialect>,
}

pub(crate) async fn run(plugs: Plugs, args: Grade) -> Result<ExitCode, Failed> {
    if let (Some(log), Some(instance)) = (&args.log, &args.instance) {
        return one(&plugs, log, instance, &args.rows).await;
    }
    let folder = args.logs.clone().unwrap_or_default();
    let records = records(&folder, args.manifest.as_deref()).map_err(Failed::Usage)?;
    let saved = SavedLogs::open(&folder).map_err(Failed::Usage)?;
    let ids: Vec<String> = records.iter().map(|record| record.instance_id.clone()).collect();
    let grader = load_grader(&plugs, &args.rows.datasets, &ids, args.rows.dialect).await.map_err(Failed::Usage)?;
    many(&saved, &records, &grader)
}

/// Returns what is known of the logs in a folder.
pub(super) fn records(folder: &Path, manifest: Option<&Path>) -> anyhow::Result<Vec<Record>> {
    let beside = ["manifest.jsonl", "manifest.jsonl.zst"].map(|name| folder.join(name));
    match manifest.or_else(|| beside.iter().map(PathBuf::as_path).find(|path| path.is_file())) {
        Some(path) => read_manifest(path),
        None if folder.is_file() => {
            bail!("`{}` is an archive\nhint: `--manifest FILE` says which log is of which instance", folder.display())
        }
        None => records_below(folder),
    }
}

async fn one(plugs: &Plugs, log: &Path, instance: &str, rows: &Rows) -> Result<ExitCode, Failed> {
    let ids = [instance.to_owned()];
    let grader = load_grader(plugs, &rows.datasets, &ids, rows.dialect).await.map_err(Failed::Usage)?;
    let unreadable = || format!("cannot read `{}`", log.display());
    let mut file = File::open(log).with_context(unreadable).map_err(Failed::Usage)?;
    let (spec, log_dialect) = grader.spec_of_log(instance, None, &mut file).map_err(Failed::Usage)?;
    let graded = grade(file, &spec).with_context(unreadable)?;
    let mut dialects = DialectCounts::default();
    dialects.add(instance, log_dialect, &spec);
    for line in dialects.remarks() {
        say(&line);
    }
    for line in remarks(&graded) {
        say(&line);
    }
    print_json(&json!({ instance: to_json(&graded.report)? }))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns what a person should know of a verdict beyond the report.
fn remarks(graded: &Graded) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(failure) = graded.failure {
        lines.push(format!("the log does not count: {failure}"));
    }
    if let Some(infra) = graded.infra {
        lines.push(format!("sign of a broken environment ({}): {}", name(&infra.tier), name(&infra.reason)));
    }
    lines.extend(unread_remarks(&graded.unread));
    lines
}

/// Returns what could not be read, in words.
fn unread_remarks(unread: &Unread) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((line, text)) = &unread.first {
        lines.push(format!(
            "{} lines look like test results but are not, the first is line {line}: `{text}`",
            unread.lines
        ));
    }
    if unread.invalid_bytes > 0 {
        lines.push(format!("{} places are not UTF-8", unread.invalid_bytes));
    }
    if unread.long_lines > 0 {
        lines.push(format!("{} lines of more than 1 MiB were read without their middle", unread.long_lines));
    }
    lines
}

/// Returns the name of a unit variant as it is in reports.
fn name(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| Some(value.as_str()?.to_owned())).unwrap_or_default()
}

/// What came of one log.
struct One {
    log_dialect: LogDialect,
    spec: GradingSpec,
    graded: Graded,
}

/// Grades all logs and prints an object a line, in the order of the manifest.
fn many(saved: &SavedLogs, records: &[Record], grader: &Grader) -> Result<ExitCode, Failed> {
    let begun = Instant::now();
    let (all, left_out) = saved.each(records, |record, log| {
        let mut log = log.into_source();
        let (spec, log_dialect) = grader.spec_of_log(&record.instance_id, record.dialect, &mut log)?;
        let graded = grade(log, &spec).with_context(|| format!("cannot read `{}`", record.log))?;
        Ok(One { log_dialect, spec, graded })
    });
    let (mut resolved, mut failed) = (0, 0);
    let (mut dialects, mut unread) = (DialectCounts::default(), Vec::new());
    for (record, one) in records.iter().zip(all) {
        let mut line = head(record);
        match one {
            Ok(One { log_dialect, spec, graded }) => {
                resolved += usize::from(graded.report.resolved);
                dialects.add(&record.instance_id, log_dialect, &spec);
                if graded.unread != Unread::default() {
                    unread.push((record, graded.unread.clone()));
                }
                line.extend(graded_line(&spec, &graded)?);
            }
            Err(err) => {
                failed += 1;
                line.insert("error".to_owned(), format!("{err:#}").into());
            }
        }
        print(&format!("{}\n", Value::Object(line)))?;
    }
    dialects.remarks().iter().for_each(|line| say(line));
    tell_unread(&unread, &left_out);
    let unresolved = records.len() - resolved - failed;
    let seconds = begun.elapsed().as_secs_f64();
    say(&format!(
        "{} logs in {seconds:.2} s: {resolved} resolved, {unresolved} not, {failed} without a verdict",
        records.len()
    ));
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn graded_line(spec: &GradingSpec, graded: &Graded) -> anyhow::Result<serde_json::Map<String, Value>> {
    let mut line = serde_json::Map::new();
    line.insert("dialect".to_owned(), spec.dialect.name().into());
    line.insert("failure".to_owned(), to_json(&graded.failure)?);
    line.insert("infra".to_owned(), to_json(&graded.infra)?);
    if graded.unread != Unread::default() {
        line.insert("unread".to_owned(), to_json(&graded.unread)?);
    }
    line.insert("report".to_owned(), to_json(&graded.report)?);
    Ok(line)
}

/// Says what of the logs, and which logs, were not read.
fn tell_unread(unread: &[(&Record, Unread)], left_out: &[String]) {
    for (record, unread) in unread.iter().take(TOLD) {
        unread_remarks(unread).iter().for_each(|line| say(&format!("{}: {line}", record.log)));
    }
    if let Some(more) = unread.len().checked_sub(TOLD).filter(|more| *more > 0) {
        say(&format!("and {more} more logs that could not be read completely: see `unread` in their lines"));
    }
    tell_left_out(left_out);
}

/// Says which logs were not read because nothing names them.
pub(super) fn tell_left_out(left_out: &[String]) {
    if let Some(first) = left_out.first() {
        let count = left_out.len();
        say(&format!(
            "not read, because no record names them: {count} (`{first}` and so on)\nhint: a manifest names logs"
        ));
    }
}

/// How many logs of a kind are named one by one.
const TOLD: usize = 5;

fn head(record: &Record) -> serde_json::Map<String, Value> {
    let names = [("log", &record.log), ("instance_id", &record.instance_id)];
    names.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value.as_str()))).collect()
}
