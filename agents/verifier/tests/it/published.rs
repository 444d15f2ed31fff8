//! Scorers on published candidates with published verdicts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use env_core::Patch;
use serde::Deserialize;
use verifier::curves::{Scores, curve, gain, uniform};
use verifier::{Candidate, Candidates, First, Labels, Learned, Majority, Oracle, Scorer, cross_validate};

/// A candidate as the file has it. Who made it is read by nothing.
#[derive(Deserialize)]
struct Published {
    instance_id: String,
    patch: Option<String>,
    resolved: bool,
}

fn folder() -> PathBuf {
    std::env::var_os("SPOTTER_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from)
}

fn published() -> (Vec<Candidates>, Labels) {
    let output = std::process::Command::new("zstdcat").arg(folder().join("candidates.jsonl.zst")).output().unwrap();
    let (mut by_instance, mut labels) = (BTreeMap::<String, Vec<Candidate>>::new(), Labels::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let Published { instance_id, patch, resolved } = serde_json::from_str(line).unwrap();
        labels.entry(instance_id.clone()).or_default().push(resolved);
        let candidate = Candidate { patch: Patch(patch.unwrap_or_default()), trajectory: None };
        by_instance.entry(instance_id).or_default().push(candidate);
    }
    let instances =
        by_instance.into_iter().map(|(instance_id, candidates)| Candidates { instance_id, candidates }).collect();
    (instances, labels)
}

fn rate(scorer: &dyn Scorer, instances: &[Candidates]) -> Scores {
    instances.iter().map(|one| (one.instance_id.clone(), scorer.rate(one).unwrap())).collect()
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn the_learned_scorer_beats_random_and_first_on_repositories_that_it_has_not_seen() {
    let (instances, labels) = published();
    let started = std::time::Instant::now();
    let model = Learned::train(&instances, &labels).unwrap();
    eprintln!("trained in {:?}", started.elapsed());
    for (name, weight) in model.greatest(25) {
        eprintln!("{weight:8.3} {name}");
    }
    let learned = cross_validate(&instances, &labels, 5).unwrap().scores;
    let random = uniform(&labels);
    let first = rate(&First, &instances);
    let oracle = rate(&Oracle::new(labels.clone()), &instances);
    let all = [
        ("random", &random),
        ("first", &first),
        ("majority", &rate(&Majority, &instances)),
        ("learned", &learned),
        ("oracle", &oracle),
    ];
    let n = 10;
    for minimum in [1, 2, 8] {
        let labels: Labels =
            labels.iter().filter(|(_, l)| l.len() >= minimum).map(|(i, l)| (i.clone(), l.clone())).collect();
        eprintln!("at least {minimum}: {}", labels.len());
        for (name, scores) in &all {
            let curve = curve(name, scores, &labels, n);
            let points: Vec<String> = curve.best.iter().map(|p| format!("{:.1}", p.mean * 100.0)).collect();
            eprintln!(
                "{name:9} {:?} {:?} {}",
                curve.auc.map(|v| (v * 1000.0).round()),
                curve.ece.map(|v| (v * 1000.0).round()),
                points.join(" ")
            );
        }
        for (name, other) in [("random", &random), ("first", &first)] {
            let points: Vec<String> = gain(&learned, other, &labels, n)
                .iter()
                .map(|p| format!("{:.1} [{:.1},{:.1}]", p.mean * 100.0, p.low * 100.0, p.high * 100.0))
                .collect();
            eprintln!("gain {name}: {}", points.join(" "));
        }
        let closed: Vec<String> = gain(&learned, &random, &labels, n)
            .iter()
            .zip(gain(&oracle, &random, &labels, n))
            .map(|(a, b)| format!("{:.2}", a.mean / b.mean))
            .collect();
        eprintln!("closed {}", closed.join(" "));
    }
    std::io::stderr().flush().unwrap();
}
