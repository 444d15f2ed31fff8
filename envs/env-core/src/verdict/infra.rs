//! Signs that the environment is at fault, rather than the patch.

use serde::{Deserialize, Serialize};

/// A sign that the environment is at fault. It is advice and does not change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Infra {
    /// What failed.
    pub reason: InfraReason,
    /// How certain that is.
    pub tier: Tier,
}

/// How certain it is that the environment is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// No change to the repository's source can cause it.
    Environment,
    /// A bad patch can also cause it.
    Ambiguous,
}

/// What broke, by the official names and in the official order: the first that a log shows counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InfraReason {
    /// A browser did not start.
    BrowserLaunchFailed,
    /// There was no display.
    DisplayUnavailable,
    /// Memory ran out.
    OutOfMemory,
    /// The container engine did not answer.
    ContainerUnavailable,
    /// A host's name could not be resolved.
    NetworkUnreachable,
    /// A module was missing.
    MissingModule,
    /// The runner found no test.
    NoTestsCollected,
    /// The tests timed out.
    TestsTimedOut,
}

impl InfraReason {
    /// Returns how sure it is that the environment is to blame.
    pub fn tier(self) -> Tier {
        match self {
            Self::MissingModule | Self::NoTestsCollected | Self::TestsTimedOut => Tier::Ambiguous,
            Self::BrowserLaunchFailed
            | Self::DisplayUnavailable
            | Self::OutOfMemory
            | Self::ContainerUnavailable
            | Self::NetworkUnreachable => Tier::Environment,
        }
    }
}
