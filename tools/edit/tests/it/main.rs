//! The scenarios of the two tools, and what must hold for every edit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod properties;
mod scenario;
mod schema;
mod temp_sandbox;

/// Returns the texts that the tools tell.
fn texts() -> impl tool_core::Texts {
    let prompts = prompts::Prompts::new(std::collections::BTreeMap::new()).unwrap();
    move |name: &str, values: serde_json::Value| prompts.render(name, values).unwrap()
}
