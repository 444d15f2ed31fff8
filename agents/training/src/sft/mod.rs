//! Rejection sampling: solved episodes as rows that trainers of supervised fine-tuning read.
//!
//! [`export`] reads runs, keeps solved episodes, makes a row of each segment, and writes a folder with the rows, the
//! trainer's configuration and a data card. What is left out is counted by reason.

mod settings;
mod target;

mod batches;
mod leaks;
mod repositories;
mod row;

mod export;
mod files;
mod gather;
mod prepare;
mod select;
mod write;

mod card;
mod columns;
mod readme;
mod recipe;

pub use card::{Card, FileFacts, Percentiles};
pub use export::export;
pub use settings::{Arguments, By, Format, Order, Settings};
pub use target::{CallForm, Target};

pub(crate) use batches::in_batches;
pub(crate) use columns::columns;
pub(crate) use files::{Places, write_card, write_sets, write_text};
pub(crate) use leaks::{HIDDEN, leak};
pub(crate) use repositories::{by_repository, is_benchmark, repository};
pub(crate) use row::Row;
pub(crate) use select::held_out;
pub(crate) use write::Spool;
