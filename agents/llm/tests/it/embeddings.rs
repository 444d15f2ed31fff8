//! Vectors over real HTTP.

use expect_test::{Expect, expect};
use llm::{ConnectError, Embeddings, EmbeddingsConfig, RetryConfig};
use serde_json::{Value, json};
use tool_core::{Embed, EmbedError};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::server::{KEY, count, ok, seen};

fn config(base_url: &str) -> EmbeddingsConfig {
    EmbeddingsConfig {
        name: Some("text-embedding-3-small".to_owned()),
        base_url: Some(format!("{base_url}/v1")),
        retry: RetryConfig { max_elapsed: 5.0, base: 0.001, cap: 0.01 },
        timeout: 5.0,
        ..EmbeddingsConfig::default()
    }
}

fn connect(config: &EmbeddingsConfig) -> Embeddings {
    let variable = |name: &str| (name == "OPENAI_API_KEY").then(|| KEY.to_owned());
    Embeddings::connect_in(config, variable).unwrap().unwrap()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Starts a server whose vectors tell the length of the text and its place, in the wrong order.
async fn lengths() -> MockServer {
    let answer = |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let rows = body["input"].as_array().unwrap().iter().enumerate().rev().map(|(index, text)| {
            let length = text.as_str().unwrap().chars().count();
            json!({ "object": "embedding", "index": index, "embedding": [length as f32, index as f32] })
        });
        ok(json!({ "object": "list", "data": rows.collect::<Vec<_>>(), "usage": { "total_tokens": 1 } }))
    };
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path("/v1/embeddings")).respond_with(answer).mount(&server).await;
    server
}

/// Asks for the vectors of two texts from a server that answers in this order, the last for ever; returns what came of
/// it and how often the server was asked.
async fn ask(answers: Vec<ResponseTemplate>) -> (Result<Vec<Vec<f32>>, EmbedError>, usize) {
    let server = MockServer::start().await;
    let last = answers.len() - 1;
    for (index, answer) in answers.into_iter().enumerate() {
        let mock = Mock::given(method("POST")).and(path("/v1/embeddings")).respond_with(answer);
        let mock = if index == last { mock } else { mock.up_to_n_times(1) };
        mock.with_priority(u8::try_from(index + 1).unwrap()).mount(&server).await;
    }
    let vectors = connect(&config(&server.uri())).embed(&texts(&["a", "b"])).await;
    (vectors, count(&server).await)
}

fn rows(rows: Value) -> ResponseTemplate {
    ok(json!({ "data": rows }))
}

