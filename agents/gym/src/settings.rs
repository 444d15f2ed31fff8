//! How a gym serves.

use std::time::Duration;

use crate::RewardSettings;

/// How a gym serves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sessions and rollouts that are under way at most; one more is refused.
    pub sessions: usize,
    /// For how long a session that has not ended may be left alone.
    pub idle: Duration,
    /// What becomes of a session that is left alone, or closed before it has ended.
    pub abandoned: Abandoned,
    /// What rewards are made of.
    pub reward: RewardSettings,
    /// Name of the one split.
    pub split: String,
    /// What has to come with each request; `None` where anyone on this machine may ask.
    pub token: Option<String>,
}

/// What becomes of a session that nobody asks any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Abandoned {
    /// What is there is judged.
    #[default]
    Judge,
    /// It comes to nothing.
    Drop,
}
