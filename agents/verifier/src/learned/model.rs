//! The learned scorer.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use async_trait::async_trait;
use env_core::repository_part as repository;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::counted::{Counted, LearnedSet};
use super::features::{Facts, GRAMS, Grams, names};
use super::objective::{Table, minimize, score};
use super::platt::Platt;
use crate::candidate::{Candidates, Scorer};
use crate::estimate::assign;

/// Version of the file of a model.
const VERSION: u32 = 2;

/// Strengths of the L2 penalty, over standardised features and over n-grams, among which those are chosen that do best on
/// repositories that were left out, strongest first.
const PENALTIES: [[f64; 2]; 4] = [[300.0, 100.0], [100.0, 30.0], [100.0, 10.0], [30.0, 10.0]];
/// Beyond so many standard deviations a value counts as this.
const CLIP: f64 = 4.0;
/// Folds of what is left out to choose the penalty and to fit the calibration.
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
    penalty: [f64; 2],
    platt: Platt,
    /// What it was trained from.
    instances: usize,
    candidates: usize,
    resolved: usize,
    /// The repositories of what it was trained from, as instance ids name them.
    #[serde(default)]
    repositories: BTreeSet<String>,
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

    /// Trains on these. The penalty is the one that does best on repositories that were left out, and the calibration is
    /// fitted to their scores.
    pub(super) fn fit(counted: &[&Counted]) -> anyhow::Result<Self> {
        let repositories: BTreeSet<&str> = counted.iter().map(|one| repository(&one.instance_id)).collect();
        let folds = FOLDS.min(repositories.len());
        let fold_of = assign(counted.iter().map(|one| one.instance_id.as_str()), folds);
        let mut losses = vec![0.0; PENALTIES.len()];
        let mut scored: Vec<Vec<(f64, bool, f64)>> = vec![Vec::new(); PENALTIES.len()];
        let of_fold = |fold: usize| {
            let (held, rest): (Vec<&Counted>, Vec<&Counted>) =
                counted.iter().partition(|one| fold_of.get(repository(&one.instance_id)) == Some(&fold));
            // Where a part has only one kind of label, nothing can be learned of it.
            let path = Self::path(&rest, PENALTIES.len()).unwrap_or_default();
            path.into_iter().map(|model| (model.loss(&held), model.scored(&held))).collect::<Vec<_>>()
        };
        let parts: Vec<Vec<_>> = (0..folds).into_par_iter().filter(|_| folds > 1).map(of_fold).collect();
        for (at, (loss, held)) in parts.into_iter().flat_map(|part| part.into_iter().enumerate()) {
            losses[at] += loss;
            scored[at].extend(held);
        }
        let best =
            (0..PENALTIES.len()).min_by(|one, other| losses[*one].total_cmp(&losses[*other])).unwrap_or_default();
        let mut model = Self::path(counted, best + 1)?.pop().context("there is no penalty to train with")?;
        model.platt = Platt::fit(&scored[best])?;
        Ok(model)
    }

    /// Trains with the first so many penalties, each from where the one before ended, without calibration.
    fn path(counted: &[&Counted], penalties: usize) -> anyhow::Result<Vec<Self>> {
        let model = Self::of(counted)?;
        let table = model.table(counted);
        let mut weights = vec![0.0; model.features.len() + 1 + GRAMS];
        let mut path = Vec::with_capacity(penalties);
        for penalty in PENALTIES.iter().take(penalties) {
            let [features, grams] = *penalty;
            let strengths = std::iter::repeat_n(features, model.features.len()).chain([grams; GRAMS]);
            let strengths: Vec<f64> = std::iter::once(1e-6).chain(strengths).collect();
            weights = minimize(&table, &strengths, weights)?;
            path.push(Self { weights: weights.clone(), penalty: *penalty, ..model.clone() });
        }
        Ok(path)
    }

    /// Returns a model without weights, which knows the scale of the features.
    fn of(counted: &[&Counted]) -> anyhow::Result<Self> {
        let labels = || counted.iter().flat_map(|one| &one.resolved);
        let resolved = labels().filter(|resolved| **resolved).count();
        let candidates = labels().count();
        if resolved == 0 || resolved == candidates {
            bail!(
                "{resolved} of {candidates} labelled candidates are resolved, so that there is nothing to learn\n\
                 hint: name runs with resolved episodes and others"
            );
        }
        let rows = || counted.iter().flat_map(|one| &one.sets).flat_map(LearnedSet::weighted);
        let names = names();
        let mut mean = vec![0.0; names.len()];
        let mut deviation = vec![0.0; names.len()];
        let all: f64 = rows().map(|(_, weight)| weight).sum();
        for (row, weight) in rows() {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value / all);
        }
        for (row, weight) in rows() {
            let squares = row.iter().zip(&mean).map(|(value, mean)| (value - mean).powi(2));
            deviation.iter_mut().zip(squares).for_each(|(sum, square)| *sum += weight * square / all);
        }
        deviation.iter_mut().for_each(|square| *square = square.sqrt());
        Ok(Self {
            version: VERSION,
            features: names,
            mean,
            deviation,
            weights: Vec::new(),
            penalty: [0.0; 2],
            platt: Platt::NONE,
            instances: counted.len(),
            candidates,
            resolved,
            repositories: counted.iter().map(|one| repository(&one.instance_id).to_owned()).collect(),
        })
    }

    /// Returns what is learned from, in standard deviations.
    fn table(&self, counted: &[&Counted]) -> Table {
        let mut table = Table::new(self.features.len() + 1);
        for one in counted {
            let shared: Vec<usize> = (0..one.facts.len()).map(|place| table.share(one.facts.grams(place))).collect();
            for set in &one.sets {
                let rows = set.rows.iter().zip(&set.places);
                let rows: Vec<(Vec<f64>, Option<usize>)> =
                    rows.map(|(row, place)| (self.standard(row), shared.get(*place).copied())).collect();
                table.add(&rows, &set.resolved, set.weight);
            }
        }
        table
    }

    /// Returns the loss over these, which it was not trained on.
    fn loss(&self, held: &[&Counted]) -> f64 {
        self.table(held).loss_of(&self.weights)
    }

    /// Returns the raw scores of these with their labels, and how much each counts.
    fn scored(&self, held: &[&Counted]) -> Vec<(f64, bool, f64)> {
        let mut scored = Vec::new();
        for (one, set) in held.iter().flat_map(|one| one.sets.iter().map(move |set| (one, set))) {
            let weight = set.weight / set.rows.len().max(1) as f64;
            for ((row, place), resolved) in set.rows.iter().zip(&set.places).zip(&set.resolved) {
                scored.push((self.raw(row, one.facts.grams(*place)), *resolved, weight));
            }
        }
        scored
    }

    /// Returns a row in standard deviations, behind a one for the bias.
    fn standard(&self, row: &[f64]) -> Vec<f64> {
        let scale = self.mean.iter().zip(&self.deviation);
        let value = |(value, (mean, deviation)): (&f64, (&f64, &f64))| {
            if *deviation < 1e-9 { 0.0 } else { ((value - mean) / deviation).clamp(-CLIP, CLIP) }
        };
        std::iter::once(1.0).chain(row.iter().zip(scale).map(value)).collect()
    }

    fn raw(&self, row: &[f64], grams: &Grams) -> f64 {
        score(&self.standard(row), grams, &self.weights)
    }

    /// Returns for each of these candidates the probability that it is resolved, as if there were no others.
    pub(super) fn probabilities(&self, facts: &Facts, places: &[usize]) -> Vec<Option<f64>> {
        let rows = facts.rows(places);
        let rows = rows.iter().zip(places);
        rows.map(|(row, place)| Some(self.platt.probability(self.raw(row, facts.grams(*place))))).collect()
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
        let lengths = [model.mean.len(), model.deviation.len(), model.weights.len().saturating_sub(1 + GRAMS)];
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
        let facts = Facts::of(candidates);
        let all: Vec<usize> = (0..facts.len()).collect();
        Ok(self.probabilities(&facts, &all))
    }

    fn compares(&self) -> bool {
        true
    }

    async fn rate_subsets(
        &self,
        candidates: &Candidates,
        subsets: &[Vec<usize>],
    ) -> anyhow::Result<Vec<Vec<Option<f64>>>> {
        let facts = Facts::of(candidates);
        Ok(subsets.iter().map(|places| self.probabilities(&facts, places)).collect())
    }
}
