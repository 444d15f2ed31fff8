//! What scorers are worth: curves of best@k beside the bounds, as tables, CSV and plots.

mod curve;

pub use curve::{Curve, Scores, curve, gain, uniform};
