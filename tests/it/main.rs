//! End-to-end and tidy tests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use tool_core::{Host, SandboxConfig, SandboxPlug, SandboxProvider};

mod adversarial;
mod case;
mod circles;
mod container;
mod corpus;
mod embeddings;
mod episode;
mod kept;
mod manual;
mod moatless;
mod schemas;
mod scripted;
mod tidy;
mod told;

/// Returns a provider of local sandboxes.
pub(crate) async fn local_provider() -> Arc<dyn SandboxProvider> {
    let config = SandboxConfig { provider: "local".to_owned(), ..SandboxConfig::default() };
    SandboxPlug::of::<local::Local>().connect(&config, &host(), "tests").await.unwrap()
}

/// Returns what providers may know of this machine.
pub(crate) fn host() -> Host {
    Host::new(std::env::vars_os(), false)
}
