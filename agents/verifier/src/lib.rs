//! Scorers of finished episodes, best-of-n, and the curves of both.
//!
//! A [`Scorer`] rates the [`Candidates`] of an instance together. Verdicts are [`Labels`], kept apart: a scorer is not
//! given any, so that none can look one up. What is measured of scores is in [`estimate`]. Nothing here runs an agent or
//! judges a patch.

mod candidate;
pub mod curves;
pub mod estimate;
mod learned;
mod patch;
mod scorers;

pub use candidate::{Candidate, Candidates, Labels, Scorer};
pub use learned::{CrossValidated, Learned, cross_validate, repository};
pub use scorers::{First, Majority, Oracle, Random};
