//! Signs in a log that the environment broke, rather than the patch.

use std::sync::LazyLock;

use regex::RegexSet;
use serde::{Deserialize, Serialize};

/// A sign that the environment broke. It is advice: the verdict stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Infra {
    /// What broke.
    pub reason: InfraReason,
    /// How sure that is.
    pub tier: Tier,
}

/// How sure it is that the environment is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// No change to the repository's source can bring it about.
    Environment,
    /// A bad patch can bring it about as well.
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
    /// The tests ran into the time limit.
    TestsTimedOut,
}

/// The words by which a log shows each reason.
const SIGNS: [(InfraReason, &str); 8] = [
    (InfraReason::BrowserLaunchFailed, r"Failed to launch|Failed to connect to the bus"),
    (InfraReason::DisplayUnavailable, r"cannot open display|Missing X server|unable to open X display"),
    (InfraReason::OutOfMemory, r"Cannot allocate memory|OutOfMemoryError|(?mR:^Killed$)"),
    (InfraReason::ContainerUnavailable, r"Error response from daemon|Cannot connect to the Docker daemon"),
    (InfraReason::NetworkUnreachable, r"Could not resolve host|Temporary failure in name resolution"),
    (InfraReason::MissingModule, r"Cannot find module|MODULE_NOT_FOUND|ModuleNotFoundError"),
    (InfraReason::NoTestsCollected, r"no tests ran|collected 0 items"),
    (InfraReason::TestsTimedOut, r"Timeout error: \d+ seconds exceeded"),
];

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

/// The words of [`SIGNS`]; made once, because that takes longer than most logs do.
static PATTERNS: LazyLock<Option<RegexSet>> = LazyLock::new(|| RegexSet::new(SIGNS.map(|(_, pattern)| pattern)).ok());

/// Collects the signs of a log, part by part; a part ends where a line ends.
#[derive(Default)]
pub(crate) struct Signs {
    first: Option<InfraReason>,
}

impl Signs {
    /// Looks through one more part of the log.
    pub(crate) fn read(&mut self, text: &str) {
        let Some(patterns) = PATTERNS.as_ref() else { return };
        let found = patterns.matches(text).iter().next().and_then(|index| SIGNS.get(index));
        self.first = self.first.into_iter().chain(found.map(|(reason, _)| *reason)).min();
    }

    /// Forgets what was found.
    pub(crate) fn restart(&mut self) {
        self.first = None;
    }

    /// Returns the first sign in the official order.
    pub(crate) fn infra(&self) -> Option<Infra> {
        self.first.map(|reason| Infra { reason, tier: reason.tier() })
    }
}
