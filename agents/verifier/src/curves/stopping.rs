//! How many attempts a scorer saves when sampling ends early.

use std::collections::BTreeMap;

use env_core::repository_part as repository;
use fastrand::Rng;

use super::curve::{FEW_RESAMPLES, SEED};
use super::rated::seed_of;
use crate::candidate::{Candidates, Scorer};
use crate::estimate::{Interval, assign, best_at, bootstrap, bootstrap_of};
use crate::patch::normalized;

/// Orders in which the candidates of an instance are thought to be sampled.
const ORDERS: usize = 20;
/// Scores at which to stop are looked for among so many quantiles.
const THRESHOLDS: usize = 40;
/// Sizes of a group of equal patches at which to stop that are looked at.
const GROUPS: [usize; 6] = [2, 3, 4, 5, 6, 8];

/// What is known after each attempt of one order of sampling.
pub type Course = Vec<Attempt>;

/// What is known after an attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    /// The best score so far.
    score: f64,
    /// The size of the largest group of equal patches so far.
    group: usize,
    /// The chance that what would be picked now is resolved.
    resolved: f64,
}

/// When to stop: at this score, or at a group of this size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// The score that is enough; infinite where none is.
    pub score: f64,
    /// The group that is large enough; [`usize::MAX`] where none is.
    pub group: usize,
}

/// What stopping early is worth, on instances of repositories that the rule was not chosen by.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopping {
    /// The rule of each fold.
    pub rules: Vec<Rule>,
    /// The mean number of attempts.
    pub attempts: Interval,
    /// The mean number without stopping.
    pub all: f64,
    /// The share of the attempts that is saved.
    pub saved: Interval,
    /// The resolved share when sampling stops early.
    pub rate: f64,
    /// How much more that is than the share with all attempts.
    pub difference: Interval,
}

/// Returns what would be known after each attempt, in several orders of the candidates.
///
/// # Errors
/// When the scorer cannot rate.
pub async fn courses(
    scorer: &dyn Scorer,
    scores: &[Option<f64>],
    candidates: &Candidates,
    resolved: &[bool],
) -> anyhow::Result<Vec<Course>> {
    let mut random = Rng::with_seed(SEED ^ seed_of(&candidates.instance_id));
    let mut order: Vec<usize> = (0..resolved.len()).collect();
    let mut prefixes = Vec::new();
    for _ in 0..ORDERS {
        random.shuffle(&mut order);
        prefixes.extend((1..=order.len()).map(|attempts| order[..attempts].to_vec()));
    }
    let rated = match scorer.compares() {
        true => scorer.rate_subsets(candidates, &prefixes).await?,
        false => prefixes.iter().map(|places| places.iter().map(|place| *scores.get(*place)?).collect()).collect(),
    };
    let texts: Vec<String> = candidates.candidates.iter().map(|one| normalized(&one.patch.0)).collect();
    let attempts = prefixes.iter().zip(&rated).map(|(places, scores)| {
        let labels: Vec<bool> = places.iter().map(|place| resolved[*place]).collect();
        let equal = |one: &usize| match texts[*one].is_empty() {
            true => 0,
            false => places.iter().filter(|other| texts[**other] == texts[*one]).count(),
        };
        Attempt {
            score: scores.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max),
            group: places.iter().map(equal).max().unwrap_or_default(),
            resolved: best_at(places.len(), scores, &labels),
        }
    });
    let attempts: Vec<Attempt> = attempts.collect();
    Ok(attempts.chunks(resolved.len().max(1)).map(<[Attempt]>::to_vec).collect())
}

