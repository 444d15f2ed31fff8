//! End-to-end and tidy tests.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a test fails by panicking, and says why it is skipped")]

use std::sync::Arc;

use tool_core::SandboxProvider;

mod adversarial;
mod case;
mod circles;
mod container;
mod corpus;
mod embeddings;
mod episode;
mod kept;
mod moatless;
mod schemas;
mod scripted;
mod tidy;

/// Returns a provider of local sandboxes.
pub(crate) async fn local_provider() -> Arc<dyn SandboxProvider> {
    let config = sandbox::Config { provider: sandbox::Kind::Local, ..sandbox::Config::default() };
    Arc::new(sandbox::connect(&config, &sandbox::Host::from_process(), "tests").await.unwrap())
}
