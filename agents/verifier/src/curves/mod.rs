//! What scorers are worth: curves of best@k beside the bounds, as rows, CSV and plots.

mod comparison;
mod csv;
mod curve;
mod plot;
mod png;
mod rated;
mod stopping;

pub use comparison::{Closed, Comparison, Gain};
pub use curve::Curve;
pub use rated::{Picked, Rated, Scores, pick_by_subsets};
pub(crate) use rated::{drawn, picked_of_subsets, seed_of};
pub use stopping::{Attempt, Course, Rule, Stopping, courses, stop_early};
