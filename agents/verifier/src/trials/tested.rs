//! What trials say of each candidate.

use std::collections::{BTreeMap, BTreeSet};

use env_core::Failure;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;

/// What came of the trials of an instance. `None` stands for what infrastructure kept from a result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trials {
    /// For each candidate, whether it changes the program at all.
    pub changes: Vec<bool>,
    /// Tests of the repository at the base commit.
    pub base: Option<Outcome>,
    /// The same tests with each candidate.
    pub regression: Vec<Option<Outcome>>,
    /// The tests that agents wrote.
    pub written: Vec<WrittenTrials>,
}

/// What came of the trials of tests that an agent wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenTrials {
    /// The candidates whose agents wrote them.
    pub authors: Vec<usize>,
    /// What they do at the base commit.
    pub base: Option<Outcome>,
    /// What they do with each candidate.
    pub outcomes: Vec<Option<Outcome>>,
}

/// How many tests passed, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Those that passed.
    pub passed: usize,
    /// All that count.
    pub total: usize,
}

/// What trials say of one candidate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tested {
    /// Tests of the repository that pass at the base commit and still pass; `None` where there is no result.
    pub regression: Option<Share>,
    /// Those that do not pass any more, at most 20 of them.
    pub broken: Vec<String>,
    /// Tests that agents wrote, which fail at the base commit and pass with some candidate; `None` where there is no result.
    pub written: Option<Share>,
    /// The share of these that pass, each weighted by the share of the candidates, its authors' aside, that pass it; `None`
    /// where no test passes with a candidate of another author.
    pub agreement: Option<f64>,
    /// How many candidates, with this one, pass the same of these tests.
    pub group: usize,
    /// Why the tests of the repository gave no ordinary result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The score, from 0 to 1; `None` where it cannot be told.
    pub score: Option<f64>,
}

/// How much of the score is the share of all written tests that pass, which is to tell equals apart.
const TIE: f64 = 0.01;

/// How many broken tests are named.
const NAMED: usize = 20;

/// A test that counts: the place of its [`WrittenTrials`], and its name.
type Counting<'a> = (usize, &'a str);

impl Trials {
    /// Returns what they say of each candidate, in their order.
    ///
    /// The score is the mean of `1 / (1 + b)`, for `b` tests of the repository that passed and do not any more, and of
    /// [`Tested::agreement`], or the one of them that there is; of equals, the one is first that passes more of the tests that
    /// agents wrote. A candidate that does not apply has 0, and one that leaves the program as it is has none; nor has one
    /// whose run of the repository's tests was lost, as it cannot be told from one that breaks some.
    pub fn tested(&self) -> Vec<Tested> {
        let counting = self.counting();
        let passing: Vec<BTreeSet<Counting<'_>>> = (0..self.changes.len())
            .map(|place| counting.keys().filter(|test| self.passes(**test, place) == Some(true)).copied().collect())
            .collect();
        (0..self.changes.len()).map(|place| self.of_candidate(place, &counting, &passing)).collect()
    }

