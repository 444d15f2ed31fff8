//! When a request is sent again.

use std::time::{Duration, Instant, SystemTime};

use agent_core::ModelError;
use llm::{ModelConfig, RetryConfig};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::server::{Deed, answer, ask, broken, config, count, hello, model, ok, raw, serve};

fn busy(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "error": { "message": "busy" } }))
}

/// Asks a server that does these things and then answers.
async fn recovers(mut deeds: Vec<Deed>) {
    let attempts = deeds.len() + 1;
    let body = answer("at last").to_string();
    deeds.push(Deed::Send(raw("application/json", &body, body.len())));
    let (url, seen) = broken(deeds).await;
    let model = model(&ModelConfig { timeout: 0.3, ..config(&url) });
    assert_eq!(model.complete(&hello()).await.unwrap().message.content, "at last");
    assert_eq!(*seen.lock().unwrap(), attempts);
}

#[tokio::test]
async fn errors_of_the_server_are_tried_again() {
    let (result, requests) = ask(vec![busy(500), busy(503), busy(429), ok(answer("at last"))]).await;
    assert_eq!((result.unwrap().message.content.as_str(), requests), ("at last", 4));
}

/// Checks how long a server that says `value` is waited for: at least so many milliseconds, and not much longer.
async fn waits(header: &str, value: String, least: u64) {
    let answers = vec![busy(429).insert_header(header, value.as_str()), ok(answer("at last"))];
    let started = Instant::now();
    let (result, requests) = ask(answers).await;
    let waited = started.elapsed();
    assert!(result.is_ok() && requests == 2, "{result:?}");
    let bounds = Duration::from_millis(least)..Duration::from_millis(least + 1500);
    assert!(bounds.contains(&waited), "{header}: {value}: {waited:?}");
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_millis(1990));
    let long_ago = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH);
    tokio::join!(
        waits("retry-after", soon, 500),
        waits("retry-after", long_ago, 0),
        waits("retry-after", "1".to_owned(), 1000),
        waits("retry-after", "0.05".to_owned(), 50),
        waits("retry-after-ms", "40".to_owned(), 40),
    );
}

#[tokio::test]
async fn the_cap_on_time_holds_even_against_retry_after() {
    let server = serve(vec![busy(429).insert_header("retry-after", "3600")]).await;
    let started = Instant::now();
    let err = model(&config(&server.uri())).complete(&hello()).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(matches!(err, ModelError::Transient { retry_after: Some(wait), .. } if wait.as_secs() == 3600), "{err:?}");
    assert!(err.to_string().contains("gave up after attempt 1"), "{err}");
    assert_eq!(count(&server).await, 1);
}

#[tokio::test]
async fn attempts_end_when_the_time_is_up() {
    let server = serve(vec![busy(500)]).await;
    let retry = RetryConfig { max_elapsed: 0.1, base: 0.01, cap: 0.02 };
    let err = model(&ModelConfig { retry, ..config(&server.uri()) }).complete(&hello()).await.unwrap_err();
    assert!(matches!(err, ModelError::Transient { .. }));
    assert!((3..100).contains(&count(&server).await));
}

#[tokio::test]
async fn a_reset_connection_is_tried_again() {
    recovers(vec![Deed::Reset, Deed::Reset]).await;
}

#[tokio::test]
async fn a_connection_closed_without_a_word_is_tried_again() {
    recovers(vec![Deed::Send(String::new())]).await;
}

#[tokio::test]
async fn half_a_body_is_tried_again() {
    let body = answer("never").to_string();
    recovers(vec![Deed::Send(raw("application/json", &body[..body.len() / 2], body.len()))]).await;
}

#[tokio::test]
async fn malformed_json_is_tried_again() {
    let page = "<html>bad gateway</html>";
    recovers(vec![
        Deed::Send(raw("application/json", "{\"choices\": [", 13)),
        Deed::Send(raw("text/html", page, page.len())),
        Deed::Send(raw("application/json", "", 0)),
    ])
    .await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_tried_again() {
    recovers(vec![Deed::Hang(raw("application/json", "{\"choices\": [", 100))]).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_transient() {
    let retry = RetryConfig { max_elapsed: 0.0, ..RetryConfig::default() };
    let model = model(&ModelConfig { retry, ..config("http://127.0.0.1:9") });
    let err = model.complete(&hello()).await.unwrap_err();
    assert!(matches!(err, ModelError::Transient { .. }), "{err:?}");
    assert!(err.to_string().contains("127.0.0.1:9"), "{err}");
}
