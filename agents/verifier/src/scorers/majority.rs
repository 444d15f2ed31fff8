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
        let texts: Vec<String> = candidates.candidates.iter().map(|candidate| normalized(&candidate.patch.0)).collect();
        let mut groups: HashMap<&str, usize> = HashMap::new();
        for text in &texts {
            *groups.entry(text).or_default() += 1;
        }
        let share = |text: &String| {
            let group = groups.get(text.as_str()).copied().unwrap_or_default();
            (!text.is_empty()).then(|| group as f64 / texts.len() as f64)
        };
        Ok(texts.iter().map(share).collect())
    }
}
