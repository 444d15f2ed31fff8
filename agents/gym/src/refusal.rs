//! Why a request is refused.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Why a request is refused. The answer has the form of FastAPI's, `{"detail": …}`, which the clients of both protocols
/// show.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    /// Whether the same request may do better in a moment.
    pub(crate) is_for_now: bool,
}

/// Bytes of a request at most; the arguments of a call may be large, as the text of a whole file is.
pub(crate) const MOST_BYTES: usize = 32 << 20;

/// Seconds after which a request that is refused for now may be sent again.
const RETRY_AFTER: &str = "2";

impl Refusal {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), is_for_now: false }
    }

    /// Returns that the request does not fit.
    pub(crate) fn unfit(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Returns that the request asks for what cannot be had, such as an index beyond the end.
    pub(crate) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Returns that something of ours broke.
    pub(crate) fn broken(err: &anyhow::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{err:#}"))
    }

    /// Returns that the same request may do better in a moment.
    pub(crate) fn for_now(detail: impl Into<String>) -> Self {
        Self { is_for_now: true, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "detail": self.detail }))).into_response();
        if self.is_for_now {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
            // By this the client of ORS knows that nothing was run, and goes on asking.
            headers.insert("x-backend-state", HeaderValue::from_static("starting"));
        }
        response
    }
}

/// Reads a body; an empty one stands for an object without fields.
pub(crate) fn read<T: DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Refusal> {
    let body = body.map_err(|err| Refusal::new(err.status(), format!("the body cannot be had: {err}")))?;
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    serde_json::from_slice(body).map_err(|err| Refusal::unfit(format!("the body does not fit: {err}")))
}
