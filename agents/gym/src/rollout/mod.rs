//! Rollouts: an agent of the project solves an instance with a trainer's endpoint as its model, and the answer has the
//! reward, the trajectory, and the tokens of every call of the model.

mod calls;
mod nemo;
mod request;
mod rolled;
mod run;
mod table;

use std::sync::Arc;

use axum::Router;
use axum::routing::post;

use crate::gym::Gym;

pub(crate) use calls::{Call, call, details, finish, training_trace};
pub(crate) use table::Rollouts;

/// Returns the routes.
pub(crate) fn routes() -> Router<Arc<Gym>> {
    Router::new().route("/rollout", post(run::rollout)).route("/run", post(nemo::run))
}