    fn of_candidate(
        &self,
        place: usize,
        counting: &BTreeMap<Counting<'_>, f64>,
        passing: &[BTreeSet<Counting<'_>>],
    ) -> Tested {
        let mut tested = Tested::default();
        if !self.changes.get(place).copied().unwrap_or_default() {
            return tested;
        }
        self.regress(place, &mut tested);
        let own = passing.get(place).cloned().unwrap_or_default();
        let seen: Vec<(&Counting<'_>, &f64)> =
            counting.iter().filter(|(test, _)| self.passes(**test, place).is_some()).collect();
        if !seen.is_empty() {
            tested.written = Some(Share { passed: own.len(), total: seen.len() });
            let whole: f64 = seen.iter().map(|(_, weight)| **weight).sum();
            let part: f64 = seen.iter().filter(|(test, _)| own.contains(*test)).map(|(_, weight)| **weight).sum();
            // The sum of nothing has a sign.
            tested.agreement = (whole > 0.0).then(|| part.abs() / whole);
        }
        let changing = passing.iter().zip(&self.changes).filter(|(_, changes)| **changes);
        tested.group = changing.filter(|(other, _)| **other == own).count();
        let kept = tested.regression.map(|share| 1.0 / (1.0 + (share.total - share.passed) as f64));
        let is_lost = kept.is_none() && self.regression_base().is_some();
        let score = match (tested.failure, kept, tested.agreement) {
            (Some(Failure::PatchNotApplied), ..) => Some(0.0),
            _ if is_lost => None,
            (_, Some(kept), Some(agreement)) => Some(f64::midpoint(kept, agreement)),
            (_, kept, agreement) => kept.or(agreement),
        };
        let passed = tested.written.map_or(0.0, |share| share.passed as f64 / share.total.max(1) as f64);
        tested.score = score.map(|score| (1.0 - TIE) * score + TIE * passed);
        tested
    }

    /// Compares the tests of the repository with a candidate to those at the base commit.
    fn regress(&self, place: usize, tested: &mut Tested) {
        let outcome = self.regression.get(place).and_then(Option::as_ref);
        tested.failure = outcome.and_then(|outcome| outcome.failure).or_else(|| self.not_applied(place));
        let (Some(outcome), Some(base)) = (outcome, self.regression_base()) else { return };
        let broken = || base.passed.difference(&outcome.passed);
        tested.broken = broken().take(NAMED).cloned().collect();
        let total = base.passed.len();
        tested.regression = Some(Share { passed: total - broken().count(), total });
    }

    /// Returns what the tests of the repository do at the base commit, where any passes there.
    fn regression_base(&self) -> Option<&Outcome> {
        self.base.as_ref().filter(|base| !base.passed.is_empty())
    }

    /// Returns that a candidate does not apply, where tests that agents wrote tell so: they change other files, so that where
    /// they apply to the base commit it is the candidate that does not.
    fn not_applied(&self, place: usize) -> Option<Failure> {
        let is_so = |outcome: &Outcome| outcome.failure == Some(Failure::PatchNotApplied);
        let applies = |written: &&WrittenTrials| written.base.as_ref().is_some_and(|base| !is_so(base));
        let outcomes = self.written.iter().filter(applies).filter_map(|written| written.outcomes.get(place)?.as_ref());
        outcomes.into_iter().any(is_so).then_some(Failure::PatchNotApplied)
    }

    /// Returns the tests that count with their weights: those that fail at the base commit and pass with some candidate. The
    /// weight is the share of the candidates that pass it, those of its authors aside, over the number of tests that were
    /// written together: an agent that writes many has no more of a say.
    fn counting(&self) -> BTreeMap<Counting<'_>, f64> {
        let mut counting = BTreeMap::new();
        for (at, written) in self.written.iter().enumerate() {
            let Some(base) = &written.base else { continue };
            let passing = written.outcomes.iter().flatten().flat_map(|outcome| &outcome.passed);
            let tests: BTreeSet<&str> =
                passing.filter(|test| !base.passed.contains(*test)).map(String::as_str).collect();
            for test in &tests {
                let is_other = |place: &usize| {
                    !written.authors.contains(place) && self.changes.get(*place).copied().unwrap_or_default()
                };
                let others =
                    (0..self.changes.len()).filter(is_other).filter_map(|place| self.passes((at, test), place));
                let others: Vec<bool> = others.collect();
                let share = others.iter().filter(|passes| **passes).count() as f64 / others.len().max(1) as f64;
                counting.insert((at, *test), share / tests.len() as f64);
            }
        }
        counting
    }

    /// Returns whether a test passes with a candidate; `None` where that is not known.
    fn passes(&self, (at, test): Counting<'_>, place: usize) -> Option<bool> {
        let outcome = self.written.get(at)?.outcomes.get(place)?.as_ref()?;
        Some(outcome.passed.contains(test))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(passed: &str) -> Option<Outcome> {
        let passed = passed.split_whitespace().map(str::to_owned).collect();
        Some(Outcome { passed, ..Outcome::default() })
    }

    fn scores(trials: &Trials) -> Vec<Option<f64>> {
        trials.tested().iter().map(|tested| tested.score.map(|score| (score * 100.0).round() / 100.0)).collect()
    }

    #[test]
    fn what_breaks_tests_is_rated_below_what_others_tests_agree_with() {
        let written = WrittenTrials {
            authors: vec![0],
            base: outcome("always"),
            outcomes: vec![outcome("always bug"), outcome("always bug"), outcome("always"), None],
        };
        let trials = Trials {
            changes: vec![true; 4],
            base: outcome("a b"),
            regression: vec![outcome("a b c"), outcome("a"), outcome("a b"), None],
            written: vec![written],
        };
        assert_eq!(scores(&trials), [Some(1.0), Some(0.75), Some(0.5), None]);
        let tested = trials.tested();
        assert_eq!(tested[1].broken, ["b"]);
        assert_eq!((tested[0].group, tested[2].group), (2, 2));
        assert_eq!(tested[2].written, Some(Share { passed: 0, total: 1 }));
    }

    #[test]
    fn a_test_that_only_its_author_passes_tells_equals_apart_and_no_more() {
        let written =
            WrittenTrials { authors: vec![0], base: outcome(""), outcomes: vec![outcome("mine"), outcome("")] };
        let trials = Trials {
            changes: vec![true, true],
            base: outcome("a"),
            regression: vec![outcome("a"), outcome("a")],
            written: vec![written],
        };
        assert_eq!(scores(&trials), [Some(1.0), Some(0.99)]);
        assert_eq!(trials.tested()[0].written, Some(Share { passed: 1, total: 1 }));
    }

    #[test]
    fn a_failure_of_infrastructure_is_missing_and_never_a_zero() {
        let not_applied = Outcome { failure: Some(Failure::PatchNotApplied), ..Outcome::default() };
        let trials = Trials {
            changes: vec![true, true, false],
            base: None,
            regression: vec![None, Some(not_applied), outcome("a")],
            written: Vec::new(),
        };
        assert_eq!(scores(&trials), [None, Some(0.0), None]);
    }

    #[test]
    fn a_lost_run_of_the_repositorys_tests_is_missing_whatever_written_tests_say() {
        let written =
            WrittenTrials { authors: vec![0], base: outcome(""), outcomes: vec![outcome("bug"), outcome("bug")] };
        let trials = Trials {
            changes: vec![true, true],
            base: outcome("a b"),
            regression: vec![outcome("a"), None],
            written: vec![written],
        };
        assert_eq!(scores(&trials), [Some(0.75), None]);
    }

    #[test]
    fn what_does_not_apply_is_rated_zero_by_written_tests_as_well() {
        let not_applied = Some(Outcome { failure: Some(Failure::PatchNotApplied), ..Outcome::default() });
        let of = |base: Option<Outcome>| WrittenTrials {
            authors: vec![0],
            base,
            outcomes: vec![outcome("bug"), not_applied.clone()],
        };
        let trials = |base| Trials {
            changes: vec![true, true],
            base: None,
            regression: vec![None, None],
            written: vec![of(base)],
        };
        let tested = trials(outcome("")).tested();
        assert_eq!((tested[1].failure, tested[1].score), (Some(Failure::PatchNotApplied), Some(0.0)));
        // Where the tests do not apply at all, they say nothing of a candidate.
        assert_eq!(trials(not_applied.clone()).tested()[1].failure, None);
    }
}
