//! What training minimises.

use std::ops::Range;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// Steps of the optimiser at most; it ends earlier once the gradient vanishes.
const STEPS: u64 = 150;
/// Gradients that the optimiser remembers.
const MEMORY: usize = 8;
/// A gradient this small is none, by the weight of all rows.
const FLAT: f64 = 1e-5;

/// Rows of features, of which those of one set are compared with each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    /// How many features a row has; the first is a one, whose weight is the bias and is not penalised.
    width: usize,
    cells: Vec<f64>,
    positive: Vec<bool>,
    sets: Vec<Set>,
}

#[derive(Debug, Clone)]
struct Set {
    rows: Range<usize>,
    /// How much each of its rows counts.
    row: f64,
    /// How much each pair of a positive and a negative row counts.
    pair: f64,
}

impl Table {
    pub(super) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Adds a set of rows that were rated together. Its rows count `weight` together, and so do its pairs.
    pub(super) fn add(&mut self, rows: &[Vec<f64>], positive: &[bool], weight: f64) {
        let from = self.positive.len();
        for (row, positive) in rows.iter().zip(positive) {
            self.cells.extend(row.iter().copied().chain(std::iter::repeat(0.0)).take(self.width));
            self.positive.push(*positive);
        }
        let rows = from..self.positive.len();
        let hits = self.positive[rows.clone()].iter().filter(|positive| **positive).count();
        let pairs = hits * (rows.len() - hits);
        self.sets.push(Set { row: weight / rows.len().max(1) as f64, pair: weight / pairs.max(1) as f64, rows });
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.width..(row + 1) * self.width]
    }

    fn weight(&self) -> f64 {
        self.sets.iter().map(|set| set.row * set.rows.len() as f64).sum()
    }

    /// Returns the logistic loss of the rows plus that of the pairs, and what a step in each row's score adds to it.
    fn loss(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let scores: Vec<f64> = (0..self.positive.len()).map(|row| dot(self.row(row), weights)).collect();
        let (mut loss, mut slopes) = (0.0, vec![0.0; scores.len()]);
        for set in &self.sets {
            for row in set.rows.clone() {
                let sign = if self.positive[row] { 1.0 } else { -1.0 };
                loss += set.row * softplus(-sign * scores[row]);
                slopes[row] -= set.row * sign * sigmoid(-sign * scores[row]);
            }
            for better in set.rows.clone().filter(|row| self.positive[*row]) {
                for worse in set.rows.clone().filter(|row| !self.positive[*row]) {
                    let apart = scores[better] - scores[worse];
                    loss += set.pair * softplus(-apart);
                    let slope = set.pair * sigmoid(-apart);
                    slopes[better] -= slope;
                    slopes[worse] += slope;
                }
            }
        }
        (loss, slopes)
    }

    /// Returns the mean loss of these weights, without a penalty.
    pub(super) fn mean_loss(&self, weights: &[f64]) -> f64 {
        self.loss(weights).0 / self.weight().max(1e-9)
    }
}

/// The loss with its penalty.
struct Objective<'a> {
    table: &'a Table,
    penalties: &'a [f64],
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        let penalty: f64 = self.penalties.iter().zip(weights).map(|(penalty, weight)| penalty * weight * weight).sum();
        Ok((self.table.loss(weights).0 + penalty / 2.0) / self.table.weight())
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let mut gradient: Vec<f64> =
            self.penalties.iter().zip(weights).map(|(penalty, weight)| penalty * weight).collect();
        for (row, slope) in self.table.loss(weights).1.into_iter().enumerate() {
            gradient.iter_mut().zip(self.table.row(row)).for_each(|(sum, cell)| *sum += slope * cell);
        }
        let weight = self.table.weight();
        gradient.iter_mut().for_each(|part| *part /= weight);
        Ok(gradient)
    }
}

/// Returns the weights that minimise the loss plus half of each weight's square times its penalty, from `start` on.
///
/// # Errors
/// When the optimiser fails, as on cells that are no numbers.
pub(super) fn minimize(table: &Table, penalties: &[f64], start: Vec<f64>) -> anyhow::Result<Vec<f64>> {
    let solver =
        LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(FLAT)?.with_tolerance_cost(1e-9)?;
    let objective = Objective { table, penalties };
    let run = Executor::new(objective, solver).configure(|state| state.param(start.clone()).max_iters(STEPS)).run()?;
    Ok(run.state().get_best_param().cloned().unwrap_or(start))
}

pub(super) fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// Returns `ln(1 + e^value)` for any value.
fn softplus(value: f64) -> f64 {
    value.max(0.0) + (-value.abs()).exp().ln_1p()
}

/// Returns the product, in lanes that one instruction takes together.
pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f64 = ones.remainder().iter().zip(others.remainder()).map(|(one, other)| one * other).sum();
    for (one, other) in ones.zip(others) {
        lanes.iter_mut().zip(one.iter().zip(other)).for_each(|(lane, (one, other))| *lane += one * other);
    }
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_that_made_the_labels_are_found_again() {
        let mut random = fastrand::Rng::with_seed(1);
        let truth = [0.5, -2.0, 1.0];
        let mut table = Table::new(3);
        for _ in 0..20_000 {
            let row = vec![1.0, random.f64() * 2.0 - 1.0, random.f64() * 2.0 - 1.0];
            let is_positive = random.f64() < sigmoid(dot(&truth, &row));
            table.add(&[row], &[is_positive], 1.0);
        }
        let weights = minimize(&table, &[0.0, 0.1, 0.1], vec![0.0; 3]).unwrap();
        assert!(weights.iter().zip(truth).all(|(one, other)| (one - other).abs() < 0.12), "{weights:?}");
        let strict = minimize(&table, &[0.0, 1e9, 1e9], vec![0.0; 3]).unwrap();
        assert!(strict[1].abs() < 1e-3 && strict[0].abs() > 0.1, "{strict:?}");
    }

    #[test]
    fn pairs_teach_an_order_where_rows_alone_teach_nothing() {
        // Within each set the greater value is the better one, yet over all sets values say nothing.
        let mut table = Table::new(2);
        for shift in -20..=20 {
            let value = |by: f64| vec![1.0, f64::from(shift) + by];
            table.add(&[value(0.5), value(-0.5)], &[true, false], 1.0);
        }
        let weights = minimize(&table, &[0.0, 0.1], vec![0.0; 2]).unwrap();
        assert!(weights[1] > 0.1, "{weights:?}");
    }
}
