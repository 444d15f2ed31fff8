//! What a server can answer instead of an answer.

use agent_core::ModelError;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::server::{ask, ask_once, ok};

async fn refused(status: u16, body: Value) -> ModelError {
    ask_once(ResponseTemplate::new(status).set_body_json(body)).await.unwrap_err()
}

#[tokio::test]
async fn a_request_that_is_too_long_is_known_in_every_dialect() {
    let error = |message: &str| json!({ "error": { "message": message, "type": "invalid_request_error" } });
    let dialects = [
        (400, json!({ "error": { "message": "too big", "type": "x", "code": "context_length_exceeded" } })),
        (400, error("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens.")),
        (
            400,
            json!({ "object": "error", "message": "The prompt (total length 25938) is too long to fit into the model (context length 4096).", "type": "BadRequestError", "code": 400 }),
        ),
        (400, error("The decoder prompt (length 40000) is longer than the maximum model length of 32768.")),
        (
            400,
            json!({ "object": "error", "message": "The input (40000 tokens) is longer than the model's context length (32768 tokens).", "code": 400 }),
        ),
        (
            400,
            json!({ "error": { "code": 400, "message": "request (9000 tokens) exceeds it", "type": "exceed_context_size_error", "n_ctx": 4096 } }),
        ),
        (500, error("the request exceeds the available context size. try increasing the context size")),
        (
            400,
            json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum" } }),
        ),
        (400, error("input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000")),
        (
            400,
            json!([{ "error": { "code": 400, "message": "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT" } }]),
        ),
        (
            422,
            json!({ "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096", "error_type": "validation" }),
        ),
        (400, error("Please reduce the length of the messages or completion.")),
        (400, error("Input is too long for requested model.")),
        (400, error("Your input exceeds the context window of this model.")),
        (400, error("This model's maximum prompt length is 131072 but the request contains 140000 tokens.")),
    ];
    for (status, body) in dialects {
        let err = refused(status, body.clone()).await;
        assert!(matches!(err, ModelError::ContextLength(_)), "{body}: {err:?}");
    }
    let inside = ask_once(ok(json!({ "error": { "code": 400, "message": "maximum context length is 10" } }))).await;
    assert!(matches!(inside, Err(ModelError::ContextLength(_))), "{inside:?}");
}

#[tokio::test]
async fn a_request_that_is_too_large_for_the_server_or_its_rate_is_the_servers_refusal() {
    let rate = "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 7000";
    for (status, message) in [(413, "request entity too large"), (413, rate), (429, rate)] {
        let err = refused(status, json!({ "error": { "message": message, "code": "rate_limit_exceeded" } })).await;
        assert!(matches!(&err, ModelError::Permanent(text) if text.contains(message)), "{status}: {err:?}");
    }
}

#[tokio::test]
async fn a_rate_limit_on_tokens_is_not_a_request_that_is_too_long() {
    let body = json!({ "error": { "message": "too many tokens per minute", "code": "rate_limit_exceeded" } });
    assert!(matches!(refused(429, body).await, ModelError::Transient { .. }));
}

#[tokio::test]
async fn what_waiting_mends_is_transient() {
    for status in [408, 409, 425, 429, 500, 502, 503, 504, 520, 529] {
        let err = refused(status, json!({ "error": { "message": "busy", "type": "server_error" } })).await;
        assert!(matches!(err, ModelError::Transient { .. }), "{status}: {err:?}");
        assert!(err.to_string().contains(&status.to_string()) && err.to_string().contains("busy"), "{err}");
    }
    for body in [json!({}), json!({ "choices": [] }), json!([]), json!(null), json!({ "error": { "message": "lost" } })]
    {
        let err = ask_once(ok(body.clone())).await.unwrap_err();
        assert!(matches!(err, ModelError::Transient { .. }), "{body}: {err:?}");
    }
}

#[tokio::test]
async fn what_waiting_does_not_mend_is_permanent_and_asked_once() {
    let quota = json!({ "error": { "message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota" } });
    let plain = json!({ "error": { "message": "no", "type": "invalid_request_error", "param": null, "code": null } });
    let cases =
        [(400, &plain), (401, &plain), (402, &plain), (403, &plain), (404, &plain), (422, &plain), (501, &plain)];
    for (status, body) in cases.into_iter().chain([(429, &quota)]) {
        let (result, requests) = ask(vec![ResponseTemplate::new(status).set_body_json(body)]).await;
        assert!(matches!(result, Err(ModelError::Permanent(_))), "{status}: {result:?}");
        assert_eq!(requests, 1, "{status}");
    }
    let (result, _) = ask(vec![ok(json!({ "error": { "code": 401, "message": "no" } }))]).await;
    assert!(matches!(result, Err(ModelError::Permanent(_))), "{result:?}");
}

#[tokio::test]
async fn a_permanent_error_says_what_to_mend() {
    let error = |message: &str| json!({ "error": { "message": message } });
    let tools = "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set";
    for (status, body, hint) in [
        (401, error("bad key"), "`model.api_key_env`"),
        (404, json!({ "detail": "Not Found" }), "`model.base_url`"),
        (400, error(tools), "`model.tool_calls=text`"),
        (404, error("No endpoints found that support tool use."), "`model.tool_calls=text`"),
    ] {
        let text = refused(status, body).await.to_string();
        assert!(text.lines().last().unwrap().starts_with("hint: ") && text.contains(hint), "{text}");
    }
}
