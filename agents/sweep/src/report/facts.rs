//! What a journal says of the episodes of a cell, as far as figures need it.

use std::collections::HashMap;

use agent_core::Spending;
use journal::{Ending, Episode, Run};

/// The share of infrastructure that a rate may have where the configuration of a cell does not say.
const ALLOWED: f64 = 0.02;

/// What is known of an episode that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The instance.
    pub instance_id: String,
    /// Which of the episodes of one agent on one instance, from 0.
    pub sample: u32,
    /// What it counts as.
    pub ending: Ending,
    /// How the episode ended, in a word; `None` where it has not, and where patches were only judged.
    pub exit_status: Option<String>,
    /// What it took; `None` where that is not known.
    pub spending: Option<Spending>,
}

/// What is known of the episodes that a cell was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct CellFacts {
    /// The run.
    pub run: String,
    /// The cell.
    pub cell: String,
    /// The episodes, by sample and instance.
    pub facts: Vec<Fact>,
    /// The share of infrastructure that a rate may have.
    pub allowed: f64,
    /// Episodes that no one asks for any more, which count nowhere.
    pub dropped: usize,
}

impl CellFacts {
    /// Reads what the journal of a run says of a cell. `allowed` is the share of infrastructure that a rate may have,
    /// in place of what the cell's configuration says.
    pub fn read(run: &Run, name: &str, cell: &str, allowed: Option<f64>) -> Self {
        let asked = run.asked(cell);
        let mut known: HashMap<(String, u32), Fact> = HashMap::new();
        run.each_episode(cell, |episode| {
            let fact = Fact::of(&episode);
            known.insert((episode.instance_id, episode.sample), fact);
        });
        let one = |key: (String, u32)| known.remove(&key).unwrap_or_else(|| Fact::unknown(key));
        let facts: Vec<Fact> = asked.into_iter().map(one).collect();
        Self {
            run: name.to_owned(),
            cell: cell.to_owned(),
            facts,
            allowed: allowed.or_else(|| configured(run, cell)).unwrap_or(ALLOWED),
            dropped: known.len(),
        }
    }
}

impl Fact {
    fn of(episode: &Episode) -> Self {
        let ended = episode.ended.as_ref();
        let spending = ended.and_then(|ended| match (&ended.spending, &ended.error) {
            (Some(spending), _) => Some(*spending),
            // Earlier versions kept what an episode took in its outcome alone.
            (None, None) => episode.outcome().map(|outcome| outcome.spending),
            (None, Some(_)) => None,
        });
        Self {
            instance_id: episode.instance_id.clone(),
            sample: episode.sample,
            ending: episode.ending(),
            exit_status: ended.map(|ended| ended.exit_status.clone()),
            spending,
        }
    }

    /// Returns what is known of an episode that has not begun.
    fn unknown((instance_id, sample): (String, u32)) -> Self {
        Self { instance_id, sample, ending: Ending::Unfinished, exit_status: None, spending: None }
    }

    /// Returns whether the episode ended because the agent went in circles.
    pub(super) fn is_stuck(&self) -> bool {
        self.exit_status.as_deref() == Some("limit_stuck")
    }
}

/// Returns the share of infrastructure that the configuration of a cell allows.
fn configured(run: &Run, cell: &str) -> Option<f64> {
    let config: serde_yaml::Value = serde_yaml::from_str(&run.config(cell).ok()??).ok()?;
    config.get("evaluation")?.get("infrastructure")?.as_f64()
}
