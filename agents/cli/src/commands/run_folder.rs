//! The folder of a run, and what is told of it at the end.

use anyhow::{Context, bail};
use env_core::Environment;
use journal::{CellDir, Journal, Summary, file_name, read_text, sweep, write_summary, write_whole};
use runner::Resolved;
use runner::config::{differences, in_words};

use crate::console::say;
use crate::output::show;

/// What becomes of a run folder that was made with other settings.
#[derive(Debug, Clone, Copy)]
pub(super) enum Others<'a> {
    /// It is refused.
    Refuse,
    /// These instances start over; it is refused if there are others in it.
    StartOver(&'a [String]),
    /// All in it is kept with the settings that it was made with.
    Keep,
}

/// Makes the folder of a run and writes its configuration, which all that is in the folder was made with.
pub(super) fn open_run(
    resolved: &Resolved,
    journal: &Journal,
    cell: &str,
    others: Others<'_>,
) -> anyhow::Result<CellDir> {
    let cell_dir = CellDir::create_in(journal, cell)?;
    let _lease = cell_dir.hold()?;
    sweep(cell_dir.path());
    let path = cell_dir.path().join("config.yaml");
    if !matches!(others, Others::Keep)
        && let Some(text) = read_text(&path)?
        && let Ok(all) = serde_yaml::from_str(&text)
    {
        let different = differences(&resolved.with_values(all).identity(), &resolved.identity());
        refuse(&cell_dir, &different, others)?;
    }
    let text = serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?;
    write_whole(&path, text.as_bytes())?;
    Ok(cell_dir)
}

/// Refuses a folder that would hold two settings.
fn refuse(cell_dir: &CellDir, different: &[String], others: Others<'_>) -> anyhow::Result<()> {
    if different.is_empty() {
        return Ok(());
    }
    let (folder, settings) = (show(cell_dir.path()), in_words(different));
    match others {
        Others::Keep => Ok(()),
        Others::Refuse => bail!(
            "{folder} holds a run with other settings: {settings}\nhint: choose another `--run`, or start over with `--fresh`"
        ),
        Others::StartOver(ids) => match cell_dir.episodes_besides(ids) {
            0 => Ok(()),
            count => bail!(
                "{folder} holds {count} other instances that were solved with other settings: {settings}\n\
                 hint: choose another `--run`; `--fresh` starts over the instances that are named, and one folder never \
                 holds two settings"
            ),
        },
    }
}

/// Makes the folder of a run that holds verdicts. Each is kept with what it is on and how it was reached, so that settings may
/// change from one command to the next; what they change is judged again.
pub(super) fn open_judged(resolved: &Resolved, journal: &Journal, cell: &str) -> anyhow::Result<CellDir> {
    open_run(resolved, journal, cell, Others::Keep)
}

/// Opens the journal of a run.
pub(super) fn open_journal(resolved: &Resolved, run: &str) -> anyhow::Result<Journal> {
    Journal::open(&resolved.config.runs.join(file_name(run)))
}

/// Writes the summary of a run and tells of it. `allowed` is the share of failures of infrastructure a rate may have.
pub(super) fn summarize(cell_dir: &CellDir, environment: &dyn Environment, allowed: f64) -> anyhow::Result<Summary> {
    let summary = write_summary(cell_dir, environment, allowed)?;
    say(&format!("{}\nsee {}", summary.tally.lines(), show(cell_dir.path())));
    Ok(summary)
}
