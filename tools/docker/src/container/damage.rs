//! Whether an error of a sandbox was caused by what ran inside, or by infrastructure.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::Docker as Client;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::StreamExt;
use tool_core::SandboxError;

/// An engine that does not answer so long is what has failed.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Blames what ran inside for an error if the engine says that the container runs, or that its memory limit ended it.
pub(super) async fn explain(client: &Client, id: &str, err: SandboxError) -> SandboxError {
    let is_damaged = tokio::time::timeout(TIMEOUT, is_damaged(client, id)).await.unwrap_or(false);
    match err {
        SandboxError::Damaged(_) | SandboxError::Unsupported(_) => err,
        err if is_damaged => SandboxError::Damaged(format!("what ran in the sandbox has broken it: {err}")),
        err => err,
    }
}

async fn is_damaged(client: &Client, id: &str) -> bool {
    let state = client.inspect_container(id, None).await.ok().and_then(|container| container.state);
    match state {
        Some(state) if state.paused == Some(true) => false,
        Some(state) if state.running == Some(true) => true,
        Some(state) if state.oom_killed == Some(true) => true,
        // The engine removes a container that has ended; what it has seen of it, it still knows.
        _ => was_out_of_memory(client, id).await,
    }
}

/// Returns whether the container ended by its memory limit: after an event that says so, and without a signal from
/// outside.
async fn was_out_of_memory(client: &Client, id: &str) -> bool {
    let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) else { return false };
    let filters = HashMap::from([("container", vec![id])]);
    let until = (now.as_secs() + 1).to_string();
    let options = EventsOptionsBuilder::new().since("1").until(&until).filters(&filters).build();
    let events = client.events(Some(options)).filter_map(async |event| event.ok()?.action);
    let actions: Vec<String> = events.collect().await;
    let has = |wanted: &str| actions.iter().any(|action| action == wanted);
    has("oom") && has("die") && !has("kill")
}
