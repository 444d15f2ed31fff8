//! Measures what the persistent shell costs in a local sandbox.
//!
//! `cargo run --release -p local --example local_overhead`
#![allow(clippy::print_stdout)]

#[path = "../../shell/examples/overhead/mod.rs"]
mod overhead;

use local::Local;
use tool_core::{SandboxPlug, Source};

#[tokio::main]
async fn main() -> overhead::Outcome<()> {
    let source = Source::Files(Default::default());
    overhead::overhead(SandboxPlug::of::<Local>(), source, async |_| Ok(())).await
}
