//! What a scorer sees.

use std::collections::BTreeMap;

use agent_core::Trajectory;
use async_trait::async_trait;
use env_core::Patch;

/// A finished episode without its verdict, and without a word on who made it: neither run nor cell nor model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidate {
    /// What was handed in; empty when nothing was changed.
    pub patch: Patch,
    /// The record of the episode, where there is one.
    pub trajectory: Option<Trajectory>,
}

/// The candidates of one instance, in the order in which they were sampled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// The instance.
    pub instance_id: String,
    /// The candidates.
    pub candidates: Vec<Candidate>,
}

/// Verdicts, one a candidate, by instance. They are kept apart from what scorers see, and only what trains, bounds or
/// measures takes them.
pub type Labels = BTreeMap<String, Vec<bool>>;

/// Rates the candidates of one instance together, since how they agree is the best that is known without a model.
#[async_trait]
pub trait Scorer: Send + Sync {
    /// Returns the name by which commands and tables call it.
    fn name(&self) -> &str;

    /// Returns a score for each candidate, in their order; higher is better, `None` where it cannot tell.
    ///
    /// # Errors
    /// When nothing can be rated at all, such as by a server that is not there.
    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>>;

    /// Returns how many candidates are rated at once; more than 1 for scorers that wait for others.
    fn at_once(&self) -> usize {
        1
    }

    /// Returns what is to be told of the scores so far, such as why some are missing, and how many.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }
}
