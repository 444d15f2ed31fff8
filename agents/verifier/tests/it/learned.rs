//! The learned scorer on candidates that are made up.

use env_core::Patch;
use fastrand::Rng;
use verifier::curves::Comparison;
use verifier::{Candidate, Candidates, Counted, Labels, Learned, Scorer, cross_validate};

/// Returns a patch of one file that adds so many lines.
fn patch(file: &str, lines: usize) -> Candidate {
    let added: String = (0..lines).map(|line| format!("+value_{line} = {line}\n")).collect();
    let text = format!("diff --git a/{file} b/{file}\n--- a/{file}\n+++ b/{file}\n@@ -4,0 +5,{lines} @@\n{added}");
    Candidate { patch: Patch(text), ..Candidate::default() }
}

/// Returns instances of five repositories in which short patches are right nine times of ten, and long ones never.
fn instances() -> (Vec<Candidates>, Labels) {
    let mut random = Rng::with_seed(7);
    let mut labels = Labels::new();
    let mut instance = |number: usize| {
        let instance_id = format!("owner__repo{}-{number}", number % 5);
        let short: Vec<bool> = (0..6).map(|_| random.bool()).collect();
        let made = short.iter().map(|short| patch("src/a.py", if *short { 2 } else { 40 })).collect();
        labels.insert(instance_id.clone(), short.iter().map(|short| *short && random.u8(0..10) > 0).collect());
        Candidates { instance_id, candidates: made }
    };
    let instances = (0..60).map(&mut instance).collect();
    (instances, labels)
}

fn counted() -> (Vec<Counted>, Labels) {
    let (instances, labels) = instances();
    (instances.iter().map(|one| Counted::new(one, &labels[&one.instance_id])).collect(), labels)
}

#[test]
fn what_makes_patches_right_is_learned_for_repositories_that_were_not_seen() {
    let (counted, labels) = counted();
    let validated = cross_validate(&counted, 5, 6).unwrap();
    assert_eq!((validated.folds, validated.repositories), (5, 5));
    let comparison = Comparison::new(&[validated.rated], &labels, 6);
    let learned = comparison.curves.iter().find(|curve| curve.name == "learned").unwrap();
    assert!(learned.auc.unwrap().mean > 0.9 && learned.ece.unwrap().mean < 0.1, "{learned:?}");
    assert!(comparison.gains.iter().all(|gain| gain.difference.iter().skip(1).all(|point| point.low > 0.0)));
}

#[tokio::test]
async fn a_model_is_the_same_after_its_file() {
    let (counted, _) = counted();
    let model = Learned::train(&counted).unwrap();
    let text = model.to_json().unwrap();
    let read = Learned::parse(&text).unwrap();
    let candidates = Candidates {
        instance_id: "other__repo-1".to_owned(),
        candidates: vec![patch("a/b.py", 2), patch("a/b.py", 40), Candidate::default()],
    };
    let scores = read.rate(&candidates).await.unwrap();
    assert_eq!(scores, model.rate(&candidates).await.unwrap());
    assert!(scores[0] > scores[1] && scores.iter().flatten().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");

    let older = text.replacen("\"version\": 2", "\"version\": 0", 1);
    assert!(Learned::parse(&older).unwrap_err().to_string().contains("another version"));
    assert!(Learned::parse("{}").unwrap_err().to_string().contains("no learned scorer"));
}

#[test]
fn nothing_is_learned_where_all_verdicts_are_alike() {
    let (instances, _) = instances();
    let alike: Vec<Counted> = instances.iter().map(|one| Counted::new(one, &[false; 6])).collect();
    let err = Learned::train(&alike).unwrap_err().to_string();
    assert!(err.starts_with("0 of 360 labelled candidates are resolved"), "{err}");

    let (counted, _) = counted();
    let of_one: Vec<Counted> = counted.into_iter().step_by(5).collect();
    let err = cross_validate(&of_one, 5, 6).unwrap_err().to_string();
    assert!(err.contains("two repositories"), "{err}");
}
