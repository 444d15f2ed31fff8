//! What an episode is worth to a trainer.

use agent_core::OutcomeClass;
use env_core::{Judging, Report, Verdict};
use journal::{counts, exit_status, word};
use runner::stages::{Attempted, Solved};
use serde::Serialize;

/// What rewards are made of.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RewardSettings {
    /// What a verdict is worth.
    pub base: Base,
    /// What is taken off where the episode ended at a limit; 0 by default.
    pub limit_penalty: f64,
}

/// What a verdict is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// 1 where all tests pass that must, else 0.
    #[default]
    Resolved,
    /// The share of the tests that the fix must turn which pass, where all others that must pass still do; else 0.
    Share,
}

/// What an episode is worth, and why.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Reward {
    /// The reward; `None` where something of ours broke, which no agent can bring about.
    pub reward: Option<f64>,
    /// Whether the episode tells nothing of the agent, so that a trainer has to leave it out.
    pub mask_sample: bool,
    /// What the reward is made of; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reward_components: Option<Components>,
    /// What broke, where there is no reward.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<String>,
}

/// What a reward is made of: `value` less `limit_penalty`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Components {
    /// What the verdict was valued by.
    pub base: Base,
    /// What it is worth.
    pub value: f64,
    /// What was taken off, as the episode ended at a limit.
    pub limit_penalty: f64,
    /// Whether the patch was resolved.
    pub resolved: bool,
    /// How the episode ended.
    pub exit_status: String,
    /// How the patch was judged.
    pub judging: Judging,
    /// What shows that the verdict is not to be trusted, each with its evidence; strict judging gives no reward then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distrust: Vec<String>,
    /// Files of the patch that were put back before the tests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub put_back: Vec<String>,
    /// Why the verdict is no ordinary one, where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Of the tests that the fix must turn, how many passed and how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_to_pass: Option<[usize; 2]>,
    /// Of the tests that must go on passing, how many passed and how many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_to_pass: Option<[usize; 2]>,
}

impl Reward {
    /// Returns what an attempt is worth.
    pub(crate) fn of(settings: RewardSettings, attempted: &Attempted) -> Self {
        match attempted {
            Attempted::Solved(solved) => Self::of_solved(settings, solved),
            Attempted::Failed(why) => Self::none(why),
            Attempted::Held => Self::none("another process is at the episode"),
            Attempted::GivenUp => Self::none("the server is ending, and the episode was not begun"),
        }
    }

    /// Returns that there is none, and what broke.
    pub(crate) fn none(why: &str) -> Self {
        Self { reward: None, mask_sample: true, reward_components: None, infrastructure: Some(why.to_owned()) }
    }

    fn of_solved(settings: RewardSettings, solved: &Solved) -> Self {
        let Solved { outcome, verdict } = solved;
        let verdict = match verdict {
            Some(verdict) if !solved.failed() => verdict,
            Some(verdict) => return Self::none(&journal::verdict_line(verdict)),
            None => {
                let why = serde_json::to_value(&outcome.exit_status).unwrap_or_default();
                return Self::none(&format!("the episode came to no verdict: {why}"));
            }
        };
        let at_limit = outcome.exit_status.class() == OutcomeClass::AgentLimit;
        let limit_penalty = if at_limit { settings.limit_penalty } else { 0.0 };
        let value = value(settings.base, verdict);
        let status = verdict.report.tests_status.as_ref();
        let components = Components {
            base: settings.base,
            value,
            limit_penalty,
            resolved: verdict.report.resolved,
            exit_status: exit_status(outcome),
            judging: verdict.trust.judging,
            distrust: verdict.trust.distrust.iter().map(ToString::to_string).collect(),
            put_back: verdict.trust.put_back.clone(),
            failure: verdict.failure.map(word),
            fail_to_pass: status.map(|status| counts(&status.fail_to_pass)),
            pass_to_pass: status.map(|status| counts(&status.pass_to_pass)),
        };
        Self {
            reward: Some(value - limit_penalty),
            mask_sample: false,
            reward_components: Some(components),
            infrastructure: None,
        }
    }
}

/// Returns what a verdict is worth.
fn value(base: Base, verdict: &Verdict) -> f64 {
    let Report { resolved, tests_status, .. } = &verdict.report;
    match (base, tests_status) {
        _ if *resolved => 1.0,
        (Base::Share, Some(status)) if verdict.failure.is_none() && status.pass_to_pass.failure.is_empty() => {
            let [passed, all] = counts(&status.fail_to_pass);
            if all == 0 { 0.0 } else { passed as f64 / all as f64 }
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use env_core::{Failure, TestGroup, TestsStatus};

    use super::*;

    fn group(passed: usize, failed: usize) -> TestGroup {
        let names = |count| (0..count).map(|number| number.to_string()).collect();
        TestGroup { success: names(passed), failure: names(failed) }
    }

    fn verdict(turned: TestGroup, kept: TestGroup, failure: Option<Failure>) -> Verdict {
        let status = TestsStatus { fail_to_pass: turned, pass_to_pass: kept, ..TestsStatus::default() };
        let resolved = status.fail_to_pass.failure.is_empty() && status.pass_to_pass.failure.is_empty();
        let report =
            Report { resolved: resolved && failure.is_none(), tests_status: Some(status), ..Report::default() };
        Verdict { report, failure, ..Verdict::default() }
    }

    #[test]
    fn a_share_counts_only_where_nothing_else_broke() {
        for (turned, kept, failure, resolved, share) in [
            ((2, 0), (3, 0), None, 1.0, 1.0),
            ((1, 3), (3, 0), None, 0.0, 0.25),
            ((1, 3), (0, 0), None, 0.0, 0.25),
            ((3, 1), (3, 1), None, 0.0, 0.0),
            ((0, 2), (3, 0), None, 0.0, 0.0),
            ((0, 0), (3, 1), None, 0.0, 0.0),
            ((1, 1), (3, 0), Some(Failure::TestsTimedOut), 0.0, 0.0),
            ((4, 0), (3, 0), Some(Failure::Distrusted), 0.0, 0.0),
        ] {
            let verdict = verdict(group(turned.0, turned.1), group(kept.0, kept.1), failure);
            assert_eq!(value(Base::Resolved, &verdict), resolved, "{turned:?} {kept:?}");
            assert_eq!(value(Base::Share, &verdict), share, "{turned:?} {kept:?}");
        }
        assert_eq!(value(Base::Share, &Verdict::default()), 0.0);
    }
}
