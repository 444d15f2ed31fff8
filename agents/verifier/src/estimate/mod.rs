//! Estimators over the candidates of instances: pass@k, best@k, their intervals and fits, AUC and calibration error.
//!
//! All of them are pure functions. Rates are shares from 0 to 1; whoever shows them makes per cent of them.

mod best;
mod bootstrap;
mod calibration;
mod fit;
mod folds;
mod pass;
mod subsets;

pub use best::best_at;
pub use bootstrap::{Interval, RESAMPLES, bootstrap, bootstrap_of};
pub use calibration::{auc, expected_calibration_error};
pub use fit::{LogFit, fit_log};
pub(crate) use folds::{Folds, assign};
pub use pass::pass_at;
pub use subsets::{EXACT, SHUFFLES, Subsets, subsets};
