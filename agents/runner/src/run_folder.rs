//! The folder of a run: its journal, its cells, and the settings that each was made with.

use anyhow::{Context, bail};
use journal::{CellDir, Journal, file_name, read_text, sweep, write_whole};

use crate::Resolved;
use crate::config::{differences, in_words};

/// What to do with a run folder that was made with other settings.
#[derive(Debug, Clone, Copy)]
pub enum OtherSettings<'a> {
    /// It is refused, with what can be done.
    Refuse(&'a str),
    /// These instances start over; it is refused if there are others in it.
    StartOver(&'a [String]),
    /// All in it is kept with the settings that it was made with.
    Keep,
}

/// What can be done about a folder with other settings, where a command takes `--fresh`.
pub const FRESH: &str = "choose another `--run`, or start over with `--fresh`";

/// Makes the folder of a cell and writes its configuration, which all that is in the folder was made with.
///
/// # Errors
/// When it holds what was made with other settings, or cannot be written.
pub fn open_cell(
    resolved: &Resolved,
    journal: &Journal,
    cell: &str,
    others: OtherSettings<'_>,
) -> anyhow::Result<CellDir> {
    let cell_dir = CellDir::create_in(journal, cell)?;
    {
        let _lease = cell_dir.lock()?;
        sweep(cell_dir.path());
    }
    keep_settings(resolved, &cell_dir, "config.yaml", others)?;
    Ok(cell_dir)
}

/// Writes the configuration that episodes of a cell are made with into a file of its folder, where there is none with
/// other settings.
///
/// # Errors
/// When there is one, or it cannot be written.
pub fn keep_settings(
    resolved: &Resolved,
    cell_dir: &CellDir,
    name: &str,
    others: OtherSettings<'_>,
) -> anyhow::Result<()> {
    let _lease = cell_dir.lock()?;
    let path = cell_dir.path().join(name);
    if !matches!(others, OtherSettings::Keep)
        && let Some(text) = read_text(&path)?
        && let Ok(all) = serde_yaml::from_str(&text)
    {
        let different = differences(&resolved.with_values(all).identity(), &resolved.identity());
        refuse(cell_dir, &different, others)?;
    }
    let text = serde_yaml::to_string(&resolved.all).context("the configuration cannot be written as YAML")?;
    write_whole(&path, text.as_bytes())
}

/// Refuses a folder that would hold two settings.
fn refuse(cell_dir: &CellDir, different: &[String], others: OtherSettings<'_>) -> anyhow::Result<()> {
    if different.is_empty() {
        return Ok(());
    }
    let (folder, settings) = (cell_dir.path().display(), in_words(different));
    match others {
        OtherSettings::Keep => Ok(()),
        OtherSettings::Refuse(hint) => bail!("`{folder}` holds a run with other settings: {settings}\nhint: {hint}"),
        OtherSettings::StartOver(ids) => match cell_dir.episodes_besides(ids) {
            0 => Ok(()),
            count => bail!(
                "`{folder}` holds {count} other instances that were solved with other settings: {settings}\n\
                 hint: choose another `--run`; `--fresh` starts over the instances that are named, and one folder never \
                 holds two settings"
            ),
        },
    }
}

/// Opens the journal of a run.
///
/// # Errors
/// When it cannot be read or written.
pub fn open_journal(resolved: &Resolved, run: &str) -> anyhow::Result<Journal> {
    Journal::open(&resolved.config.runs.join(file_name(run)))
}
