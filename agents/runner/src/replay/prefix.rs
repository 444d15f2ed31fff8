//! The first steps of an episode, from which others continue.

use agent_core::{Origin, Parent, Record, Trajectory};
use anyhow::bail;

use super::record::RecordedEpisode;

/// The first steps of an episode, from which others continue.
#[derive(Debug, Clone)]
pub struct Prefix {
    parent: Parent,
    trajectory: Trajectory,
}

impl Prefix {
    /// Returns the first `step` steps of an episode.
    ///
    /// # Errors
    /// When it has no more steps than that and ended by itself, so that nothing would be left to do.
    pub fn new(record: &RecordedEpisode, step: u64) -> anyhow::Result<Self> {
        let steps = record.trajectory.steps();
        // One that a limit or a failure ended may continue after its last step.
        let most = if record.has_ended_itself() { steps.saturating_sub(1) } else { steps };
        if step > most {
            bail!(
                "`{}` has {steps} steps, and an episode can continue after at most {most} of them\n\
                 hint: `--from-step {most}`, or fewer",
                record.name()
            );
        }
        let is_of_it = |record: &&Record| match record {
            Record::Header(_) => true,
            Record::Outcome(_) | Record::RecordCut { .. } => false,
            _ => record.step().is_some_and(|of| of <= step),
        };
        let records = record.trajectory.records.iter().filter(is_of_it).cloned().collect();
        let (run, cell) = (record.run.clone(), record.cell.clone());
        let parent = Parent { run, cell, instance_id: record.instance_id.clone(), sample: record.sample, step };
        Ok(Self { parent, trajectory: Trajectory { records, torn: false } })
    }

    /// Returns where the steps are from.
    pub fn parent(&self) -> &Parent {
        &self.parent
    }

    /// Returns the steps as an unfinished episode that is made from `origin` would have recorded them; `None` where
    /// nothing was answered in them.
    pub(crate) fn unfinished(&self, origin: &Origin, config: &str) -> Option<Trajectory> {
        let mut trajectory = self.trajectory.clone();
        trajectory.completions().next()?;
        if let Some(Record::Header(header)) = trajectory.records.first_mut() {
            header.origin = origin.clone();
            header.config = config.to_owned();
        }
        Some(trajectory)
    }
}
