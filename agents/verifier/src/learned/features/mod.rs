//! What is counted of a candidate.
//!
//! Nothing here tells who made it: no name of a model, an agent, a run or an instance is looked at.

mod agreement;
mod episode;
mod patch;
mod within;

use crate::candidate::Candidates;
use crate::patch::{FileChange, shape};

/// Returns the names of the features, in the order of what `features` returns.
pub(super) fn names() -> Vec<String> {
    let plain = patch::NAMES.iter().chain(&episode::NAMES).chain(&agreement::NAMES);
    let counted = plain.clone().map(|name| (*name).to_owned());
    let inside = plain.flat_map(|name| [format!("{name}, rank"), format!("{name}, deviation")]);
    counted.chain(inside).collect()
}

/// Returns the features of each candidate: counters as they are, and the same as ranks and deviations among the
/// candidates of the instance, as a pick is made among those.
pub(super) fn features(candidates: &Candidates) -> Vec<Vec<f64>> {
    let shapes: Vec<Vec<FileChange>> =
        candidates.candidates.iter().map(|candidate| shape(&candidate.patch.0)).collect();
    let agreement = agreement::features(candidates, &shapes);
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(shapes.len());
    for ((candidate, files), agreement) in candidates.candidates.iter().zip(&shapes).zip(agreement) {
        let mut row = patch::features(files).to_vec();
        row.extend(episode::features(candidate.trajectory.as_ref()));
        row.extend(agreement);
        rows.push(row);
    }
    within::extend(&mut rows);
    rows
}

#[cfg(test)]
mod tests {
    use env_core::Patch;

    use super::*;
    use crate::candidate::Candidate;

    #[test]
    fn every_feature_has_a_name_and_is_a_number() {
        let patch = |text: &str| Candidate { patch: Patch(text.to_owned()), trajectory: None };
        let diff = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n";
        let candidates = vec![patch(""), patch(diff), patch(diff)];
        let rows = features(&Candidates { instance_id: "a__b-1".to_owned(), candidates });
        assert!(rows.iter().all(|row| row.len() == names().len() && row.iter().all(|value| value.is_finite())));
        assert_eq!(rows[1], rows[2]);
        assert_ne!(rows[0], rows[1]);
        assert!(features(&Candidates::default()).is_empty());
    }
}
