//! A mix of scorers.

use anyhow::{Context, bail};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::candidate::{Candidates, Labels, Scorer};
use crate::curves::Scores;
use crate::estimate::Folds;
use crate::learned::features::Grams;
use crate::learned::objective::{Table, minimize, score, sigmoid};

/// Weights of a mix of scorers, as its file holds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// The scorers, by name.
    pub scorers: Vec<String>,
    /// The scorer that `rank` goes by before tests, where `rank` is among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The mean and the deviation of each scorer's scores where the mix was fitted.
    scales: Vec<(f64, f64)>,
    /// The weights: of one, then of each scorer three, which are of the score, of how far it is above the others of the
    /// instance, and of that there is none.
    weights: Vec<f64>,
}

/// The mix of scorers: the probability of a logistic regression on their scores.
pub struct Hybrid {
    parts: Vec<Box<dyn Scorer>>,
    mixes: Mixes,
}

enum Mixes {
    One(Mix),
    OfFolds(FoldMixes),
}

/// How strongly weights are kept small.
const PENALTY: f64 = 1.0;
/// Weights of each scorer.
const EACH: usize = 3;

impl Mix {
    /// Fits the weights to scores of candidates with verdicts, given by the scorers' names.
    ///
    /// # Errors
    /// When no scorer is named, or there are not both resolved and unresolved candidates.
    pub fn fit(scored: &[(String, Scores)], labels: &Labels) -> anyhow::Result<Self> {
        if scored.is_empty() {
            bail!("a mix needs scorers\nhint: `--by majority --by tests`");
        }
        let counts = labels.values().flatten().filter(|resolved| **resolved).count();
        if counts == 0 || counts == labels.values().map(Vec::len).sum::<usize>() {
            bail!("a mix is fitted to resolved and unresolved candidates, and there are none of one kind");
        }
        let known = |scores: &Scores| -> Vec<f64> {
            let of = |id: &String| scores.get(id).map(Vec::as_slice).unwrap_or_default().iter().copied().flatten();
            labels.keys().flat_map(of).filter(|score| score.is_finite()).collect()
        };
        let scales = scored.iter().map(|(_, scores)| scale(&known(scores))).collect();
        let scorers = scored.iter().map(|(name, _)| name.clone()).collect();
        let mut mix = Self { scorers, base: None, scales, weights: Vec::new() };
        let width = 1 + EACH * scored.len();
        let mut table = Table::new(width);
        for (id, labels) in labels {
            let of: Vec<&[Option<f64>]> =
                scored.iter().map(|(_, scores)| scores.get(id).map(Vec::as_slice).unwrap_or_default()).collect();
            for (features, resolved) in mix.features(&of, labels.len()).into_iter().zip(labels) {
                // An instance counts once, however many candidates it has.
                let weight = 1.0 / labels.len() as f64;
                table.add(&[(features, None)], &[*resolved], weight);
            }
        }
        let penalties: Vec<f64> = (0..width).map(|column| if column == 0 { 0.0 } else { PENALTY }).collect();
        mix.weights = minimize(&table, &penalties, vec![0.0; width])?;
        Ok(mix)
    }

    /// Reads a file of weights.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mix: Self = serde_json::from_str(text).context("it is no mix of scorers")?;
        let count = mix.scorers.len();
        if mix.scales.len() != count || mix.weights.len() != 1 + EACH * count {
            bail!("it is no mix of scorers: {count} scorers have {} weights", mix.weights.len());
        }
        Ok(mix)
    }

    /// Returns the file of the weights.
    ///
    /// # Errors
    /// When a weight is no number.
    pub fn to_json(&self) -> anyhow::Result<String> {
        serde_json::to_string_pretty(self).context("a mix cannot be written as JSON")
    }

    /// Rates the candidates of an instance by the scores of each scorer, in the order of [`Mix::scorers`]. What no scorer
    /// rates has no score.
    pub fn rate(&self, scores: &[&[Option<f64>]], count: usize) -> Vec<Option<f64>> {
        let is_rated = |place: usize| scores.iter().any(|scores| scores.get(place).copied().flatten().is_some());
        let features = self.features(scores, count).into_iter().enumerate();
        features
            .map(|(place, row)| is_rated(place).then(|| sigmoid(score(&row, &Grams::new(), &self.weights))))
            .collect()
    }

    fn features(&self, scores: &[&[Option<f64>]], count: usize) -> Vec<Vec<f64>> {
        let mut rows = vec![vec![1.0]; count];
        for (scores, (mean, deviation)) in scores.iter().zip(&self.scales) {
            let scaled = |place: usize| {
                let score = scores.get(place).copied().flatten().filter(|score| score.is_finite())?;
                Some((score - mean) / deviation)
            };
            let known: Vec<f64> = (0..count).filter_map(scaled).collect();
            let middle = known.iter().sum::<f64>() / known.len().max(1) as f64;
            for (place, row) in rows.iter_mut().enumerate() {
                match scaled(place) {
                    Some(score) => row.extend([score, score - middle, 0.0]),
                    None => row.extend([0.0, 0.0, 1.0]),
                }
            }
        }
        rows
    }
}

