//! The calls of foreign agents: they are handed on to the model of the settings, and kept with their tokens.

mod handler;
mod record;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::gym::Gym;

pub(crate) use record::Records;

/// Returns the routes.
pub(crate) fn routes() -> Router<Arc<Gym>> {
    Router::new()
        .route("/sessions/{id}/v1/chat/completions", post(handler::complete))
        .route("/sessions/{id}/v1/models", get(handler::models))
        .route("/sessions/{id}/calls", get(handler::calls))
}
