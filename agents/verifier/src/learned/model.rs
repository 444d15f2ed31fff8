//! The learned scorer.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use async_trait::async_trait;
use env_core::repository_part as repository;
use serde::{Deserialize, Serialize};

use super::features::{features, names};
use super::folds::assign;
use super::logistic::{Row, dot, fit};
use super::platt::Platt;
use crate::candidate::{Candidates, Scorer};

/// Version of the file of a model.
const VERSION: u32 = 1;

/// Strength of the L2 penalty over standardised features.
const PENALTY: f64 = 60.0;
/// How much all pairs of an instance count beside its candidates: what is asked for in the end is an order within it.
const PAIRS: f64 = 1.0;
/// Beyond so many standard deviations a value counts as this.
const CLIP: f64 = 4.0;
/// Folds whose scores the calibration is fitted to.
const FOLDS: usize = 5;

/// Logistic regression over counters of patch, episode and agreement, calibrated. One JSON file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    version: u32,
    /// Names of the features, which are those of the version that made the file.
    features: Vec<String>,
    mean: Vec<f64>,
    deviation: Vec<f64>,
    weights: Vec<f64>,
    platt: Platt,
    /// What it was trained from.
    instances: usize,
    candidates: usize,
    resolved: usize,
    /// The repositories of what it was trained from, as instance ids name them.
    #[serde(default)]
    repositories: BTreeSet<String>,
}

/// What is counted of the labelled candidates of an instance; it is all that training keeps of them.
#[derive(Debug, Clone)]
pub struct Counted {
    pub(super) instance_id: String,
    pub(super) rows: Vec<Vec<f64>>,
    pub(super) resolved: Vec<bool>,
}

impl Counted {
    /// Counts what is known of the candidates of an instance; labels beyond the candidates do not count.
    pub fn new(candidates: &Candidates, resolved: &[bool]) -> Self {
        let (mut rows, mut resolved) = (features(candidates), resolved.to_vec());
        rows.truncate(resolved.len());
        resolved.truncate(rows.len());
        Self { instance_id: candidates.instance_id.clone(), rows, resolved }
    }
}

impl Learned {
    /// Trains a model on labelled candidates.
    ///
    /// # Errors
    /// When there are not both resolved candidates and others.
    pub fn train(counted: &[Counted]) -> anyhow::Result<Self> {
        Self::fit(&counted.iter().collect::<Vec<_>>())
    }

    /// Returns whether it was trained on instances of the repository that an instance is of: how well it rates that one
    /// says nothing of others.
    pub fn has_seen(&self, instance_id: &str) -> bool {
        self.repositories.contains(repository(instance_id))
    }

    /// Trains on these; the calibration is fitted to scores of repositories that were left out.
    pub(super) fn fit(counted: &[&Counted]) -> anyhow::Result<Self> {
        let mut model = Self::fit_raw(counted)?;
        let repositories: BTreeSet<&str> = counted.iter().map(|one| repository(&one.instance_id)).collect();
        let folds = FOLDS.min(repositories.len());
        let fold_of = assign(counted.iter().map(|one| one.instance_id.as_str()), folds);
        let mut scored = Vec::new();
        for fold in 0..folds {
            let (held, rest): (Vec<&Counted>, Vec<&Counted>) =
                counted.iter().partition(|one| fold_of.get(repository(&one.instance_id)) == Some(&fold));
            // Where a part has only one kind of label, nothing can be learned of it.
            let Ok(part) = Self::fit_raw(&rest) else { continue };
            let pairs = |one: &&Counted| {
                let scores = one.rows.iter().map(|row| part.raw(row));
                scores.zip(one.resolved.iter().copied()).collect::<Vec<_>>()
            };
            scored.extend(held.iter().flat_map(pairs));
        }
        if !scored.is_empty() {
            model.platt = Platt::fit(&scored);
        }
        Ok(model)
    }

