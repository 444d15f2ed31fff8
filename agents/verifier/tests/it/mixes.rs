//! Scorers that stand on other scorers.

use std::collections::BTreeMap;

use verifier::curves::Scores;
use verifier::trials::{Share, Tested};
use verifier::{Candidate, Candidates, FoldMixes, Hybrid, Labels, Mix, Rank, Scorer, Stored, Tests};

const ID: &str = "a__b-1";

fn candidates(count: usize) -> Candidates {
    Candidates {
        instance_id: ID.to_owned(),
        candidates: (0..count).map(|place| Candidate { place, ..Candidate::default() }).collect(),
    }
}

fn stored(scores: &[Option<f64>]) -> Box<dyn Scorer> {
    Box::new(Stored::new("base", Scores::from([(ID.to_owned(), scores.to_vec())])))
}

/// Returns what tests showed: tests of the repository that pass, and tests that agents wrote.
fn tests(passed: &[(usize, usize)]) -> Tests {
    let share = |passed| Some(Share { passed, total: 10 });
    let one = |(regression, written): &(usize, usize)| Tested {
        regression: share(*regression),
        written: share(*written),
        score: Some(0.5),
        ..Tested::default()
    };
    Tests::new(BTreeMap::from([(ID.to_owned(), passed.iter().map(one).collect())]))
}

#[tokio::test]
async fn the_better_half_goes_by_tests_of_the_repository_then_by_written_ones_then_by_the_base() {
    let base = [Some(0.9), Some(0.8), Some(0.7), Some(0.6), Some(0.1), None];
    let shown = tests(&[(9, 9), (10, 1), (10, 2), (10, 10), (10, 10), (10, 10)]);
    let scores = Rank::new(stored(&base), shown).rate(&candidates(6)).await.unwrap();
    let mut order: Vec<usize> = (0..6).collect();
    order.sort_by(|one, other| scores[*other].unwrap().total_cmp(&scores[*one].unwrap()));
    assert_eq!(order, [2, 1, 0, 3, 4, 5], "{scores:?}");
}

#[tokio::test]
async fn three_are_kept_at_least_and_equals_share_their_place() {
    let base = [Some(0.9), Some(0.1), Some(0.1), Some(0.1)];
    let scores = Rank::new(stored(&base), tests(&[(1, 0), (2, 0), (2, 0), (3, 0)])).rate(&candidates(4)).await.unwrap();
    assert_eq!(scores, [Some(0.25), Some(0.625), Some(0.625), Some(1.0)]);
    // What the tests were not run on is not told from what breaks them all.
    let some = Tests::new(BTreeMap::from([(
        ID.to_owned(),
        vec![Tested { regression: Some(Share { passed: 1, total: 2 }), ..Tested::default() }, Tested::default()],
    )]));
    let lost = Rank::new(stored(&[Some(0.1), Some(0.9)]), some).rate(&candidates(2)).await.unwrap();
    assert_eq!(lost, [Some(1.0), None]);
    let unknown = Rank::new(stored(&[None, Some(0.0)]), Tests::default()).rate(&candidates(2)).await.unwrap();
    assert_eq!(unknown, [None, Some(1.0)]);
}

/// Returns instances of several repositories, of whose scorers the first tells well, the second badly, and the third is noise
/// and often missing.
fn labelled() -> (Vec<(String, Scores)>, Labels) {
    let mut random = fastrand::Rng::with_seed(7);
    let (mut labels, mut scored) = (Labels::new(), vec![Scores::new(); 3]);
    for instance in 0..120 {
        let id = format!("r{}__r-{instance}", instance % 6);
        let resolved: Vec<bool> = (0..6).map(|_| random.f64() < 0.4).collect();
        for (scores, strength) in scored.iter_mut().zip([0.8, 0.6, 0.0]) {
            let one = |resolved: &bool| {
                let score = strength * f64::from(u8::from(*resolved)) + random.f64() * 2.0;
                (strength > 0.0 || score > 1.0).then_some(score)
            };
            scores.insert(id.clone(), resolved.iter().map(one).collect());
        }
        labels.insert(id, resolved);
    }
    (["good", "weak", "noise"].map(str::to_owned).into_iter().zip(scored).collect(), labels)
}

