//! The folder of a run, and the summary at its end.

use env_core::Environment;
use journal::{CellDir, Journal, Summary, write_summary};
use runner::Resolved;
use runner::run_folder::{OtherSettings, open_cell};

use crate::console::say;
use crate::output::show;

/// Makes the folder of a run that holds verdicts. Each is kept with what it is on and how it was reached, so that
/// settings may change from one command to the next; what they change is judged again.
pub(super) fn open_judged(resolved: &Resolved, journal: &Journal, cell: &str) -> anyhow::Result<CellDir> {
    open_cell(resolved, journal, cell, OtherSettings::Keep)
}

/// Writes the summary of a run and prints it. `allowed` is the share of infrastructure failures that a rate may have.
pub(super) fn summarize(cell_dir: &CellDir, environment: &dyn Environment, allowed: f64) -> anyhow::Result<Summary> {
    let summary = write_summary(cell_dir, environment, allowed)?;
    say(&format!("{}\nsee {}", summary.tally.lines(), show(cell_dir.path())));
    Ok(summary)
}
