//! What a server's refusal means for the caller.

use std::time::{Duration, SystemTime};

use agent_core::{ModelError, without_lone_surrogates};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use crate::limits::lane::SHORT_PAUSE;
use crate::server::detail::Detail;
use crate::server::endpoint::Endpoint;
use crate::server::kinds::{
    NO_STREAM_TEXTS, NO_TOOLS_TEXTS, OUT_OF_MONEY, STREAM_ONLY_TEXTS, TOO_LONG_CODES, TOO_LONG_TEXTS, is_over_the_rate,
};
use crate::stream::sse;

/// The longest part of a server's text that goes into an error.
const SHOWN: usize = 2000;

/// A server's answer that is not a completion.
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
        let status = self.kind(&detail);
        let message = describe(self.status.or(status), text, endpoint);
        if is_over_the_rate(status, text) {
            let hint = "hint: this single request exceeds the server's rate limit; raise the limit there, or send \
            less with `context.max_tokens`";
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

    /// Returns whether the request itself may have been refused, so that another one may do.
    pub(crate) fn is_refusal(&self) -> bool {
        let detail = self.detail();
        let (status, text) = (self.kind(&detail), detail.message.as_deref().unwrap_or(&self.body));
        // Templates of chat models fail with 500 on what they do not take.
        matches!(status, None | Some(400 | 404 | 422 | 500))
            && !is_over_the_rate(status, text)
            && !is_too_long(status, &detail, text)
    }

    /// Returns the status that its body or its headers say.
    pub(crate) fn says(&self) -> Option<u16> {
        self.kind(&self.detail())
    }

    /// Returns whether the server asks to wait for longer than a moment.
    pub(crate) fn is_long(&self) -> bool {
        self.retry_after.is_some_and(|wait| wait > SHORT_PAUSE)
    }

    /// Returns whether nothing but its words tells what kind of error this is.
    pub(crate) fn is_vague(&self) -> bool {
        self.kind(&self.detail()).is_none()
    }

    /// Returns the server's words, and the field that it names as the cause.
    pub(crate) fn words(&self) -> (String, Option<String>) {
        let detail = self.detail();
        (detail.message.unwrap_or_else(|| self.body.clone()), detail.param)
    }

    /// Returns the HTTP status that says what kind of error this is. Proxies give one of their own to whatever the
    /// server after them said, and the codes in the body know better.
    fn kind(&self, detail: &Detail) -> Option<u16> {
        match (self.status, detail.status) {
            (Some(400), Some(said @ (401..=404))) => Some(said),
            (Some(400), Some(said @ (429 | 503 | 529))) if detail.is_coded => Some(said),
            (Some(500..), Some(said @ (401 | 402 | 404))) if detail.is_coded => Some(said),
            (own, said) => own.or(said),
        }
    }

    fn detail(&self) -> Detail {
        let body = without_lone_surrogates(&self.body, r"\ufffd");
        let parsed = serde_json::from_str::<Value>(&body).ok();
        // An error may come as an event of a stream, whatever the status.
        let parsed = parsed.or_else(|| sse::pieces(&body)?.into_iter().next());
        parsed.as_ref().map(Detail::of).unwrap_or_default()
    }
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
    let says = |known: &[&str]| known.iter().any(|words| lower.contains(words));
    let hint = if says(&NO_TOOLS_TEXTS) {
        "`model.tool_calls=text` puts tool calls into the text".to_owned()
    } else if says(&STREAM_ONLY_TEXTS) {
        "`model.stream=true` asks for a stream".to_owned()
    } else if says(&NO_STREAM_TEXTS) {
        "`model.stream=false` asks for an answer in one piece".to_owned()
    } else {
        match status {
            Some(401 | 403) => {
                format!("the key is read from the environment variable that `{block}.api_key_env` names")
            }
            Some(413) => "the server takes no request of this size; `context.max_tokens` keeps it shorter".to_owned(),
            Some(300..=399) => format!("the server is elsewhere: check `{block}.base_url`"),
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
