//! Signs in a log that the environment broke, rather than the patch.

use std::sync::LazyLock;

use env_core::{Infra, InfraReason};
use regex::RegexSet;

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
