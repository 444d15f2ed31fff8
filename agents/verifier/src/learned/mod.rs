//! A scorer that is trained in process, in seconds, from labelled episodes.

mod features;
mod folds;
mod logistic;
mod model;
mod platt;

pub use folds::{CrossValidated, cross_validate, repository};
pub use model::{Counted, Learned};
