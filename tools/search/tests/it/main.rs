//! Search over small trees, real trees and hostile ones.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

mod cache;
mod edits;
mod notebooks;
mod queries;
mod rerank;
mod robust;
mod spans;
mod templates;
mod tools;
mod tree;

/// Returns the texts that the tools tell.
fn texts() -> impl tool_core::Texts {
    let prompts = prompts::Prompts::new(std::collections::BTreeMap::new()).unwrap();
    move |name: &str, values: serde_json::Value| prompts.render(name, values).unwrap()
}
