//! A sweep over images that take four times what they may, from a real registry on loopback.

mod faults;
mod place;

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use place::{IMAGES, Place, Sample, Sampler, docker};

/// The bytes that are let to images beyond what the test adds up from the files in them.
const BUDGET: u64 = 4;

fn sweep(budget: u64, slice: &str) -> String {
    format!(
        "agent: codeact\nbase:\n  model: {{name: m}}\n  limits: {{cost: null}}\n  sandbox: {{kept: 0}}\n  \
         env: {{network: none}}\n  images: {{disk: {budget}}}\n\
         instances: {{dataset: rows.jsonl, slice: \"{slice}\"}}\nworkers: 2\n"
    )
}

/// Returns the share of the time from the first to the last sample with work in which there was any.
fn busy(samples: &[Sample]) -> f64 {
    let is_busy = |sample: &&Sample| sample.containers > 0;
    let first = samples.iter().position(|sample| is_busy(&sample)).unwrap();
    let last = samples.iter().rposition(|sample| is_busy(&sample)).unwrap();
    let during = &samples[first..=last];
    during.iter().filter(is_busy).count() as f64 / during.len() as f64
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn forty_images_in_a_quarter_of_the_disk_they_take() {
    let place = Place::with_headers(&json!({}));
    let budget = place.bytes / BUDGET;
    // An image that the user has.
    let mine = place.image(3);
    docker(&["pull", "-q", &mine]);
    let pulled_before = place.pulls();
    fs::write(place.program.path("quarter.yaml"), sweep(budget, ":")).unwrap();
    let begun = Instant::now();
    let sampler = Sampler::start();
    let ran = place.program.run(&["sweep", "quarter.yaml"]);
    let (took, samples) = (begun.elapsed(), sampler.stop());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stderr.matches(": resolved").count(), IMAGES, "{ran:?}");
    let most = samples.iter().map(|sample| sample.bytes).max().unwrap();
    let mut pulls = place.pulls();
    for (digest, count) in pulled_before {
        pulls.entry(digest).and_modify(|pulls| *pulls -= count);
    }
    let often = pulls.values().copied().max().unwrap();
    let counts = pulls.values().fold(BTreeMap::<u32, u32>::new(), |mut counts, pulls| {
        *counts.entry(*pulls).or_default() += 1;
        counts
    });
    let share = busy(&samples);
    eprintln!(
        "{IMAGES} images of {} bytes, budget {budget}, at most {most} in {} samples; layers by pulls: {counts:?}; work in \
         {:.1}% of the time; {took:.1?} in all",
        place.bytes,
        samples.len(),
        share * 100.0
    );
    assert!(most <= budget, "{most} of {budget}");
    assert!(often <= 2, "{counts:?}");
    assert!(share >= 0.8, "{share}");
    let pruned = place.program.run(&["images", "prune", "--pulled"]);
    assert_eq!(pruned.code, Some(0), "{pruned:?}");
    assert_eq!(place.here(), [mine], "{pruned:?}");
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn what_a_killed_sweep_has_pulled_is_still_within_the_budget_of_the_next() {
    // A registry that counts is asked for no manifest: what an image takes is known once it is here.
    let place = Place::with_headers(&json!({ "ratelimit-limit": ["100;w=21600"] }));
    let budget = place.bytes / BUDGET;
    fs::write(place.program.path("killed.yaml"), sweep(budget, ":12")).unwrap();
    let sampler = Sampler::start();
    for _ in 0..3 {
        let mut child = place.program.start(&["sweep", "killed.yaml"]);
        thread::sleep(Duration::from_secs(4));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Two that share the engine share the budget.
    let beside = place.program.start(&["sweep", "killed.yaml", "--share"]);
    let ran = place.program.run(&["sweep", "killed.yaml", "--share"]);
    assert!(beside.wait_with_output().unwrap().status.success());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let most = sampler.stop().iter().map(|sample| sample.bytes).max().unwrap();
    eprintln!("at most {most} of {budget}");
    assert!(most <= budget, "{most} of {budget}");
    // One that does not fit is told, and takes no other with it.
    let solve = ["solve", "--dataset", "rows.jsonl", "--run", "small", "--model", "m", "-c", "limits.cost=null"];
    place.program.run(&["images", "prune", "--pulled"]);
    let small = place.program.run(&[&solve, ["-c", "images.disk=20m", "o__r0-0", "o__r1-1"].as_slice()].concat());
    assert_eq!(small.code, Some(1), "{small:?}");
    assert_eq!(
        small.stderr.matches("while it is pulled, and all images together may take 20m").count(),
        2,
        "{small:?}"
    );
    assert!(small.stderr.contains("hint: a larger `images.disk`"), "{small:?}");
    assert_eq!(place.here(), Vec::<String>::new());
}
