//! Why an episode failed, by rules that are written down.

mod actions;
mod place;
mod rules;

pub use rules::{Evidence, RULES, Rule, Tag, tags};
