//! A scorer that is trained in process, in seconds, from labelled episodes.

mod features;
pub(crate) mod folds;
pub(crate) mod logistic;
mod model;
mod platt;

pub use folds::{CrossValidated, cross_validate};
pub use model::{Counted, Learned};
