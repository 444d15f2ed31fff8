//! What scorers are worth: curves of best@k beside the bounds, as rows, CSV and plots.

mod comparison;
mod csv;
mod curve;
mod plot;

pub use comparison::{Comparison, Gain};
pub use curve::{Curve, Scores};
