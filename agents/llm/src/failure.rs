//! What a server's refusal means for the caller.

use std::time::{Duration, SystemTime};

use agent_core::ModelError;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::endpoint::Endpoint;

/// The longest part of a server's text that goes into an error.
const SHOWN: usize = 2000;

/// Codes and types that say that no amount of waiting helps.
const OUT_OF_MONEY: [&str; 5] = [
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "exceeded_current_quota_error",
    "access_terminated",
];

/// Codes and types that say that the request is too long.
const TOO_LONG_CODES: [&str; 3] = ["context_length_exceeded", "exceed_context_size_error", "string_above_max_length"];

/// What servers write when the request is too long, in lower case: OpenAI and vLLM, vLLM, SGLang, llama.cpp, Anthropic,
/// Gemini, Groq, text-generation-inference, Bedrock, xAI, LM Studio, Cohere.
const TOO_LONG_TEXTS: [&str; 19] = [
    "maximum context length",
    "maximum model length",
    "too long to fit into the model",
    "longer than the model's context length",
    "exceeds the available context size",
    "exceed context limit",
    "prompt is too long",
    "input is too long",
    "input length exceeds",
    "exceeds the maximum number of tokens",
    "reduce the length of",
    "`inputs` tokens + `max_new_tokens` must be",
    "`inputs` must have less than",
    "maximum prompt length",
    "context window",
    "context size has been exceeded",
    "greater than the context length",
    "context length exceeded",
    "too many tokens",
];

/// What servers write when a model has no tool calls of its own, in lower case: vLLM, Ollama, OpenRouter.
const NO_TOOLS_TEXTS: [&str; 3] =
    ["enable-auto-tool-choice", "does not support tools", "no endpoints found that support tool use"];

/// Codes and types with the HTTP status that says the same, for errors that come without one: OpenAI, Anthropic, Gemini,
/// Azure, DeepSeek, Mistral, Groq, vLLM.
const STATUS_OF_CODE: [(&str, u16); 27] = [
    ("invalid_api_key", 401),
    ("incorrect_api_key", 401),
    ("authentication_error", 401),
    ("unauthorized", 401),
    ("unauthenticated", 401),
    ("account_deactivated", 401),
    ("insufficient_balance", 402),
    ("billing_error", 402),
    ("permission_error", 403),
    ("permission_denied", 403),
    ("model_not_found", 404),
    ("model_not_found_error", 404),
    ("deploymentnotfound", 404),
    ("not_found_error", 404),
    ("not_found", 404),
    ("notfounderror", 404),
    ("rate_limit_exceeded", 429),
    ("rate_limit_error", 429),
    ("resource_exhausted", 429),
    ("overloaded_error", 529),
    ("server_error", 500),
    ("internal_server_error", 500),
    ("api_error", 500),
    ("unavailable", 503),
    ("invalid_argument", 400),
    ("badrequesterror", 400),
    ("invalid_request_error", 400),
];

/// What servers write about keys and accounts where they send no code, in lower case.
const STATUS_OF_TEXT: [(&str, u16); 8] = [
    ("incorrect api key", 401),
    ("invalid api key", 401),
    ("api key not valid", 401),
    ("no auth credentials", 401),
    ("authentication fail", 401),
    ("unauthorized", 401),
    ("insufficient balance", 402),
    ("insufficient credit", 402),
];

/// Words by which a server says that one request is more than its rate allows, in lower case. No waiting helps, and no
/// model's context is too short.
const OVER_THE_RATE: [&str; 6] =
    ["tokens per min", "token per min", "tokens/min", "(tpm)", "tokens per day", "rate limit"];

/// A server's answer that is no completion.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// The HTTP status; `None` for an error inside of a successful answer that names none.
    pub(crate) status: Option<u16>,
    /// How long the server asks to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The body.
    pub(crate) body: String,
}

impl Failure {
    /// Returns what the caller can do about it.
    pub(crate) fn into_error(self, endpoint: Endpoint) -> ModelError {
        let detail = self.detail();
        let text = detail.message.as_deref().unwrap_or(&self.body);
        let status = self.status.filter(|status| *status >= 400).or(detail.status);
        let message = describe(status, text, endpoint);
        if is_over_the_rate(status, text) {
            let hint = "hint: this one request is more than the server lets through in its time; raise the rate there, or \
                        send less with `context.max_tokens`";
            return ModelError::Permanent(format!("{message}\n{hint}"));
        }
        if is_too_long(status, &detail, text) {
            return ModelError::ContextLength(message);
        }
        if is_transient(status) && !detail.names_any(&OUT_OF_MONEY) {
            return ModelError::Transient { message, retry_after: self.retry_after };
        }
        ModelError::Permanent(with_hint(status, message, endpoint))
    }

    /// Returns whether the request itself was refused, so that another one may do.
    pub(crate) fn is_refusal(&self) -> bool {
        // Templates of chat models fail with 500 on what they do not take.
        matches!(self.status.filter(|status| *status >= 400).or(self.detail().status), Some(400 | 404 | 422 | 500))
    }

    /// Returns the server's words, and the field that it names as the cause.
    pub(crate) fn words(&self) -> (String, Option<String>) {
        let detail = self.detail();
        (detail.message.unwrap_or_else(|| self.body.clone()), detail.param)
    }

    fn detail(&self) -> Detail {
        let parsed = serde_json::from_str::<Value>(&self.body).ok();
        parsed.as_ref().map(Detail::of).unwrap_or_default()
    }
}

