//! Logistic regression with an L2 penalty, by Newton's method.
//!
//! Some hundred features over some thousand rows take a second with a Cholesky factor, for which the crates that offer
//! this would bring linear algebra of a hundred times the size.

/// Steps of Newton's method; it ends earlier once the weights stay.
const STEPS: usize = 25;

/// A row of what is learned from.
pub(crate) struct Row {
    /// The features.
    pub(crate) features: Vec<f64>,
    /// Whether it is one of the positive kind.
    pub(crate) is_positive: bool,
    /// How much it counts.
    pub(crate) weight: f64,
}

/// Returns the weights that minimise the weighted logistic loss of the rows plus `penalty / 2 * |weights|²`. A column of
/// ones among the features is the bias; `free` names it, and it is not penalised.
pub(crate) fn fit(rows: &[Row], penalty: f64, free: Option<usize>) -> Vec<f64> {
    let width = rows.first().map_or(0, |row| row.features.len());
    let mut weights = vec![0.0; width];
    let penalty_of = |column: usize| if free == Some(column) { 1e-6 } else { penalty };
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> =
            weights.iter().enumerate().map(|(column, weight)| penalty_of(column) * weight).collect();
        let mut hessian: Vec<Vec<f64>> = (0..width).map(|row| vec![0.0; row + 1]).collect();
        for row in rows {
            let probability = sigmoid(dot(&weights, &row.features));
            let error = row.weight * (probability - f64::from(u8::from(row.is_positive)));
            let curvature = row.weight * (probability * (1.0 - probability)).max(1e-9);
            for (column, value) in row.features.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                gradient[column] += error * value;
                let scaled = curvature * value;
                for (cell, other) in hessian[column].iter_mut().zip(&row.features) {
                    *cell += scaled * other;
                }
            }
        }
        hessian.iter_mut().enumerate().for_each(|(column, row)| row[column] += penalty_of(column) + 1e-9);
        let step = solve(hessian, gradient);
        let longest = step.iter().fold(0.0_f64, |longest, part| longest.max(part.abs()));
        // A long step from far away may overshoot.
        let scale = if longest > 4.0 { 4.0 / longest } else { 1.0 };
        weights.iter_mut().zip(&step).for_each(|(weight, part)| *weight -= scale * part);
        if longest < 1e-6 {
            break;
        }
    }
    weights
}

pub(crate) fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

pub(crate) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Solves `matrix * x = right` for a symmetric, positive definite matrix of which the lower half is given.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for row in 0..size {
        let (above, below) = matrix.split_at_mut(row);
        let Some(current) = below.first_mut() else { break };
        for column in 0..row {
            let product = dot(&current[..column], &above[column][..column]);
            current[column] = (current[column] - product) / above[column][column];
        }
        let square = current[row] - current[..row].iter().map(|value| value * value).sum::<f64>();
        current[row] = square.max(1e-12).sqrt();
        right[row] = (right[row] - dot(&current[..row], &right[..row])) / current[row];
    }
    for row in (0..size).rev() {
        let product: f64 = (row + 1..size).map(|below| matrix[below][row] * right[below]).sum();
        right[row] = (right[row] - product) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_equations_are_solved() {
        let matrix = vec![vec![4.0], vec![2.0, 5.0], vec![1.0, 3.0, 6.0]];
        let solved = solve(matrix, vec![11.0, 21.0, 25.0]);
        let expected = [1.0, 2.0, 3.0];
        assert!(solved.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-9), "{solved:?}");
    }

    #[test]
    fn the_weights_that_made_the_labels_are_found_again() {
        let mut random = fastrand::Rng::with_seed(1);
        let truth = [0.5, -2.0, 1.0];
        let rows: Vec<Row> = (0..20_000)
            .map(|_| {
                let features = vec![1.0, random.f64() * 2.0 - 1.0, random.f64() * 2.0 - 1.0];
                let is_positive = random.f64() < sigmoid(dot(&truth, &features));
                Row { features, is_positive, weight: 1.0 }
            })
            .collect();
        let weights = fit(&rows, 0.1, Some(0));
        assert!(weights.iter().zip(truth).all(|(one, other)| (one - other).abs() < 0.12), "{weights:?}");
        let strict = fit(&rows, 1e9, Some(0));
        assert!(strict[1].abs() < 1e-3 && strict[0].abs() > 0.1, "{strict:?}");
    }
}
