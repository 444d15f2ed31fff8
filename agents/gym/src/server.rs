//! The server: its routes, and its end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Json, Router, middleware};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::gym::Gym;
use crate::refusal::{MOST_BYTES, Refusal};
use crate::{access, gateway, openenv, ors, rollout};

/// How often a server that is to end looks whether all sessions have.
const POLL: Duration = Duration::from_millis(50);

/// Serves a gym until its engine is drained and all that is under way has ended. When the returned future is dropped, all
/// that is under way is stopped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(gym: Arc<Gym>, listener: TcpListener) -> anyhow::Result<()> {
    let _stop = gym.stop.clone().drop_guard();
    let router = router(gym.clone());
    let ended = {
        let gym = gym.clone();
        async move {
            gym.engine.drain.cancelled().await;
            while gym.live() > 0 || gym.forwarding.taken() > 0 {
                tokio::time::sleep(POLL).await;
            }
        }
    };
    // A stream is written in small pieces, each of which would wait for the client's word on the one before.
    let listener = listener.tap_io(|stream| {
        if let Err(err) = stream.set_nodelay(true) {
            tracing::debug!("pieces of a stream may be held back: {err}");
        }
    });
    let served = axum::serve(listener, router).into_future();
    let outcome = tokio::select! {
        served = served => served.map_err(anyhow::Error::from),
        () = gym.end_idle() => Ok(()),
        () = ended => {
            // Those who wait for the last answers have them by then.
            tokio::time::sleep(POLL * 4).await;
            Ok(())
        }
    };
    gym.environment.close().await;
    outcome
}

fn router(gym: Arc<Gym>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .merge(ors::routes())
        .merge(openenv::routes())
        .merge(rollout::routes())
        .merge(gateway::routes())
        .fallback(nothing)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::from_fn_with_state(gym.clone(), access::check))
        .with_state(gym)
}

/// Both protocols ask for it, each with a word of its own, and take the other's for well enough.
async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy" }))
}

async fn metrics(State(gym): State<Arc<Gym>>) -> impl IntoResponse {
    let text = gym.metrics.text(gym.live(), gym.settings.sessions);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

async fn nothing(uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is nothing at `{}`", uri.path()))
}
