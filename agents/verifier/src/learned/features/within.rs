//! Features among the candidates that are rated together.

/// Adds to each row, for each of its values, its deviation from the mean of all rows, in standard deviations.
pub(super) fn extend(rows: &mut [Vec<f64>]) {
    let width = rows.first().map_or(0, Vec::len);
    let count = rows.len() as f64;
    for column in 0..width {
        let mean = rows.iter().map(|row| row[column]).sum::<f64>() / count;
        let variance = rows.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / count;
        let deviation = variance.sqrt();
        for row in rows.iter_mut() {
            let apart = row[column] - mean;
            row.push(if deviation < 1e-9 { 0.0 } else { apart / deviation });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_around_zero() {
        let mut rows = vec![vec![1.0], vec![5.0], vec![9.0]];
        extend(&mut rows);
        assert!(rows[0][1] < -1.2 && rows[1][1].abs() < 1e-12 && (rows[0][1] + rows[2][1]).abs() < 1e-12, "{rows:?}");
        let mut alone = vec![vec![3.0]];
        extend(&mut alone);
        assert_eq!(alone, [[3.0, 0.0]]);
    }
}
