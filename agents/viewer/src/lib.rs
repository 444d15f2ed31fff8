//! Runs as people look at them: one HTML file that needs no server, or the same page on loopback while a run goes on.
//!
//! [`write()`] makes the file from [`Source`]s, the runs; [`live::serve`] serves it. What a page shows of an episode in its
//! tables is a [`Row`], worked out here; everything else is the episode's own files, which the page takes apart when they
//! are asked for. [`why`] has the rules by which failures are tagged. Nothing here changes a run, runs an agent or judges
//! a patch.

pub mod why;

mod gather;
mod page;

pub mod live;

pub use gather::{Gold, Row, Settings, Source};
pub use page::{Written, write};
