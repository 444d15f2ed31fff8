//! How often intervals hold the truth.

use fastrand::Rng;
use verifier::estimate::{bootstrap, pass_at};

/// Simulations of a figure.
const SIMULATIONS: u64 = 1_000;

/// Prints and returns how many of the simulated intervals hold the truth.
fn coverage(what: &str, truth: f64, mut values: impl FnMut() -> Vec<f64>) -> f64 {
    let held = (0..SIMULATIONS).filter(|seed| {
        let interval = bootstrap(&values(), 400, *seed);
        interval.low <= truth && truth <= interval.high
    });
    let share = held.count() as f64 / SIMULATIONS as f64;
    println!("{what}: {:.1} % of {SIMULATIONS} intervals of 95 % hold the truth", share * 100.0);
    share
}

#[test]
fn intervals_hold_the_truth_in_95_of_100_simulations() {
    let mut random = Rng::with_seed(11);
    // A share by instance, as best@k is: a mean of 0.3 over instances of very different difficulty.
    let share = |random: &mut Rng| if random.f64() < 0.6 { 0.0 } else { random.f64() * 1.5 };
    let best = coverage("shares of 120 instances", 0.3, || (0..120).map(|_| share(&mut random)).collect());

    // Eight candidates each, resolved by a chance that is even over instances: pass@3 is 1 - E[(1 - p)³] = 3/4.
    let pass = coverage("pass@3 of 150 instances", 0.75, || {
        let resolved = |random: &mut Rng, chance: f64| (0..8).filter(|_| random.f64() < chance).count();
        (0..150)
            .map(|_| {
                let chance = random.f64();
                pass_at(3, 8, resolved(&mut random, chance))
            })
            .collect()
    });

    // A paired difference of two scorers: -1, 0 or 1 with a mean of 0.05.
    let gain = coverage("paired differences of 200 instances", 0.05, || {
        let one = |random: &mut Rng| match random.f64() {
            value if value < 0.10 => 1.0,
            value if value < 0.15 => -1.0,
            _ => 0.0,
        };
        (0..200).map(|_| one(&mut random)).collect()
    });
    assert!([best, pass, gain].iter().all(|share| (0.93..=0.97).contains(share)), "{best} {pass} {gain}");
}
