//! OpenEnv: a web socket of which each connection is a session, MCP, and what tells what there is.

mod http;
mod mcp;
mod observation;
mod ws;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::gym::Gym;

/// Returns the routes.
pub(crate) fn routes() -> Router<Arc<Gym>> {
    Router::new()
        .route("/ws", get(ws::connect))
        .route("/mcp", post(http::mcp))
        .route("/metadata", get(http::metadata))
        .route("/schema", get(http::schema))
        .route("/reset", post(http::reset))
        .route("/step", post(http::step))
        .route("/state", get(http::state))
}
