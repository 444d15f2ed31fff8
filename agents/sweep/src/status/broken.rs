//! Infrastructure failures, by kind.

use std::collections::BTreeMap;

use agent_core::ExitStatus;
use journal::Episode;
use serde::Serialize;

/// Episodes without a result because of one kind of infrastructure failure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Broken {
    /// The way: an exit status such as `model_failed`, `no_verdict`, or `environment` where the tests do not run
    /// without the patch either.
    pub kind: String,
    /// How many episodes.
    pub count: usize,
    /// The cell of the last one.
    pub cell: String,
    /// Its instance.
    pub instance_id: String,
    /// Its sample.
    pub sample: u32,
    /// When that was, in seconds since 1970.
    pub at: Option<f64>,
    /// The error.
    pub error: String,
}

/// Counts what broke; of each kind the last episode is kept.
#[derive(Debug, Default)]
pub(super) struct Kinds(BTreeMap<String, (usize, Episode)>);

impl Kinds {
    /// Counts an episode that infrastructure kept from a result.
    pub(super) fn add(&mut self, episode: Episode) {
        match self.0.get_mut(&kind(&episode)) {
            Some((count, last)) => {
                *count += 1;
                if episode.came >= last.came {
                    *last = episode;
                }
            }
            None => drop(self.0.insert(kind(&episode), (1, episode))),
        }
    }

    /// Returns the kinds, the last that was met first.
    pub(super) fn told(self) -> Vec<Broken> {
        let one = |(kind, (count, last)): (String, (usize, Episode))| Broken {
            kind,
            count,
            error: error(&last),
            cell: last.cell,
            instance_id: last.instance_id,
            sample: last.sample,
            at: last.came,
        };
        let mut told: Vec<Broken> = self.0.into_iter().map(one).collect();
        let at = |broken: &Broken| broken.at.unwrap_or_default();
        told.sort_by(|one, other| at(other).total_cmp(&at(one)));
        told
    }
}

fn kind(episode: &Episode) -> String {
    match (&episode.ended, &episode.failed) {
        (Some(ended), _) if ended.is_infrastructure() => ended.exit_status.clone(),
        (_, Some(_)) => "no_verdict".to_owned(),
        _ => "environment".to_owned(),
    }
}

/// Returns the error message of the failure.
fn error(episode: &Episode) -> String {
    if let Some(ended) = episode.ended.as_ref().filter(|ended| ended.is_infrastructure()) {
        let why = ended.error.clone().or_else(|| match episode.outcome()?.exit_status {
            ExitStatus::ModelFailed(why) | ExitStatus::SandboxFailed(why) | ExitStatus::AgentFailed(why) => Some(why),
            _ => None,
        });
        return why.unwrap_or_default();
    }
    let broken = || episode.judged.as_ref().and_then(|judged| judged.broken.clone());
    episode.failed.as_ref().map(|failed| failed.error.clone()).or_else(broken).unwrap_or_default()
}
