//! What an export is asked for.

use anyhow::bail;
use serde::Serialize;

use crate::sft::Target;

/// What an export is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The trainer that reads the rows.
    pub target: Target,
    /// What a row shows of an episode.
    pub form: Form,
    /// Rows of more tokens are left out; `None` keeps all. SWE-Gym: 32,768.
    pub max_tokens: Option<usize>,
    /// Resolved episodes of one instance beyond this number are left out, and so are unresolved ones; `None` keeps all.
    pub per_instance: Option<usize>,
    /// Unresolved episodes for each resolved one; `None` keeps all. SWE-Gym: 1.
    pub negatives_per_positive: Option<f64>,
    /// Share of the episodes that are of the on-policy runs; `None` takes both kinds as they come.
    pub on_policy_share: Option<f64>,
    /// Share of the episodes that goes into the validation set, in whole repositories; 0 makes none.
    pub validation: f64,
    /// Seed of what is drawn. SWE-Gym: 42.
    pub seed: u64,
    /// Keeps instances of the repositories of SWE-bench's test set.
    pub allow_benchmarks: bool,
}

/// What a row shows of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Its whole log; the answer is YES or NO, as SWE-Gym's verifier of OpenHands has it.
    Log,
    /// The issue, its patch before and after, and the code that it was shown; the answer is True or False, as SWE-Gym's
    /// verifier of Moatless has it.
    Spans,
}

impl Settings {
    /// Returns the defaults for a target.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            form: Form::Log,
            max_tokens: None,
            per_instance: None,
            negatives_per_positive: Some(1.0),
            on_policy_share: None,
            validation: 0.0,
            seed: 42,
            allow_benchmarks: false,
        }
    }

    /// Checks that the settings mean something.
    ///
    /// # Errors
    /// What does not, with a hint.
    pub fn check(&self) -> anyhow::Result<()> {
        if let Some(ratio) = self.negatives_per_positive.filter(|ratio| !(ratio.is_finite() && *ratio > 0.0)) {
            bail!(
                "{ratio} unresolved episodes for each resolved one are none\nhint: it is a number above 0, such as 1"
            );
        }
        if let Some(share) = self.on_policy_share.filter(|share| !(0.0..=1.0).contains(share)) {
            bail!("an on-policy share of {share} is none\nhint: it is a share from 0 to 1, such as 0.5");
        }
        if !(0.0..1.0).contains(&self.validation) {
            bail!("a validation set of {} is none\nhint: it is a share from 0 and below 1", self.validation);
        }
        Ok(())
    }
}
