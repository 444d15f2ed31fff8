//! Two cells compared, episode by episode.

use std::collections::HashMap;

use journal::Ending;
use serde::Serialize;

use super::facts::{CellFacts, Fact};
use super::figures::Share;
use super::statistics::{is_exact, mcnemar};

/// How the p of a comparison was worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the binomial distribution, two-sided.
    Exact,
    /// By the chi-squared distribution, with a correction for continuity.
    ChiSquared,
}

/// Two cells compared on the episodes of which both have a result, by McNemar's test. Episodes are pairs when they are of
/// the same instance and the same sample.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What the other one is compared with.
    pub first: String,
    /// What is compared.
    pub second: String,
    /// Pairs of which both have a result.
    pub pairs: usize,
    /// Of these, solved by both.
    pub both: usize,
    /// Solved by neither.
    pub neither: usize,
    /// Solved by the second alone.
    pub won: usize,
    /// Solved by the first alone.
    pub lost: usize,
    /// The rate of the first on the pairs.
    pub first_resolved: Option<Share>,
    /// The rate of the second on the pairs.
    pub second_resolved: Option<Share>,
    /// Episodes that only one of the two was asked for; they are left out.
    pub asked_of_one: usize,
    /// Pairs of which one or both have no result, through infrastructure or as they are unfinished; they are left out.
    pub without_result: usize,
    /// The two-sided p; `None` without any pair.
    pub p: Option<f64>,
    /// How it was worked out.
    pub method: Option<Method>,
}

impl Comparison {
    /// Compares the second cell with the first.
    pub fn new((first, facts): (&str, &CellFacts), (second, others): (&str, &CellFacts)) -> Self {
        let by_key: HashMap<(&str, u32), Ending> = others.facts.iter().map(|fact| (key(fact), fact.ending)).collect();
        let (mut both, mut neither, mut won, mut lost) = (0, 0, 0, 0);
        let (mut common, mut without_result) = (0, 0);
        for fact in &facts.facts {
            let Some(other) = by_key.get(&key(fact)) else { continue };
            common += 1;
            if !fact.ending.is_judged() || !other.is_judged() {
                without_result += 1;
                continue;
            }
            *match (fact.ending == Ending::Solved, *other == Ending::Solved) {
                (true, true) => &mut both,
                (false, false) => &mut neither,
                (false, true) => &mut won,
                (true, false) => &mut lost,
            } += 1;
        }
        let pairs: usize = common - without_result;
        let discordant = (won + lost) as u64;
        Self {
            first: first.to_owned(),
            second: second.to_owned(),
            pairs,
            both,
            neither,
            won,
            lost,
            first_resolved: Share::new(both + lost, pairs),
            second_resolved: Share::new(both + won, pairs),
            asked_of_one: facts.facts.len() + others.facts.len() - 2 * common,
            without_result,
            p: (pairs > 0).then(|| mcnemar(won as u64, lost as u64)),
            method: (pairs > 0).then(|| if is_exact(discordant) { Method::Exact } else { Method::ChiSquared }),
        }
    }
}

fn key(fact: &Fact) -> (&str, u32) {
    (&fact.instance_id, fact.sample)
}
