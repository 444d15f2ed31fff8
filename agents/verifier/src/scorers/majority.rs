//! The vote of the candidates.

use std::collections::HashMap;

use async_trait::async_trait;

use crate::candidate::{Candidates, Scorer};
use crate::patch::normalized;

/// Groups patches that are equal after normalisation; the score is the group's share of all candidates. A candidate that
/// changes nothing has no score.
#[derive(Debug, Clone, Copy, Default)]
pub struct Majority;

#[async_trait]
impl Scorer for Majority {
    fn name(&self) -> &str {
        "majority"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let texts = texts(candidates);
        let all: Vec<usize> = (0..texts.len()).collect();
        Ok(shares(&texts, &all))
    }

    fn compares(&self) -> bool {
        true
    }

    async fn rate_subsets(
        &self,
        candidates: &Candidates,
        subsets: &[Vec<usize>],
    ) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
        let texts = texts(candidates);
        Ok(subsets.iter().map(|places| shares(&texts, places)).collect())
    }
}

fn texts(candidates: &Candidates) -> Vec<String> {
    candidates.candidates.iter().map(|candidate| normalized(&candidate.patch.0)).collect()
}

/// Returns the share of each of these among them.
fn shares(texts: &[String], places: &[usize]) -> Vec<Option<f64>> {
    let chosen: Vec<&str> = places.iter().filter_map(|place| texts.get(*place)).map(String::as_str).collect();
    let mut groups: HashMap<&str, usize> = HashMap::new();
    for text in &chosen {
        *groups.entry(text).or_default() += 1;
    }
    let share = |text: &&str| {
        let group = groups.get(text).copied().unwrap_or_default();
        (!text.is_empty()).then(|| group as f64 / chosen.len() as f64)
    };
    chosen.iter().map(share).collect()
}
