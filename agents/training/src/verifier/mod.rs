//! Data that verifiers are trained on: judged episodes as text, with YES or NO.
//!
//! [`export`] reads runs and writes the conversation that `verifier`'s scorer `llm` asks with, and the answer that judging
//! gave, balanced, and split by repository.

mod balance;
mod export;
mod gather;
mod settings;

pub use export::{Card, Set, export};
pub use settings::{Form, Settings};
