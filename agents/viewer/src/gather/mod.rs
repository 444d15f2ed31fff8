//! What is known of runs: a row an episode, and the files behind it.

mod gathered;
mod index;
mod read;
mod row;
mod scores;

pub(crate) use gathered::{Gathered, Item};
pub use gathered::{Gold, Settings, Source};
pub(crate) use read::FILES;
pub use row::Row;
