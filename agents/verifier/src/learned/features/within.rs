//! Features among the candidates of one instance.

/// Adds to each row, for each of its values, where it is among those of the other rows: its rank from -0.5 to 0.5, ties in
/// the middle, and its deviation from the mean in standard deviations.
pub(super) fn extend(rows: &mut [Vec<f64>]) {
    let width = rows.first().map_or(0, Vec::len);
    let count = rows.len() as f64;
    for column in 0..width {
        let values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        let mean = values.iter().sum::<f64>() / count;
        let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        for (row, value) in rows.iter_mut().zip(&values) {
            let below = values.iter().filter(|other| *other < value).count() as f64;
            let above = values.iter().filter(|other| *other > value).count() as f64;
            row.push((below - above) / (2.0 * count));
            row.push(if deviation < 1e-9 { 0.0 } else { (value - mean) / deviation });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_around_zero_and_ties_share_one() {
        let mut rows = vec![vec![1.0], vec![5.0], vec![5.0], vec![9.0]];
        extend(&mut rows);
        let ranks: Vec<f64> = rows.iter().map(|row| row[1]).collect();
        assert_eq!(ranks, [-0.375, 0.0, 0.0, 0.375]);
        assert!((rows[0][2] + rows[3][2]).abs() < 1e-12);
        let mut alone = vec![vec![3.0]];
        extend(&mut alone);
        assert_eq!(alone, [[3.0, 0.0, 0.0]]);
    }
}
