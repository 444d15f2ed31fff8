//! Runs written in the formats of other programs, so that their viewers and converters read them.
//!
//! No more than one trajectory is held at a time. What a format cannot say is counted by kind.

mod clock;
mod group;
mod losses;
mod source;
mod spoken;
mod written;

mod atif;
mod inspect;
mod mini;
mod openhands;

use std::path::Path;

use journal::{Episode, Run};

use group::groups;
use losses::Losses;
pub use written::Written;

/// A format of another program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Harbor's trajectories, ATIF 1.8, in the folders of its jobs and trials.
    Atif,
    /// OpenHands' `output.jsonl`.
    OpenHands,
    /// mini-swe-agent's `.traj.json`.
    Mini,
    /// Inspect's `.eval`.
    Inspect,
}

/// Writes the episodes of runs into a folder.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub fn write_runs(runs: &[Run], format: Format, out: &Path) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut losses = Losses::default();
    // The other two hold an instance no more than once.
    let by_sample = matches!(format, Format::OpenHands | Format::Mini);
    for group in groups(runs, by_sample) {
        let mut episodes = group.episodes();
        episodes.retain(|episode| has_ended(episode, &mut written));
        if episodes.is_empty() {
            continue;
        }
        let write = match format {
            Format::Atif => atif::write_job,
            Format::OpenHands => openhands::write_evaluation,
            Format::Mini => mini::write_batch,
            Format::Inspect => inspect::write_log,
        };
        let folder = match format {
            Format::Atif => out.to_owned(),
            _ => out.join(&group.folder),
        };
        write(&group, episodes, &folder, &mut written, &mut losses)?;
    }
    written.losses = losses.0;
    Ok(written)
}

/// Returns whether there is anything to write of an episode, and counts it where there is not.
fn has_ended(episode: &Episode, written: &mut Written) -> bool {
    let has_ended = episode.ended.is_some() || episode.prediction.is_some() || episode.judged.is_some();
    if !has_ended {
        *written.left_out.entry("has not ended".to_owned()).or_default() += 1;
    }
    has_ended
}
