//! Scorers on published candidates with published verdicts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use env_core::Patch;
use serde::Deserialize;
use verifier::curves::Comparison;
use verifier::{Candidate, Candidates, Counted, Labels, Learned, cross_validate};

/// The greatest k that is looked at.
const N: usize = 10;

/// A candidate as the file has it. Who made it is read by nothing.
#[derive(Deserialize)]
struct Published {
    instance_id: String,
    patch: Option<String>,
    resolved: bool,
}

fn published() -> (Vec<Candidates>, Labels) {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = std::fs::File::open(folder.join("candidates.jsonl.zst")).unwrap();
    let text = String::from_utf8(zstd::decode_all(file).unwrap()).unwrap();
    let (mut by_instance, mut labels) = (BTreeMap::<String, Vec<Candidate>>::new(), Labels::new());
    for line in text.lines() {
        let Published { instance_id, patch, resolved } = serde_json::from_str(line).unwrap();
        labels.entry(instance_id.clone()).or_default().push(resolved);
        let candidate = Candidate { patch: Patch(patch.unwrap_or_default()), ..Candidate::default() };
        by_instance.entry(instance_id).or_default().push(candidate);
    }
    let instances =
        by_instance.into_iter().map(|(instance_id, candidates)| Candidates { instance_id, candidates }).collect();
    (instances, labels)
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn the_learned_scorer_beats_random_and_first_on_repositories_that_it_has_not_seen() {
    let (instances, labels) = published();
    let counted: Vec<Counted> = instances.iter().map(|one| Counted::new(one, &labels[&one.instance_id])).collect();
    let rated = cross_validate(&counted, 5, N).unwrap().rated;
    let comparison = Comparison::new(&[rated], &labels, N);
    tell(&comparison);
    let learned = comparison.curves.iter().find(|curve| curve.name == "learned").unwrap();
    assert!(learned.auc.unwrap().mean > 0.75 && learned.ece.unwrap().mean < 0.1, "{:?} {:?}", learned.auc, learned.ece);
    for gain in &comparison.gains {
        let lowest = gain.difference.iter().skip(1).map(|point| point.low).fold(f64::INFINITY, f64::min);
        assert!(lowest > 0.0, "over {}: {:?}", gain.over, gain.difference);
    }
    for (index, closed) in comparison.closed[0].share.iter().enumerate().skip(1) {
        assert!(closed.unwrap().mean > 1.0 / 3.0, "best@{}: {closed:?}", index + 1);
    }
    Learned::train(&counted).unwrap();
}

/// Prints the figures, for whoever changes the features.
pub(crate) fn tell(comparison: &Comparison) {
    for curve in &comparison.curves {
        let best = curve.best.iter().map(|point| format!("{:5.1}", point.mean * 100.0));
        println!("{:10} {} {:?} {:?}", curve.name, best.collect::<Vec<_>>().join(" "), curve.auc, curve.ece);
    }
    for gain in &comparison.gains {
        let gains = gain.difference.iter();
        let gains = gains.map(|point| format!("{:+.1} [{:+.1}]", point.mean * 100.0, point.low * 100.0));
        println!("{} over {}: {}", gain.scorer, gain.over, gains.collect::<Vec<_>>().join(" "));
    }
    for closed in &comparison.closed {
        let shares = closed.share.iter().flatten().map(|share| format!("{:.2}", share.mean));
        println!("{} closes {}", closed.scorer, shares.collect::<Vec<_>>().join(" "));
    }
}
