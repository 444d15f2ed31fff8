//! A scorer that is trained in process, in seconds, from labelled episodes.

mod features;
mod folds;
mod logistic;
mod model;
mod platt;

pub use folds::{CrossValidated, cross_validate};
pub use model::{Counted, Learned};
