//! Scorers of finished episodes, best-of-n, and the curves of both.
//!
//! A [`Scorer`] rates the [`Candidates`] of an instance together. Verdicts are [`Labels`], kept apart: a scorer is not
//! given any, so that none can look one up. A [`Pool`] gathers the episodes of runs, [`picks()`] picks the best of them,
//! [`estimate`] has the estimators and [`curves`] what is shown of them. Nothing here runs an agent or judges a patch.

mod candidate;
mod pool;

mod learned;
pub mod patch;
mod scorers;

mod asking;
pub mod conversation;
pub mod trials;

pub mod curves;
pub mod estimate;
mod picks;
mod scored;

pub use asking::{Asked, Asking, Kept, Measure, ModelOfKey, TooLong, probability, rating};
pub use candidate::{Candidate, Candidates, Labels, Scorer};
pub use learned::{Counted, CrossValidated, Learned, cross_validate};
pub use picks::picks;
pub use pool::{Member, Pool};
pub use scored::{EpisodeKey, Known, ScoreFile, Scored, read_told, score_path, scores_of_run, write_lines};
pub use scorers::{First, FoldMixes, Hybrid, Majority, Mix, Oracle, Random, Rank, Stored, Tests};
