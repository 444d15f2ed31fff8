//! Tests that rate patches: which there are, what is tried with them, and what that says of each candidate.
//!
//! Nothing here runs anything: [`survey`] and [`Plan`] say what to run, and [`Trials`] takes what came of it. None of it
//! knows the tests that an instance is judged by.

mod near;
mod outcome;
mod plan;
mod split;
mod tested;
mod written;

pub use near::{Inventory, survey};
pub use outcome::Outcome;
pub use plan::{Bounds, Plan};
pub use tested::{Share, Tested, Trials, WrittenTrials};
pub use written::{Run, Written};