/// Mixes of which each was fitted to the repositories of all folds but one, by which that one is rated.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldMixes {
    folds: Folds,
    mixes: Vec<Mix>,
}

impl FoldMixes {
    /// Fits a mix for each fold of the repositories.
    ///
    /// # Errors
    /// As [`Mix::fit`], and when there are fewer than two repositories.
    pub fn fit(scored: &[(String, Scores)], labels: &Labels, folds: usize) -> anyhow::Result<Self> {
        let folds = Folds::of(labels.keys().map(String::as_str), folds)?;
        let rest = |fold: usize| -> Labels {
            let is_rest = |id: &String| folds.held_out(id) != Some(fold);
            labels.iter().filter(|(id, _)| is_rest(id)).map(|(id, labels)| (id.clone(), labels.clone())).collect()
        };
        let mixes = (0..folds.count).map(|fold| Mix::fit(scored, &rest(fold))).collect::<anyhow::Result<_>>()?;
        Ok(Self { folds, mixes })
    }

    /// Returns the mix that was not fitted to an instance's repository.
    fn of(&self, instance_id: &str) -> Option<&Mix> {
        self.mixes.get(self.folds.held_out(instance_id)?)
    }
}

impl Hybrid {
    /// Returns the mix of scorers, which are those of [`Mix::scorers`] in their order.
    pub fn new(parts: Vec<Box<dyn Scorer>>, mix: Mix) -> Self {
        Self { parts, mixes: Mixes::One(mix) }
    }

    /// Returns the mix of scorers that rates each instance by weights that were fitted to other repositories.
    pub fn cross_validated(parts: Vec<Box<dyn Scorer>>, mixes: FoldMixes) -> Self {
        Self { parts, mixes: Mixes::OfFolds(mixes) }
    }

    fn mix(&self, instance_id: &str) -> anyhow::Result<&Mix> {
        match &self.mixes {
            Mixes::One(mix) => Ok(mix),
            Mixes::OfFolds(mixes) => mixes
                .of(instance_id)
                .with_context(|| format!("no mix was fitted beside the repository of `{instance_id}`")),
        }
    }
}

#[async_trait]
impl Scorer for Hybrid {
    fn name(&self) -> &str {
        "hybrid"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let all: Vec<usize> = (0..candidates.candidates.len()).collect();
        Ok(self.rate_subsets(candidates, &[all]).await?.pop().unwrap_or_default())
    }

    /// How far a score is above the others of the instance is part of the mix.
    fn compares(&self) -> bool {
        true
    }

    async fn rate_subsets(
        &self,
        candidates: &Candidates,
        subsets: &[Vec<usize>],
    ) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
        let mix = self.mix(&candidates.instance_id)?;
        let mut of_parts = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            of_parts.push(part.rate_subsets(candidates, subsets).await?);
        }
        let of = |(at, places): (usize, &Vec<usize>)| {
            let scores = of_parts.iter().map(|scores| scores.get(at).map(Vec::as_slice).unwrap_or_default());
            mix.rate(&scores.collect::<Vec<_>>(), places.len())
        };
        Ok(subsets.iter().enumerate().map(of).collect())
    }

    fn at_once(&self) -> usize {
        self.parts.iter().map(|part| part.at_once()).max().unwrap_or(1)
    }

    fn remarks(&self) -> Vec<String> {
        self.parts.iter().flat_map(|part| part.remarks()).collect()
    }
}

/// Returns mean and deviation; a deviation of 1 where all are the same.
fn scale(scores: &[f64]) -> (f64, f64) {
    let count = scores.len().max(1) as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let deviation = (scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / count).sqrt();
    (mean, if deviation > 1e-9 { deviation } else { 1.0 })
}
