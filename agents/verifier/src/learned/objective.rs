//! What training minimises.

use std::cell::RefCell;
use std::ops::Range;

use argmin::core::{CostFunction, Error, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

use super::features::Grams;

/// Steps of the optimiser at most; it ends earlier once the gradient vanishes.
const STEPS: u64 = 80;
/// Gradients that the optimiser remembers.
const MEMORY: usize = 8;
/// A gradient this small is none, by the weight of all rows.
const FLAT: f64 = 1e-4;
/// A loss that falls by no more than this, by the weight of all rows, falls no further.
const STILL: f64 = 1e-7;

/// Rows of features, of which those of one set are compared with each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// How many features a row has; the first is a one, whose weight is the bias and is not penalised.
    width: usize,
    cells: Vec<f64>,
    /// Columns beyond the width that are not zero, which rows share that are of one candidate.
    sparse: Vec<Grams>,
    /// Of each row which of these it has; one beyond the last for none.
    shared: Vec<usize>,
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
    pub(crate) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Adds n-grams for rows to have, and returns by which number.
    pub(crate) fn share(&mut self, grams: &Grams) -> usize {
        self.sparse.push(grams.clone());
        self.sparse.len() - 1
    }

    /// Adds a set of rows that were rated together, each with the number of its n-grams where it has some. Its rows count
    /// `weight` together, and so do its pairs.
    pub(crate) fn add(&mut self, rows: &[(Vec<f64>, Option<usize>)], positive: &[bool], weight: f64) {
        let from = self.positive.len();
        for ((row, grams), positive) in rows.iter().zip(positive) {
            self.shared.push(grams.unwrap_or(usize::MAX));
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

    /// Returns the score of each row.
    fn scores(&self, weights: &[f64]) -> Vec<f64> {
        let (own, behind) = weights.split_at(self.width.min(weights.len()));
        let sparse: Vec<f64> = self.sparse.iter().map(|grams| sparse_dot(grams, behind)).collect();
        let of =
            |(row, shared): (usize, &usize)| dot(self.row(row), own) + sparse.get(*shared).copied().unwrap_or_default();
        self.shared.iter().enumerate().map(of).collect()
    }

    /// Adds what the slopes of the rows are as slopes of the weights.
    fn add_slopes(&self, slopes: &[f64], gradient: &mut [f64]) {
        let (own, behind) = gradient.split_at_mut(self.width.min(gradient.len()));
        let mut sparse = vec![0.0; self.sparse.len()];
        for (row, (slope, shared)) in slopes.iter().zip(&self.shared).enumerate() {
            own.iter_mut().zip(self.row(row)).for_each(|(sum, cell)| *sum += slope * cell);
            sparse.get_mut(*shared).into_iter().for_each(|sum: &mut f64| *sum += slope);
        }
        for (grams, slope) in self.sparse.iter().zip(sparse) {
            for (column, value) in grams {
                behind.get_mut(*column).into_iter().for_each(|sum| *sum += slope * value);
            }
        }
    }

    fn weight(&self) -> f64 {
        self.sets.iter().map(|set| set.row * set.rows.len() as f64).sum()
    }

    /// Returns the logistic loss of the rows plus that of the pairs, and what a step in each row's score adds to it.
    fn loss(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let scores = self.scores(weights);
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

    /// Returns the loss of these weights, without a penalty.
    pub(crate) fn loss_of(&self, weights: &[f64]) -> f64 {
        self.loss(weights).0
    }
}

/// The loss with its penalty.
struct Objective<'a> {
    table: &'a Table,
    penalties: &'a [f64],
    /// The weights that were looked at last, with the value and the gradient there: the optimiser asks for one after the
    /// other.
    last: RefCell<(Vec<f64>, f64, Vec<f64>)>,
}

impl Objective<'_> {
    /// Sees to it that `last` is of these weights.
    fn look(&self, weights: &[f64]) {
        if self.last.borrow().0 == weights {
            return;
        }
        let (loss, slopes) = self.table.loss(weights);
        let mut gradient: Vec<f64> =
            self.penalties.iter().zip(weights).map(|(penalty, weight)| penalty * weight).collect();
        let penalty = gradient.iter().zip(weights).map(|(slope, weight)| slope * weight).sum::<f64>() / 2.0;
        self.table.add_slopes(&slopes, &mut gradient);
        let weight = self.table.weight();
        gradient.iter_mut().for_each(|part| *part /= weight);
        *self.last.borrow_mut() = (weights.to_vec(), (loss + penalty) / weight, gradient);
    }
}

impl CostFunction for Objective<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, weights: &Vec<f64>) -> Result<f64, Error> {
        self.look(weights);
        Ok(self.last.borrow().1)
    }
}

impl Gradient for Objective<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, weights: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.look(weights);
        Ok(self.last.borrow().2.clone())
    }
}

/// Returns the weights that minimise the loss plus half of each weight's square times its penalty, from `start` on.
///
/// # Errors
/// When the optimiser fails, as on cells that are no numbers.
pub(crate) fn minimize(table: &Table, penalties: &[f64], start: Vec<f64>) -> anyhow::Result<Vec<f64>> {
    let solver =
        LBFGS::new(MoreThuenteLineSearch::new(), MEMORY).with_tolerance_grad(FLAT)?.with_tolerance_cost(STILL)?;
    let objective = Objective { table, penalties, last: RefCell::default() };
    let run = Executor::new(objective, solver).configure(|state| state.param(start.clone()).max_iters(STEPS)).run()?;
    Ok(run.state().get_best_param().cloned().unwrap_or(start))
}

/// Returns the score of a row of features and its n-grams, whose weights stand behind those of the features.
pub(crate) fn score(row: &[f64], grams: &Grams, weights: &[f64]) -> f64 {
    let (own, behind) = weights.split_at(row.len().min(weights.len()));
    dot(row, own) + sparse_dot(grams, behind)
}

fn sparse_dot(grams: &Grams, weights: &[f64]) -> f64 {
    grams.iter().filter_map(|(column, value)| Some(weights.get(*column)? * value)).sum()
}

pub(crate) fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

/// Returns `ln(1 + e^value)` for any value.
fn softplus(value: f64) -> f64 {
    value.max(0.0) + (-value.abs()).exp().ln_1p()
}

/// Returns the product, in lanes that one instruction takes together.
fn dot(one: &[f64], other: &[f64]) -> f64 {
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
            table.add(&[(row, None)], &[is_positive], 1.0);
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
            let value = |by: f64| (vec![1.0, f64::from(shift) + by], None);
            table.add(&[value(0.5), value(-0.5)], &[true, false], 1.0);
        }
        let weights = minimize(&table, &[0.0, 0.1], vec![0.0; 2]).unwrap();
        // By hand: a slope of 0.75 a set over a curvature of 35; rows alone give a third of it.
        assert!((weights[1] - 0.0214).abs() < 0.002, "{weights:?}");
    }
}
