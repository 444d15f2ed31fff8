//! Runs written in the formats of other programs, so that their viewers and converters read them.
//!
//! No more than one trajectory is held at a time. What a format cannot say is counted by kind.

mod clock;
mod group;
mod source;
mod spoken;
mod totals;
mod written;

mod atif;
mod inspect;
mod mini;
mod openhands;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use journal::{Episode, Run};
use serde_json::Value;

use crate::counts::Counts;
use crate::out::Out;
use group::{Group, groups};
use source::Source;
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
/// When two runs or cells would be written to one place, the folder cannot be used, a record cannot be read, or something
/// cannot be written.
pub fn write_runs(runs: &[Run], format: Format, out: Out<'_>) -> anyhow::Result<Written> {
    let mut written = Written::default();
    let mut losses = Counts::default();
    // The other two hold an instance no more than once.
    let by_sample = matches!(format, Format::OpenHands | Format::Mini);
    let groups = groups(runs, by_sample);
    let places = places(&groups, format, out.folder)?;
    out.begin()?;
    for (group, place) in groups.iter().zip(places) {
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
        write(group, episodes, &place, &mut written, &mut losses)?;
    }
    if written.episodes == 0 {
        out.give_up();
    }
    written.losses = losses;
    Ok(written)
}

/// Returns where each group goes: a folder, and for Inspect a file.
///
/// # Errors
/// When two would go to the same place, before anything is written.
fn places(groups: &[Group<'_>], format: Format, out: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut taken: HashMap<PathBuf, &Group<'_>> = HashMap::new();
    let mut places = Vec::with_capacity(groups.len());
    for group in groups {
        let place = match format {
            Format::Atif => out.join(group.job()),
            Format::Inspect => out.join(&group.folder).join(group.log()),
            Format::OpenHands | Format::Mini => out.join(&group.folder),
        };
        if let Some(other) = taken.insert(place.clone(), group) {
            bail!(
                "cell `{}` of `{}` and cell `{}` of `{}` would both be written to `{}`\nhint: export them into folders of \
                 their own, or rename the folder of a run",
                other.cell,
                other.source().display(),
                group.cell,
                group.source().display(),
                place.display()
            );
        }
        places.push(place);
    }
    Ok(places)
}

/// Returns an episode of a run as a trajectory of Harbor's, ATIF 1.8; `None` where it holds no step, which the format asks
/// for.
///
/// # Errors
/// When its record cannot be read.
pub fn atif(run: &str, episode: Episode) -> anyhow::Result<Option<Value>> {
    let source = Source::read(run, episode)?;
    Ok(atif::trajectory(&source, &mut Counts::default()).map(Value::Object))
}

/// Returns whether there is anything to write of an episode, and counts it where there is not.
fn has_ended(episode: &Episode, written: &mut Written) -> bool {
    let has_ended = episode.ended.is_some() || episode.prediction.is_some() || episode.judged.is_some();
    if !has_ended {
        written.left_out.count("has not ended", 1);
    }
    has_ended
}
