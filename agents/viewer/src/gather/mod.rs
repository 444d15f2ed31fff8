//! What is known of runs: a row an episode, and the files behind it.

mod gathered;
mod index;
mod read;
mod row;
mod scores;

pub(crate) use gathered::{Gathered, Item};
pub(crate) use read::FILES;
pub use gathered::{Gold, Settings, Source};
pub use row::Row;
