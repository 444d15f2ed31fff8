//! Who may ask.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::gym::Gym;
use crate::refusal::Refusal;

/// Refuses whoever may not ask.
pub(crate) async fn check(State(gym): State<Arc<Gym>>, request: Request, next: Next) -> Response {
    let allowed = match &gym.settings.token {
        Some(token) if request.uri().path() != "/health" => has_token(request.headers(), token),
        Some(_) => Ok(()),
        None => is_of_this_machine(request.headers(), request.uri()),
    };
    match allowed {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            gym.metrics.refused("access");
            refusal.into_response()
        }
    }
}

/// Refuses a request without the token: as a bearer's, as `X-API-Key`, or as the password of an address.
fn has_token(headers: &HeaderMap, token: &str) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authorization = text("authorization").and_then(|value| value.split_once(' '));
    let given = match authorization {
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("bearer") => Some(value.trim().to_owned()),
        Some((scheme, value)) if scheme.eq_ignore_ascii_case("basic") => password(value.trim()),
        _ => text("x-api-key").map(str::to_owned),
    };
    let hint = "hint: send it as `Authorization: Bearer …` or `X-API-Key: …`, or as the password in the address";
    match given {
        // Digests are compared, so that how long it takes says nothing of the token.
        Some(given) if Sha256::digest(&given) == Sha256::digest(token) => Ok(()),
        Some(_) => Err(Refusal::new(StatusCode::UNAUTHORIZED, "the token is not the server's")),
        None => Err(Refusal::new(StatusCode::UNAUTHORIZED, format!("the server wants its token\n{hint}"))),
    }
}

fn password(encoded: &str) -> Option<String> {
    let decoded = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Some(decoded.split_once(':')?.1.to_owned())
}

/// Refuses a request under a name that is not this machine's, as a page in a browser sends it that has its own name point
/// here, and one that a page of another origin sends.
fn is_of_this_machine(headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    let host = host.or_else(|| uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
    let of_origin = origin.map(|origin| origin.split_once("://").map_or(origin, |(_, host)| host));
    for name in [Some(host), of_origin].into_iter().flatten() {
        if !is_local(name) {
            let why =
                format!("without a token only this machine may ask, and `{name}` is no name of it\nhint: `--token`");
            return Err(Refusal::new(StatusCode::FORBIDDEN, why));
        }
    }
    Ok(())
}

/// Returns whether a host, with or without a port, is this machine by a name that nobody else can give it.
fn is_local(host: &str) -> bool {
    let without_port = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let is_loopback = without_port.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || without_port.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for (host, expected) in [
            ("localhost", true),
            ("LOCALHOST:8000", true),
            ("127.0.0.1:1", true),
            ("127.9.9.9", true),
            ("[::1]:8000", true),
            ("evil.example", false),
            ("localhost.evil.example:8000", false),
            ("127.0.0.1.evil.example", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), expected, "{host}");
        }
    }

    #[test]
    fn a_token_may_come_in_three_forms() {
        let basic = format!("Basic {}", STANDARD.encode("anyone:s3cret"));
        for (name, value, is_let_in) in [
            ("authorization", "Bearer s3cret", true),
            ("authorization", "bearer s3cret", true),
            ("authorization", basic.as_str(), true),
            ("x-api-key", "s3cret", true),
            ("x-api-key", "s3cre", false),
            ("authorization", "Bearer ", false),
            ("authorization", "Basic ?", false),
            ("cookie", "s3cret", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            assert_eq!(has_token(&headers, "s3cret").is_ok(), is_let_in, "{name}: {value}");
        }
    }
}
