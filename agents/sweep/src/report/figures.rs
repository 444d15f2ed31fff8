//! The figures of some episodes, each with its denominator.

use std::collections::BTreeMap;

use agent_core::Spending;
use journal::{Ending, Rate, Tally, wilson};
use serde::Serialize;

use super::facts::Fact;
use super::statistics::half_sample_deviation;

/// A share with its denominator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
    /// The share.
    pub share: f64,
}

/// The share of solved ones with its 95% Wilson interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Resolved {
    /// The share; `of` is what was asked for.
    #[serde(flatten)]
    pub share: Share,
    /// Where the interval begins.
    pub low: f64,
    /// Where the interval ends.
    pub high: f64,
    /// Why it is not the rate of the run yet; `None` when it is.
    pub provisional: Option<String>,
}

/// A mean with the number of episodes that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Of how many: those of which it is known.
    pub of: usize,
}

/// Money in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// What the episodes of known price cost, solved or not.
    pub total: f64,
    /// How many these are.
    pub of: usize,
    /// Episodes that ended and of which no price is known. With any, the total is the least that was spent.
    pub unknown: usize,
    /// The total by solved episode; `None` where none is solved.
    pub per_solved: Option<f64>,
}

/// The figures of some episodes. One that is not known is `None`, and never 0.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Episodes that were asked for: judged, infrastructure and unfinished ones.
    pub asked: usize,
    /// Of these, with a result that counts.
    pub judged: usize,
    /// Of these, solved.
    pub solved: usize,
    /// The other judged ones, empty patches among them.
    pub unsolved: usize,
    /// Episodes that infrastructure kept from a result.
    pub infrastructure: usize,
    /// Episodes without a result as yet.
    pub unfinished: usize,
    /// The solved ones of those asked for.
    pub resolved: Option<Resolved>,
    /// The standard deviation of the share of solved ones in half-size samples of the judged patches that are not
    /// empty.
    pub deviation: Option<Mean>,
    /// The empty patches of those asked for.
    pub empty: Option<Share>,
    /// Episodes that went in circles and have a patch all the same, of those asked for.
    pub stuck: Option<Share>,
    /// Episodes that went in circles, with a patch or without, of those that ended.
    pub stuck_of_ended: Option<Share>,
    /// What infrastructure kept from a result, of what had to be run: all asked for but the empty patches.
    pub infrastructure_share: Option<Share>,
    /// Steps of the agent.
    pub turns: Option<Mean>,
    /// Tokens read and written.
    pub tokens: Option<Mean>,
    /// Of these, tokens read.
    pub prompt_tokens: Option<Mean>,
    /// Of these, tokens written.
    pub completion_tokens: Option<Mean>,
    /// Wall-clock seconds of the episode.
    pub seconds: Option<Mean>,
    /// What the episodes cost.
    pub cost: Option<Cost>,
    /// Episodes that ended.
    pub ended: usize,
    /// How these ended.
    pub exit_statuses: BTreeMap<String, usize>,
}

impl Share {
    /// Returns so many of so many; `None` of none.
    pub(super) fn new(count: usize, of: usize) -> Option<Self> {
        (of > 0).then(|| Self { count, of, share: count as f64 / of as f64 })
    }
}

impl Figures {
    /// Works out the figures of some episodes; `allowed` is the share of infrastructure that a rate may have.
    pub fn new<'a>(facts: impl IntoIterator<Item = &'a Fact>, allowed: f64) -> Self {
        let facts: Vec<&Fact> = facts.into_iter().collect();
        let mut tally = Tally::default();
        for fact in &facts {
            tally.add(&fact.instance_id, fact.ending);
        }
        tally.finish(allowed);
        let (asked, ended) = (tally.asked, facts.iter().filter(|fact| fact.exit_status.is_some()).count());
        let is_stuck = |with_patch: bool| {
            let stuck = facts.iter().filter(|fact| fact.is_stuck());
            stuck.filter(|fact| !with_patch || fact.ending != Ending::Empty).count()
        };
        let known = |value: fn(&Spending) -> Option<f64>| mean_of(&facts, value);
        let mut exit_statuses = BTreeMap::new();
        for word in facts.iter().filter_map(|fact| fact.exit_status.clone()) {
            *exit_statuses.entry(word).or_default() += 1;
        }
        Self {
            asked,
            judged: tally.judged,
            solved: tally.solved,
            unsolved: tally.judged - tally.solved,
            infrastructure: tally.infrastructure,
            unfinished: tally.unfinished,
            resolved: resolved(&tally),
            deviation: deviation(&tally),
            empty: Share::new(tally.empty, asked).filter(|_| tally.judged > 0),
            stuck: Share::new(is_stuck(true), asked).filter(|_| ended > 0),
            stuck_of_ended: Share::new(is_stuck(false), ended),
            infrastructure_share: Share::new(tally.infrastructure, asked - tally.empty),
            turns: known(|spending| Some(spending.steps as f64)),
            tokens: known(|spending| tokens(spending, spending.usage.total())),
            prompt_tokens: known(|spending| tokens(spending, spending.usage.prompt_tokens)),
            completion_tokens: known(|spending| tokens(spending, spending.usage.completion_tokens)),
            seconds: known(|spending| Some(spending.seconds)),
            cost: cost(&facts, ended, tally.solved),
            ended,
            exit_statuses,
        }
    }
}

/// Returns the rate with its interval, however far the run has got; the house's rules say what keeps it from being the
/// rate of the run.
fn resolved(tally: &Tally) -> Option<Resolved> {
    let share = Share::new(tally.solved, tally.asked).filter(|_| tally.judged > 0)?;
    let Rate { low, high, .. } = wilson(tally.solved, tally.asked);
    Some(Resolved { share, low, high, provisional: tally.no_rate.clone() })
}

/// Returns the deviation that the paper gives with a rate.
fn deviation(tally: &Tally) -> Option<Mean> {
    let of = tally.judged - tally.empty;
    Some(Mean { mean: half_sample_deviation(of as u64, tally.solved as u64)?, of })
}

fn mean_of(facts: &[&Fact], value: impl Fn(&Spending) -> Option<f64>) -> Option<Mean> {
    let values = facts.iter().filter_map(|fact| value(fact.spending.as_ref()?));
    let (sum, of) = values.fold((0.0, 0), |(sum, of), value| (sum + value, of + 1));
    (of > 0).then(|| Mean { mean: sum / of as f64, of })
}

/// Returns a count of tokens; `None` where the model was asked and its server told none.
fn tokens(spending: &Spending, count: u64) -> Option<f64> {
    (spending.usage.total() > 0 || spending.queries == 0).then_some(count as f64)
}

fn cost(facts: &[&Fact], ended: usize, solved: usize) -> Option<Cost> {
    // What was taken over from a parent was paid for there.
    let paid = facts.iter().filter_map(|fact| Some(fact.spending.as_ref()?.paid()));
    let priced = paid.filter(|spent| spent.unpriced_queries == 0);
    let (total, of) = priced.fold((0.0, 0), |(total, of), spent| (total + spent.cost, of + 1));
    let per_solved = (solved > 0).then(|| total / solved as f64);
    (of > 0).then(|| Cost { total, of, unknown: ended.saturating_sub(of), per_solved })
}