/// What the dialects have in common: a message, and codes by which to tell errors apart.
#[derive(Debug, Default)]
struct Detail {
    message: Option<String>,
    codes: Vec<String>,
    status: Option<u16>,
    /// The field that is to blame.
    param: Option<String>,
}

impl Detail {
    /// Reads `{"error": {…}}`, `{"error": "…"}`, a bare error object, `{"detail": …}`, an error inside an error, or a list
    /// of one of them.
    fn of(body: &Value) -> Self {
        let mut error = body.as_array().and_then(|list| list.first()).unwrap_or(body);
        while let Some(inner) = error.get("error").filter(|inner| inner.is_object() || inner.is_string()) {
            error = inner;
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let message = text(error)
            .or_else(|| error.get("message").and_then(text))
            .or_else(|| error.get("detail").map(|detail| text(detail).unwrap_or_else(|| detail.to_string())))
            .or_else(|| error.get("error_msg").and_then(text));
        let fields = ["code", "type", "status"].map(|key| error.get(key));
        let codes: Vec<String> = fields.iter().flatten().filter_map(|value| text(value)).collect();
        let number = |value: &&Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let number = fields.iter().flatten().find_map(number);
        let status = number.and_then(|number| u16::try_from(number).ok()).filter(|code| (400..600).contains(code));
        let status = status.or_else(|| status_of(&codes, message.as_deref().unwrap_or_default()));
        let param = error.get("param").and_then(text);
        Self { message, codes, status, param }
    }

    fn names_any(&self, known: &[&str]) -> bool {
        self.codes.iter().any(|code| known.contains(&code.as_str()))
    }
}

/// Returns the HTTP status that an error's codes stand for, else its text. The type `invalid_request_error` says least: a
/// bad key may have it beside a code of its own.
fn status_of(codes: &[String], text: &str) -> Option<u16> {
    let known = |code: &String| {
        let code = code.to_lowercase();
        STATUS_OF_CODE.iter().position(|(known, _)| *known == code)
    };
    let by_code = codes.iter().filter_map(known).min().and_then(|index| STATUS_OF_CODE.get(index));
    let lower = text.to_lowercase();
    let by_text = STATUS_OF_TEXT.iter().find(|(known, _)| lower.contains(known));
    match (by_code, by_text) {
        (Some((_, 400)) | None, Some((_, status))) | (Some((_, status)), _) => Some(*status),
        (None, None) => None,
    }
}

/// Returns whether one request is more than the server's rate allows at all, which is the server's affair.
fn is_over_the_rate(status: Option<u16>, text: &str) -> bool {
    let lower = text.to_lowercase();
    let too_large =
        status == Some(413) || (lower.contains("request too large") || lower.contains("request is too large"));
    too_large && OVER_THE_RATE.iter().any(|known| lower.contains(known))
}

fn is_too_long(status: Option<u16>, detail: &Detail, text: &str) -> bool {
    if detail.names_any(&TOO_LONG_CODES) {
        return true;
    }
    // A rate limit also speaks of too many tokens, and is over in a minute.
    if matches!(status, Some(401 | 402 | 403 | 404 | 408 | 429 | 502..=504)) {
        return false;
    }
    let text = text.to_lowercase();
    TOO_LONG_TEXTS.iter().any(|known| text.contains(known))
}

/// An error without a status comes from inside of a successful answer: the server gave up half-way.
fn is_transient(status: Option<u16>) -> bool {
    match status {
        None | Some(408 | 409 | 425 | 429) => true,
        Some(501 | 505) => false,
        Some(status) => status >= 500,
    }
}

fn describe(status: Option<u16>, text: &str, endpoint: Endpoint) -> String {
    let (text, server) = (shorten(text), endpoint.server());
    match (status, text.is_empty()) {
        (Some(status), true) => format!("{server} answered {status}"),
        (Some(status), false) => format!("{server} answered {status}: {text}"),
        (None, _) => format!("{server} reported an error: {text}"),
    }
}

fn with_hint(status: Option<u16>, message: String, endpoint: Endpoint) -> String {
    let (lower, block) = (message.to_lowercase(), endpoint.block());
    let hint = if NO_TOOLS_TEXTS.iter().any(|known| lower.contains(known)) {
        "`model.tool_calls=text` puts tool calls into the text".to_owned()
    } else {
        match status {
            Some(401 | 403) => {
                format!("the key is read from the environment variable that `{block}.api_key_env` names")
            }
            Some(413) => "the server takes no request of this size; `context.max_tokens` keeps it shorter".to_owned(),
            Some(404) => format!("check `{block}.name`, and that `{block}.base_url` ends before `{}`", endpoint.path()),
            _ => return message,
        }
    };
    format!("{message}\nhint: {hint}")
}

/// Returns the text on one line, its end cut when it is long.
pub(crate) fn shorten(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns how long the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |value: &reqwest::header::HeaderValue| value.to_str().ok().map(str::trim).map(str::to_owned);
    let millis = headers.get("retry-after-ms").and_then(text).and_then(|text| text.parse::<f64>().ok());
    if let Some(duration) = millis.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok()) {
        return Some(duration);
    }
    let text = headers.get(RETRY_AFTER).and_then(text)?;
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => httpdate::parse_http_date(&text).ok().map(|date| date.duration_since(now).unwrap_or_default()),
    }
}
