//! Traces of episodes for a collector of OpenTelemetry, where the environment names one.

#[cfg(feature = "otel")]
mod exporter;
#[cfg(feature = "otel")]
mod spans;

use std::sync::Arc;

use runner::engine::Listener;

/// The variables that name a collector.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// Returns the variable that names a collector, where one does and traces are not turned off.
fn endpoint() -> Option<&'static str> {
    let is = |name: &str, word: &str| std::env::var(name).is_ok_and(|value| value.trim().eq_ignore_ascii_case(word));
    if is("OTEL_SDK_DISABLED", "true") || is("OTEL_TRACES_EXPORTER", "none") {
        return None;
    }
    ENDPOINTS.into_iter().find(|name| std::env::var(name).is_ok_and(|value| !value.trim().is_empty()))
}

#[cfg(feature = "otel")]
pub(crate) use with_feature::{end, listener, start};
#[cfg(not(feature = "otel"))]
pub(crate) use without_feature::{end, listener, start};

#[cfg(feature = "otel")]
mod with_feature {
    use std::sync::OnceLock;

    use super::exporter::Traces;
    use super::*;
    use crate::console::say;

    /// What traces of this process are sent by. It is set once, before anything else begins.
    static TRACES: OnceLock<Traces> = OnceLock::new();

    /// Begins to send traces, where the environment names a collector.
    pub(crate) fn start() {
        let Some(endpoint) = endpoint() else { return };
        match Traces::start() {
            Ok(traces) => {
                let _ = TRACES.set(traces);
            }
            Err(err) => say(&format!("warning: no traces are sent to the collector of `{endpoint}`: {err}")),
        }
    }

    /// Returns what makes spans of what happens to items, where traces are sent.
    pub(crate) fn listener() -> Option<Arc<dyn Listener>> {
        Some(TRACES.get()?.spans() as Arc<dyn Listener>)
    }

    /// Sends what has not been sent yet, for no longer than a moment.
    pub(crate) async fn end() {
        if let Some(traces) = TRACES.get() {
            let _ = tokio::task::spawn_blocking(|| traces.end()).await;
        }
    }
}

#[cfg(not(feature = "otel"))]
mod without_feature {
    use super::*;
    use crate::console::say;

    /// Says that no traces are sent, where the environment asks for some.
    pub(crate) fn start() {
        if let Some(endpoint) = endpoint() {
            say(&format!(
                "warning: `{endpoint}` is set, but this program was built without traces\n\
                 hint: `spotter` has them; else build with `--features cli/otel`"
            ));
        }
    }

    /// Returns nothing.
    pub(crate) fn listener() -> Option<Arc<dyn Listener>> {
        None
    }

    /// Does nothing.
    pub(crate) async fn end() {}
}