/// Returns the share of the pairs of a resolved and another candidate that scores put in their order.
fn auc(scores: &Scores, labels: &Labels) -> f64 {
    let all: Vec<(f64, bool)> = labels
        .iter()
        .flat_map(|(id, labels)| {
            scores[id].iter().zip(labels).map(|(score, resolved)| (score.unwrap_or(0.0), *resolved))
        })
        .collect();
    let (mut right, mut pairs) = (0.0, 0.0);
    for (one, _) in all.iter().filter(|(_, resolved)| *resolved) {
        for (other, _) in all.iter().filter(|(_, resolved)| !*resolved) {
            pairs += 1.0;
            right += if one > other {
                1.0
            } else if one == other {
                0.5
            } else {
                0.0
            };
        }
    }
    right / pairs
}

#[tokio::test]
async fn a_mix_tells_better_than_its_parts_and_is_calibrated_on_other_repositories() {
    let (scored, labels) = labelled();
    let parts =
        scored.iter().map(|(name, scores)| -> Box<dyn Scorer> { Box::new(Stored::new(name.clone(), scores.clone())) });
    let validated = Hybrid::cross_validated(parts.collect(), FoldMixes::fit(&scored, &labels, 3).unwrap());
    let mut mixed = Scores::new();
    for (id, labels) in &labels {
        let of = Candidates { instance_id: id.clone(), ..candidates(labels.len()) };
        mixed.insert(id.clone(), validated.rate(&of).await.unwrap());
        // A subset is rated by how far its members are above each other.
        let subsets = validated.rate_subsets(&of, &[vec![0, 2], vec![1]]).await.unwrap();
        assert_eq!(subsets[0], validated.rate(&of.of(&[0, 2])).await.unwrap());
        assert_eq!(subsets[1], validated.rate(&of.of(&[1])).await.unwrap());
    }
    let elsewhere = Candidates { instance_id: "other__repo-1".to_owned(), ..candidates(1) };
    assert!(validated.rate(&elsewhere).await.unwrap_err().to_string().contains("`other__repo-1`"));
    let of_parts = scored.iter().map(|(_, scores)| auc(scores, &labels)).fold(0.0, f64::max);
    assert!(auc(&mixed, &labels) > of_parts, "{} {of_parts}", auc(&mixed, &labels));
    let all: Vec<f64> = mixed.values().flatten().map(|score| score.unwrap()).collect();
    let (mean, rate) = (
        all.iter().sum::<f64>() / all.len() as f64,
        labels.values().flatten().filter(|one| **one).count() as f64 / all.len() as f64,
    );
    assert!((mean - rate).abs() < 0.05, "{mean} {rate}");

    let mix = Mix::fit(&scored, &labels).unwrap();
    let again = Mix::parse(&mix.to_json().unwrap()).unwrap();
    let rated = |mix: &Mix| mix.rate(&[&[Some(1.0)], &[Some(0.5)], &[None]], 1)[0].unwrap();
    assert!(again.scorers == mix.scorers && (rated(&again) - rated(&mix)).abs() < 1e-9);
    let parts: Vec<Box<dyn Scorer>> =
        vec![stored(&[Some(4.0), Some(0.0), None]), stored(&[Some(1.0), Some(1.0), None]), stored(&[None, None, None])];
    let scores = Hybrid::new(parts, again).rate(&candidates(3)).await.unwrap();
    assert!(scores[0] > scores[1] && scores[2].is_none(), "{scores:?}");
}

#[test]
fn what_no_mix_can_be_fitted_to_is_refused() {
    let (scored, labels) = labelled();
    let refused = |scored: &[(String, Scores)], labels: &Labels| Mix::fit(scored, labels).unwrap_err().to_string();
    assert!(refused(&[], &labels).contains("needs scorers"));
    let none: Labels = labels.iter().map(|(id, labels)| (id.clone(), vec![false; labels.len()])).collect();
    assert!(refused(&scored, &none).contains("none of one kind"));
    let one: Labels =
        labels.iter().filter(|(id, _)| id.starts_with("r0")).map(|(id, labels)| (id.clone(), labels.clone())).collect();
    assert!(FoldMixes::fit(&scored, &one, 5).unwrap_err().to_string().contains("hint: name more runs"));
    assert!(Mix::parse(r#"{"scorers": ["a"], "scales": [[0, 1]], "weights": [0]}"#).is_err());
}
