//! What is counted of a candidate.
//!
//! Nothing here tells who made it: no name of a model, an agent, a run or an instance is looked at.

mod agreement;
mod episode;
mod grams;
mod lexicon;
mod patch;
mod within;

use agreement::Agreement;
pub(super) use grams::COLUMNS as GRAMS;
pub(crate) use grams::Grams;

use crate::candidate::{Candidate, Candidates};
use crate::patch::{FileChange, shape};

/// Returns the names of the features, in the order of what `features` returns.
pub(super) fn names() -> Vec<String> {
    let plain = patch::NAMES.iter().chain(&episode::NAMES).chain(&agreement::NAMES);
    let counted = plain.clone().map(|name| (*name).to_owned());
    let inside = plain.map(|name| format!("{name}, deviation"));
    counted.chain(inside).collect()
}

/// What is counted of the candidates of an instance, from which the features of any of its subsets are put together.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The counters of each candidate alone.
    own: Vec<Vec<f64>>,
    grams: Vec<Grams>,
    agreement: Agreement,
}

impl Facts {
    /// Counts.
    pub(super) fn of(candidates: &Candidates) -> Self {
        let shapes: Vec<Vec<FileChange>> =
            candidates.candidates.iter().map(|candidate| shape(&candidate.patch.0)).collect();
        let own = |(candidate, files): (&Candidate, &Vec<FileChange>)| {
            let mut row = patch::features(files).to_vec();
            row.extend(episode::features(candidate.trajectory.as_ref()));
            row
        };
        Self {
            own: candidates.candidates.iter().zip(&shapes).map(own).collect(),
            grams: (candidates.candidates.iter().zip(&shapes))
                .map(|(candidate, files)| grams::grams(files, candidate.trajectory.as_ref()))
                .collect(),
            agreement: Agreement::of(candidates, &shapes),
        }
    }

    /// Returns the n-grams of the candidate at a place.
    pub(super) fn grams(&self, place: usize) -> &Grams {
        &self.grams[place]
    }

    /// Returns how many candidates there are.
    pub(super) fn len(&self) -> usize {
        self.own.len()
    }

    /// Returns the features of each of these, which are places of candidates, as if there were no others: counters as they
    /// are, and the same as deviations among them, as a pick is made among those.
    pub(super) fn rows(&self, places: &[usize]) -> Vec<Vec<f64>> {
        let agreement = self.agreement.features(places);
        let row = |(place, agreement): (&usize, [f64; agreement::NAMES.len()])| {
            let mut row = Vec::with_capacity(2 * (self.own[*place].len() + agreement.len()));
            row.extend_from_slice(&self.own[*place]);
            row.extend(agreement);
            row
        };
        let mut rows: Vec<Vec<f64>> = places.iter().zip(agreement).map(row).collect();
        within::extend(&mut rows);
        rows
    }
}

#[cfg(test)]
mod tests {
    use env_core::Patch;

    use super::*;

    #[test]
    fn every_feature_has_a_name_and_is_a_number() {
        let patch = |text: &str| Candidate { patch: Patch(text.to_owned()), ..Candidate::default() };
        let diff = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+y\n";
        let candidates = vec![patch(""), patch(diff), patch(diff)];
        let facts = Facts::of(&Candidates { instance_id: "a__b-1".to_owned(), candidates });
        let rows = facts.rows(&[0, 1, 2]);
        assert!(rows.iter().all(|row| row.len() == names().len() && row.iter().all(|value| value.is_finite())));
        assert_eq!(rows[1], rows[2]);
        assert_ne!(rows[0], rows[1]);
        assert!(Facts::of(&Candidates::default()).rows(&[]).is_empty());
    }
}
