//! Judges patches so that they cannot forge their own verdict.
//!
//! A patch decides what runs in the process of its tests, so nothing that this process says is proof. Three layers make
//! up for that. [`screen`](screen()) puts back what the tests load and the gold patch leaves alone, and reads the rest for
//! code that no fix needs; [`control`] puts tests that must fail beside the real ones and, where a reward is at stake,
//! runs the real ones once more with a failure in each, of which [`compare`] reads what it shows; [`judge_strictly`]
//! does it, in sandboxes of their own.

mod compare;
mod control;
mod loaded;
mod screen;
mod verdict;
mod words;

pub(crate) use screen::{new_words, screen};
pub(crate) use verdict::{Strict, judge_strictly};