/// Returns what stopping early is worth: for each fold of repositories, the rule that needs the fewest attempts on the others
/// and resolves no less there than all attempts do. `None` with fewer than two repositories, or where no instance has two
/// candidates.
pub fn stop_early(courses: &BTreeMap<String, Vec<Course>>, folds: usize) -> Option<Stopping> {
    let instances: Vec<(&str, &Vec<Course>)> = courses
        .iter()
        .filter(|(_, courses)| courses.iter().any(|one| one.len() > 1))
        .map(|(id, of)| (id.as_str(), of))
        .collect();
    let fold_of = assign(instances.iter().map(|(id, _)| *id), folds);
    let count = fold_of.values().max().map_or(0, |last| last + 1);
    if count < 2 {
        return None;
    }
    let rules: Vec<Rule> = (0..count)
        .map(|fold| {
            let others = instances.iter().filter(|(id, _)| fold_of.get(repository(id)) != Some(&fold));
            choose(&others.map(|(_, courses)| courses.as_slice()).collect::<Vec<_>>())
        })
        .collect();
    let ends: Vec<[f64; 2]> = instances
        .iter()
        .filter_map(|(id, courses)| Some(end(courses, *rules.get(*fold_of.get(repository(id))?)?)))
        .collect();
    let never = Rule { score: f64::INFINITY, group: usize::MAX };
    let full: Vec<[f64; 2]> = instances.iter().map(|(_, courses)| end(courses, never)).collect();
    let difference: Vec<f64> = ends.iter().zip(&full).map(|(early, full)| early[1] - full[1]).collect();
    let attempts: Vec<f64> = ends.iter().map(|end| end[0]).collect();
    let sum = |places: &[usize], of: &[[f64; 2]]| places.iter().map(|place| of[*place][0]).sum::<f64>();
    let saved = |places: &[usize]| Some(1.0 - sum(places, &ends) / sum(places, &full));
    Some(Stopping {
        rules,
        attempts: bootstrap(&attempts, FEW_RESAMPLES, SEED),
        all: full.iter().map(|end| end[0]).sum::<f64>() / full.len() as f64,
        saved: bootstrap_of(ends.len(), FEW_RESAMPLES, SEED, saved)?,
        rate: ends.iter().map(|end| end[1]).sum::<f64>() / ends.len() as f64,
        difference: bootstrap(&difference, FEW_RESAMPLES, SEED),
    })
}

/// Returns the mean attempts and the mean chance of an instance under a rule.
fn end(courses: &[Course], rule: Rule) -> [f64; 2] {
    let of = |course: &Course| {
        let is_enough = |attempt: &Attempt| attempt.score >= rule.score || attempt.group >= rule.group;
        let at = course.iter().position(is_enough).unwrap_or_else(|| course.len().saturating_sub(1));
        [(at + 1) as f64, course.get(at).map_or(0.0, |attempt| attempt.resolved)]
    };
    let count = courses.len().max(1) as f64;
    courses.iter().map(of).fold([0.0, 0.0], |sum, one| [sum[0] + one[0] / count, sum[1] + one[1] / count])
}

/// Returns the rule with the fewest attempts that resolves no less than all attempts do.
fn choose(instances: &[&[Course]]) -> Rule {
    let mean = |rule: Rule| {
        let ends = instances.iter().map(|courses| end(courses, rule));
        ends.fold([0.0, 0.0], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    };
    let never = Rule { score: f64::INFINITY, group: usize::MAX };
    let mut scores: Vec<f64> = instances
        .iter()
        .flat_map(|one| one.iter())
        .flatten()
        .map(|attempt| attempt.score)
        .filter(|score| score.is_finite())
        .collect();
    scores.sort_by(f64::total_cmp);
    let thresholds = (0..THRESHOLDS).filter_map(|at| scores.get(scores.len() * at / THRESHOLDS).copied());
    let thresholds: Vec<f64> = thresholds.chain([f64::INFINITY]).collect();
    let rules = thresholds
        .iter()
        .flat_map(|score| GROUPS.iter().chain([&usize::MAX]).map(|group| Rule { score: *score, group: *group }));
    let full = mean(never)[1];
    let (mut best, mut fewest) = (never, f64::INFINITY);
    for rule in rules {
        let [attempts, rate] = mean(rule);
        if rate >= full - 1e-9 && attempts < fewest {
            (best, fewest) = (rule, attempts);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns courses in which the first resolved candidate is told by its score.
    fn told(instances: usize) -> BTreeMap<String, Vec<Course>> {
        let mut random = Rng::with_seed(2);
        let course = |random: &mut Rng| {
            let hit = random.usize(0..8);
            (0..8)
                .map(|at| if at < hit { (0.2, 0.0) } else { (0.9, 1.0) })
                .map(|(score, resolved)| Attempt { score, group: 1, resolved })
                .collect()
        };
        (0..instances)
            .map(|number| (format!("a__r{}-{number}", number % 3), (0..4).map(|_| course(&mut random)).collect()))
            .collect()
    }

    #[test]
    fn a_score_that_tells_saves_attempts_and_loses_nothing() {
        let stopping = stop_early(&told(30), 3).unwrap();
        assert!(stopping.rules.iter().all(|rule| rule.score == 0.9), "{stopping:?}");
        assert_eq!((stopping.rate, stopping.difference.mean, stopping.all), (1.0, 0.0, 8.0));
        assert!(stopping.saved.low > 0.2 && stopping.saved.high < 0.8, "{stopping:?}");
    }

    #[test]
    fn nothing_is_told_of_one_repository() {
        let mut one = told(30);
        one.retain(|id, _| id.starts_with("a__r0"));
        assert_eq!(stop_early(&one, 5), None);
        assert_eq!(stop_early(&BTreeMap::new(), 5), None);
    }
}
