//! The file: the page's own parts, an index, and blocks of compressed text that are decoded when they are asked for.

mod assets;
mod blocks;
mod compact;
mod file;
mod pack;

pub(crate) use assets::served;
pub use file::{Written, write};
