//! The Open Reward Standard: HTTP, with server sent events for what takes long.
//!
//! Every path is served as it is and below the name of the environment, as its client asks for both.

mod calls;
mod request;
mod session;
mod tasks;

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use crate::gym::Gym;

/// Returns the routes.
pub(crate) fn routes() -> Router<Arc<Gym>> {
    let routes = Router::new()
        .route("/list_environments", get(tasks::environments))
        .route("/create_session", post(session::create_session))
        .route("/create", post(session::create))
        .route("/ping", post(session::ping))
        .route("/delete", post(session::delete))
        .route("/delete_session", post(session::delete_session));
    let both: [(&str, MethodRouter<Arc<Gym>>); 10] = [
        ("tools", get(tasks::tools)),
        ("splits", get(tasks::splits)),
        ("tasks", post(tasks::tasks)),
        ("num_tasks", post(tasks::num_tasks)),
        ("task", post(tasks::task)),
        ("task_range", post(tasks::task_range)),
        ("task_tools", get(session::task_tools)),
        ("prompt", get(session::prompt)),
        ("messages", get(session::messages)),
        ("call", post(calls::call)),
    ];
    both.into_iter().fold(routes, |routes, (name, method)| {
        routes.route(&format!("/{name}"), method.clone()).route(&format!("/{{env}}/{name}"), method)
    })
}
