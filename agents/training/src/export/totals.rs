//! The figures of several episodes together.

use agent_core::Usage;

use super::clock::iso;
use super::source::Source;

/// What episodes took in all.
#[derive(Debug, Default)]
pub(super) struct Totals {
    usage: Usage,
    cost: Option<f64>,
    /// When the first began and the last one ended, in seconds since 1970.
    span: Option<(f64, f64)>,
}

impl Totals {
    /// Adds an episode.
    pub(super) fn add(&mut self, source: &Source<'_>) {
        let spending = source.spending();
        self.usage += spending.usage;
        if source.is_priced() {
            *self.cost.get_or_insert_default() += spending.cost;
        }
        let started = source.started();
        if started > 0.0 {
            let (first, last) = self.span.unwrap_or((started, started));
            self.span = Some((first.min(started), last.max(started + spending.seconds)));
        }
    }

    /// Returns the tokens; `None` where none are known.
    pub(super) fn usage(&self) -> Option<Usage> {
        Some(self.usage).filter(|usage| usage.total() > 0)
    }

    /// Returns the cost in US dollars, of the episodes of which it is known; `None` where it is of none.
    pub(super) fn cost(&self) -> Option<f64> {
        self.cost
    }

    /// Returns when the first began; `None` where that is not known.
    pub(super) fn started(&self) -> Option<String> {
        iso(self.span?.0)
    }

    /// Returns when the last one ended; `None` where that is not known.
    pub(super) fn finished(&self) -> Option<String> {
        iso(self.span?.1)
    }
}
