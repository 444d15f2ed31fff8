//! The limits of an episode.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limits of an episode. Each is off when it is `null`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Steps of the agent, each usually one query and its tool calls. Default 100.
    pub steps: Option<u64>,
    /// Tokens read and written over all queries.
    pub tokens: Option<u64>,
    /// US dollars over all queries; queries of unknown price do not count. Default 3.0.
    pub cost: Option<f64>,
    /// Seconds of wall-clock time for the whole episode. Default 7200.
    pub time: Option<f64>,
    /// Characters of an observation that the model is shown; the middle of a longer one is cut. Default 30000.
    pub observation: usize,
    /// Whether an agent that goes in circles is stopped. Default true.
    pub stuck: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: Some(100), tokens: None, cost: Some(3.0), time: Some(7200.0), observation: 30_000, stuck: true }
    }
}

impl Limits {
    /// Checks that the limits are numbers that can be reached.
    ///
    /// # Errors
    /// Which one is not.
    pub fn check(&self) -> Result<(), String> {
        for (name, value) in [("time", self.time), ("cost", self.cost)] {
            if value.is_some_and(|value| !(0.0..1e15).contains(&value)) {
                return Err(format!("`limits.{name}` must be a number of at least 0"));
            }
        }
        Ok(())
    }

    /// Returns the limit on time as a duration; a value that is not a duration counts as no limit.
    pub(crate) fn duration(&self) -> Option<Duration> {
        self.time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

/// A limit that an episode ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Too many steps.
    Steps,
    /// Too many tokens.
    Tokens,
    /// Too much money.
    Cost,
    /// Too much time.
    Time,
    /// The conversation no longer fits the model's context.
    Context,
    /// Too many changes of the agent's state.
    Transitions,
    /// Too many visits of one of the agent's states.
    Visits,
    /// Too many answers in a row without a usable tool call.
    Idle,
    /// The agent went in circles.
    Stuck,
    /// No patch could be captured, for example because it is too large.
    Patch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_that_can_be_reached_or_none() {
        for (value, is_fine) in [
            (None, true),
            (Some(0.0), true),
            (Some(0.5), true),
            (Some(-1.0), false),
            (Some(1e15), false),
            (Some(f64::NAN), false),
            (Some(f64::INFINITY), false),
        ] {
            let [time, cost] =
                [Limits { time: value, ..Limits::default() }, Limits { cost: value, ..Limits::default() }];
            assert_eq!([time.check().is_ok(), cost.check().is_ok()], [is_fine; 2], "{value:?}");
        }
        let negative = Limits { cost: Some(-1.0), ..Limits::default() };
        assert_eq!(negative.check(), Err("`limits.cost` must be a number of at least 0".to_owned()));
    }

    #[test]
    fn a_limit_on_time_is_a_duration() {
        let duration = |time| Limits { time, ..Limits::default() }.duration();
        assert_eq!(duration(Some(1.5)), Some(Duration::from_millis(1500)));
        assert_eq!([duration(None), duration(Some(-1.0)), duration(Some(f64::NAN))], [None; 3]);
    }
}
