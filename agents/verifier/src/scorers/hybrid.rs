//! A mix of scorers.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use async_trait::async_trait;
use env_core::repository_part;
use serde::{Deserialize, Serialize};

use crate::candidate::{Candidates, Labels, Scorer};
use crate::curves::Scores;
use crate::estimate::assign;
use crate::learned::features::Grams;
use crate::learned::objective::{Table, minimize, score, sigmoid};

/// Weights of a mix of scorers, as its file holds them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mix {
    /// The scorers, by name.
    pub scorers: Vec<String>,
    /// The mean and the deviation of each scorer's scores where the mix was fitted.
    scales: Vec<(f64, f64)>,
    /// The weights: of one, then of each scorer three, which are of the score, of how far it is above the others of the
    /// instance, and of that there is none.
    weights: Vec<f64>,
}

/// The mix of scorers: the probability of a logistic regression on their scores.
pub struct Hybrid {
    parts: Vec<Box<dyn Scorer>>,
    mix: Mix,
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
        let mut mix = Self { scorers, scales, weights: Vec::new() };
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

/// Rates each instance by a mix that was fitted to the repositories of the other folds.
///
/// # Errors
/// As [`Mix::fit`], and when there are fewer than two repositories.
pub fn cross_validate_mix(scored: &[(String, Scores)], labels: &Labels, folds: usize) -> anyhow::Result<Scores> {
    let fold_of = assign(labels.keys().map(String::as_str), folds);
    let folds = folds.min(fold_of.len());
    if folds < 2 {
        bail!("a mix is measured on repositories that it was not fitted to, and there is one\nhint: name more runs");
    }
    let mut rated = Scores::new();
    for fold in 0..folds {
        let is_held = |id: &String| fold_of.get(repository_part(id)) == Some(&fold);
        let (held, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            labels.iter().map(|(id, labels)| (id.clone(), labels.clone())).partition(|(id, _)| is_held(id));
        let mix = Mix::fit(scored, &rest)?;
        for (id, labels) in held {
            let of: Vec<&[Option<f64>]> =
                scored.iter().map(|(_, scores)| scores.get(&id).map(Vec::as_slice).unwrap_or_default()).collect();
            let scores = mix.rate(&of, labels.len());
            rated.insert(id, scores);
        }
    }
    Ok(rated)
}

impl Hybrid {
    /// Returns the mix of scorers, which are those of [`Mix::scorers`] in their order.
    pub fn new(parts: Vec<Box<dyn Scorer>>, mix: Mix) -> Self {
        Self { parts, mix }
    }
}

#[async_trait]
impl Scorer for Hybrid {
    fn name(&self) -> &str {
        "hybrid"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        let mut scores = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            scores.push(part.rate(candidates).await?);
        }
        let scores: Vec<&[Option<f64>]> = scores.iter().map(Vec::as_slice).collect();
        Ok(self.mix.rate(&scores, candidates.candidates.len()))
    }

    /// How far a score is above the others of the instance is part of the mix.
    fn compares(&self) -> bool {
        true
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