#[tokio::test]
async fn vectors_come_in_the_order_of_their_texts_whatever_that_of_the_answer() {
    let server = lengths().await;
    let extra = json!({ "dimensions": 2 }).as_object().unwrap().clone();
    let embeddings = connect(&EmbeddingsConfig { extra, ..config(&server.uri()) });
    assert_eq!(embeddings.name(), "text-embedding-3-small");
    let vectors = embeddings.embed(&texts(&["one", "three", "seventeen"])).await.unwrap();
    assert_eq!(vectors, [[3.0, 0.0], [5.0, 1.0], [9.0, 2.0]]);
    expect![[r#"{"model":"text-embedding-3-small","input":["one","three","seventeen"],"encoding_format":"float","dimensions":2}"#]]
        .assert_eq(&seen(&server, 0).await.to_string());
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}").as_str());
}

#[tokio::test]
async fn many_texts_go_in_batches_and_long_ones_are_cut() {
    let server = lengths().await;
    let embeddings = connect(&EmbeddingsConfig { batch: 2, max_characters: 4, ..config(&server.uri()) });
    let vectors = embeddings.embed(&texts(&["a", "bb", "ccc", "ddddé", "ééééé"])).await.unwrap();
    assert_eq!(vectors, [[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 1.0], [4.0, 0.0]]);
    let inputs =
        [seen(&server, 0).await, seen(&server, 1).await, seen(&server, 2).await].map(|body| body["input"].clone());
    assert_eq!(inputs, [json!(["a", "bb"]), json!(["ccc", "dddd"]), json!(["éééé"])]);
    assert!(embeddings.embed(&[]).await.unwrap().is_empty());
    assert_eq!(count(&server).await, 3);
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_one_without_an_index_is_understood() {
    let busy = ResponseTemplate::new(429).set_body_json(json!({ "error": { "message": "busy" } }));
    let answer = rows(json!([{ "embedding": [1] }, { "embedding": [2.5] }]));
    let (vectors, requests) = ask(vec![busy.clone(), busy, answer]).await;
    assert_eq!((vectors.unwrap(), requests), (vec![vec![1.0], vec![2.5]], 3));
}

#[tokio::test]
async fn answers_that_do_not_fit_are_refused_at_once() {
    let row = |index: usize, vector: Value| json!({ "index": index, "embedding": vector });
    for (answer, said) in [
        (json!([row(0, json!([1]))]), "1 vectors for 2 texts"),
        (json!([row(0, json!([1])), row(1, json!([1])), row(2, json!([1]))]), "3 vectors for 2 texts"),
        (json!([row(0, json!([1])), row(0, json!([1]))]), "an `index` that is invalid or occurs twice"),
        (json!([row(0, json!([1])), row(7, json!([1]))]), "an `index` that is invalid or occurs twice"),
        (json!([row(0, json!([1])), { "index": "b", "embedding": [1] }]), "an `index` that is invalid or occurs twice"),
        (json!([row(0, json!([1])), row(1, json!([1, 2]))]), "vectors of 1 and of 2 numbers"),
        (json!([row(0, json!([1])), row(1, json!([]))]), "a vector that is not a list of numbers"),
        (json!([row(0, json!([1])), row(1, json!([1e300]))]), "a vector that is not a list of numbers"),
        (json!([row(0, json!([1])), row(1, json!("AACAPw=="))]), "a vector that is not a list of numbers"),
    ] {
        let (vectors, requests) = ask(vec![rows(answer)]).await;
        assert_eq!((vectors.unwrap_err().to_string(), requests), (format!("the embeddings' server sent {said}"), 1));
    }
}

#[tokio::test]
async fn refusals_name_the_settings_of_embeddings() {
    let (vectors, requests) = ask(vec![ResponseTemplate::new(404)]).await;
    expect![[r#"
        the embeddings' server answered 404
        hint: check `embeddings.name`, and that `embeddings.base_url` ends before `/embeddings`"#]]
    .assert_eq(&vectors.unwrap_err().to_string());
    assert_eq!(requests, 1);
    for (answer, said) in [
        (ok(json!({ "error": { "message": "no such model", "code": 404 } })), "answered 404: no such model"),
        (ResponseTemplate::new(400).set_body_string("too many tokens"), "answered 400: too many tokens"),
    ] {
        let err = ask(vec![answer]).await.0.unwrap_err().to_string();
        assert!(err.contains(&format!("the embeddings' server {said}")), "{err}");
    }
}

#[tokio::test]
async fn a_key_that_the_embeddings_server_echoes_is_not_shown() {
    let echo = json!({ "error": { "message": format!("Incorrect API key provided: {KEY}.") } });
    for answer in [
        ResponseTemplate::new(401).set_body_json(&echo),
        ResponseTemplate::new(400).set_body_string(KEY),
        ResponseTemplate::new(200).set_body_json(json!({ "error": { "message": KEY, "code": 400 } })),
    ] {
        let err = ask(vec![answer]).await.0.unwrap_err();
        assert!(err.to_string().contains("[redacted]") && !format!("{err} {err:?}").contains(KEY), "{err}");
    }
    let embeddings = connect(&config("http://127.0.0.1:9"));
    assert!(!format!("{embeddings:?}").contains(KEY));
}

#[test]
fn there_are_none_unless_a_model_is_named() {
    for name in [None, Some(String::new())] {
        let config = EmbeddingsConfig { name, ..EmbeddingsConfig::default() };
        assert!(Embeddings::connect_in(&config, |_| None).unwrap().is_none());
    }
}

#[test]
fn defaults_of_embeddings_survive_a_round_trip_also_in_part() {
    let read = |text: &str| serde_yaml::from_str::<EmbeddingsConfig>(text).unwrap();
    let text = serde_yaml::to_string(&EmbeddingsConfig::default()).unwrap();
    assert_eq!(read(&text), EmbeddingsConfig::default());
    assert_eq!(read("{}"), EmbeddingsConfig::default());
    assert_eq!(read("retry: {base: 2}").retry, RetryConfig { max_elapsed: 30.0, base: 2.0, cap: 10.0 });
}

#[test]
fn what_is_wrong_with_settings_of_embeddings_is_said() {
    let fails = |yaml: &str, expected: Expect| {
        let message = match serde_yaml::from_str::<EmbeddingsConfig>(yaml) {
            Err(err) => err.to_string(),
            Ok(config) => {
                let connected: Result<_, ConnectError> = Embeddings::connect_in(&config, |_| None);
                connected.unwrap_err().to_string()
            }
        };
        expected.assert_eq(&message);
    };
    fails(
        "name: e",
        expect![[r#"
            no key for `https://api.openai.com/v1`: the environment variable `OPENAI_API_KEY` is not set
            hint: for a server without keys, set `embeddings.base_url`"#]],
    );
    fails("{name: e, base_url: 'http://h/v1', batch: 0}", expect!["`embeddings.batch` must be at least 1"]);
    fails(
        "{name: e, base_url: 'http://h/v1', connect_timeout: -1}",
        expect!["`embeddings.connect_timeout` must be a positive number of seconds, not -1"],
    );
    fails("{api_key_env: sk-0123}", expect!["`api_key_env` must be the name of an environment variable, not a key"]);
    fails(
        "{retry: {max: 1}}",
        expect!["retry: unknown field `max`, expected one of `max_elapsed`, `base`, `cap` at line 1 column 10"],
    );
}
