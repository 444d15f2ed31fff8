//! The engine of a command.

use runner::Resolved;
use runner::engine::{Engine, Events, Permits};
use runner::environments::Providers;
use tokio_util::sync::CancellationToken;

/// Returns an engine whose work ends before the sandboxes of `providers` are removed.
pub(super) fn engine(resolved: &Resolved, providers: &Providers, events: Events, workers: usize) -> Engine {
    Engine {
        events,
        permits: Permits::new(&resolved.config.permits, workers),
        workers,
        tasks: providers.tasks.clone(),
        drain: CancellationToken::new(),
    }
}
