//! The best of n.

use journal::Prediction;

use crate::curves::Scores;
use crate::pool::Pool;

/// Returns the prediction with the best score of each instance, under the name of who picked. Of equal scores the one
/// that was sampled first is picked, and so it is where there is no score at all.
pub fn picks(pool: &Pool, scores: &Scores, name: &str) -> Vec<Prediction> {
    let pick = |(id, members): (&str, &[crate::pool::Member])| {
        let scores = scores.get(id).map(Vec::as_slice).unwrap_or_default();
        let best = best_place(scores, members.len())?;
        let prediction = members.get(best)?.prediction.clone();
        Some(Prediction { model_name_or_path: name.to_owned(), ..prediction })
    };
    pool.instances().filter_map(pick).collect()
}

/// Returns the place of the first of the greatest scores; `None` for no candidates.
fn best_place(scores: &[Option<f64>], count: usize) -> Option<usize> {
    let score = |place: usize| scores.get(place).copied().flatten().filter(|score| !score.is_nan());
    (0..count).reduce(|best, place| if score(place) > score(best) { place } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_best_is_picked() {
        let cases: &[(&[Option<f64>], Option<usize>)] = &[
            (&[Some(0.1), Some(0.9), Some(0.9)], Some(1)),
            (&[None, Some(-5.0)], Some(1)),
            (&[Some(f64::NAN), Some(-5.0)], Some(1)),
            (&[None, None], Some(0)),
            (&[], None),
        ];
        for (scores, expected) in cases {
            assert_eq!(best_place(scores, scores.len()), *expected, "{scores:?}");
        }
    }
}