    /// Trains without calibration.
    fn fit_raw(counted: &[&Counted]) -> anyhow::Result<Self> {
        let labels = || counted.iter().flat_map(|one| &one.resolved);
        let resolved = labels().filter(|resolved| **resolved).count();
        let candidates = labels().count();
        if resolved == 0 || resolved == candidates {
            bail!(
                "{resolved} of {candidates} labelled candidates are resolved, so that there is nothing to learn\n\
                 hint: name runs with resolved episodes and others"
            );
        }
        let rows = || counted.iter().flat_map(|one| &one.rows);
        let names = names();
        let mut mean = vec![0.0; names.len()];
        let mut deviation = vec![0.0; names.len()];
        for row in rows() {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / candidates as f64);
        }
        for row in rows() {
            let squares = row.iter().zip(&mean).map(|(value, mean)| (value - mean).powi(2));
            deviation.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square / candidates as f64);
        }
        deviation.iter_mut().for_each(|square| *square = square.sqrt());
        let mut model = Self {
            version: VERSION,
            features: names,
            mean,
            deviation,
            weights: Vec::new(),
            platt: Platt::fit(&[]),
            instances: counted.len(),
            candidates,
            resolved,
            repositories: counted.iter().map(|one| repository(&one.instance_id).to_owned()).collect(),
        };
        let learned = counted.iter().flat_map(|one| model.learned_from(one)).collect::<Vec<_>>();
        model.weights = fit(&learned, PENALTY, Some(0));
        Ok(model)
    }

    /// Returns what is learned from an instance: each candidate, and each pair of a resolved one and another.
    fn learned_from(&self, one: &Counted) -> Vec<Row> {
        let standard: Vec<Vec<f64>> = one.rows.iter().map(|row| self.standard(row)).collect();
        let labelled = || standard.iter().zip(&one.resolved);
        let single =
            labelled().map(|(row, resolved)| Row { features: row.clone(), is_positive: *resolved, weight: 1.0 });
        let mut rows: Vec<Row> = single.collect();
        let hits = one.resolved.iter().filter(|resolved| **resolved).count();
        let pairs = hits * (standard.len() - hits);
        let weight = PAIRS * standard.len() as f64 / pairs.max(1) as f64;
        for (better, _) in labelled().filter(|(_, resolved)| **resolved) {
            for (worse, _) in labelled().filter(|(_, resolved)| !**resolved) {
                let features = better.iter().zip(worse).map(|(better, worse)| better - worse).collect();
                rows.push(Row { features, is_positive: true, weight });
            }
        }
        rows
    }

    /// Returns a row in standard deviations, behind a one for the bias.
    fn standard(&self, row: &[f64]) -> Vec<f64> {
        let scale = self.mean.iter().zip(&self.deviation);
        let value = |(value, (mean, deviation)): (&f64, (&f64, &f64))| {
            if *deviation < 1e-9 { 0.0 } else { ((value - mean) / deviation).clamp(-CLIP, CLIP) }
        };
        std::iter::once(1.0).chain(row.iter().zip(scale).map(value)).collect()
    }

    fn raw(&self, row: &[f64]) -> f64 {
        dot(&self.weights, &self.standard(row))
    }

    /// Returns the probability that each row is of a resolved candidate.
    pub(super) fn probabilities(&self, rows: &[Vec<f64>]) -> Vec<Option<f64>> {
        rows.iter().map(|row| Some(self.platt.probability(self.raw(row)))).collect()
    }

    /// Returns the model as JSON.
    ///
    /// # Errors
    /// When a weight is no number.
    pub fn to_json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self).context("the model cannot be written as JSON")? + "\n")
    }

    /// Reads the text of a model's file.
    ///
    /// # Errors
    /// When it is no model, or one of another version or other features.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let model: Self = serde_json::from_str(text)
            .context("this is no learned scorer\nhint: `spotter verify --train RUN… --out FILE` makes one")?;
        let width = model.features.len();
        let lengths = [model.mean.len(), model.deviation.len(), model.weights.len().saturating_sub(1)];
        if model.version != VERSION || model.features != names() || lengths != [width; 3] {
            bail!(
                "the learned scorer is of another version, which counts other features\n\
                 hint: train it again with `spotter verify --train RUN… --out FILE`"
            );
        }
        Ok(model)
    }

    /// Returns the features with the greatest weights, with their weights by standard deviation, greatest first.
    pub fn greatest(&self, count: usize) -> Vec<(&str, f64)> {
        let weights = self.weights.iter().skip(1).copied();
        let mut named: Vec<(&str, f64)> = self.features.iter().map(String::as_str).zip(weights).collect();
        named.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
        named.truncate(count);
        named
    }
}

#[async_trait]
impl Scorer for Learned {
    fn name(&self) -> &str {
        "learned"
    }

    async fn rate(&self, candidates: &Candidates) -> anyhow::Result<Vec<Option<f64>>> {
        Ok(self.probabilities(&features(candidates)))
    }
}
