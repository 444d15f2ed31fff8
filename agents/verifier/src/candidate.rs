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
    /// Its place among all candidates of the instance, from 0, by which what is known of it elsewhere is found.
    pub place: usize,
}

/// The candidates of one instance, in the order in which they were sampled.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// The instance.
    pub instance_id: String,
    /// The candidates.
    pub candidates: Vec<Candidate>,
}

impl Candidates {
    /// Returns those at these places; a place beyond the last is passed over.
    pub fn of(&self, places: &[usize]) -> Self {
        let candidates = places.iter().filter_map(|place| self.candidates.get(*place).cloned());
        Self { instance_id: self.instance_id.clone(), candidates: candidates.collect() }
    }
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

    /// Returns whether the score of a candidate depends on which others it is rated with. For best@k, such a scorer rates
    /// each drawn subset anew, as somebody with only these k would; the others are rated once.
    fn compares(&self) -> bool {
        false
    }

    /// Rates each of these subsets as if it were all there is. A subset is the places of its members among the
    /// candidates; its scores are in their order. What does not compare rates all once; what compares and can share work
    /// between subsets does so here.
    ///
    /// # Errors
    /// As [`Scorer::rate`].
    async fn rate_subsets(
        &self,
        candidates: &Candidates,
        subsets: &[Vec<usize>],
    ) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
        let mut scores = Vec::with_capacity(subsets.len());
        if !self.compares() {
            let all = self.rate(candidates).await?;
            let of = |places: &Vec<usize>| places.iter().filter_map(|place| all.get(*place).copied()).collect();
            return Ok(subsets.iter().map(of).collect());
        }
        for places in subsets {
            scores.push(self.rate(&candidates.of(places)).await?);
        }
        Ok(scores)
    }
}
