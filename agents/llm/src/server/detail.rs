//! What the body of an error says, in whichever dialect.

use serde_json::Value;

use crate::server::kinds::{status_of_codes, status_of_text};

/// How deep errors are looked for inside of errors.
const DEEPEST: usize = 8;

/// Keys under which an error, or the error of another server inside of it, stands.
const INNER: [&str; 6] = ["error", "errors", "base_resp", "detail", "message", "data"];

/// Keys of an error's text.
const TEXTS: [&str; 8] =
    ["message", "Message", "error_msg", "status_msg", "msg", "detail", "error_description", "error_message"];

/// Keys of an error's codes.
const CODES: [&str; 8] = ["code", "type", "status", "error_code", "error_type", "status_code", "__type", "reason"];

/// What the dialects have in common: a message, and codes by which to tell errors apart.
#[derive(Debug, Default)]
pub(crate) struct Detail {
    pub(crate) message: Option<String>,
    /// Without anything but letters and digits, in lower case.
    codes: Vec<String>,
    pub(crate) status: Option<u16>,
    /// Whether the status is by a code, and not only by words.
    pub(crate) is_coded: bool,
    /// The field that is to blame.
    pub(crate) param: Option<String>,
}

impl Detail {
    /// Reads `{"error": {…}}`, `{"error": "…"}`, a bare error object, `{"detail": …}`, an error inside of an error, as JSON or
    /// as text, or a list of them.
    pub(crate) fn of(body: &Value) -> Self {
        let mut detail = Self::default();
        detail.read(body, 0);
        let coded = detail.status.or_else(|| status_of_codes(&detail.codes));
        let worded = detail.message.as_deref().and_then(status_of_text);
        // The type of a bad request says least: a bad key may have it as well.
        (detail.status, detail.is_coded) = match (coded, worded) {
            (Some(400) | None, Some(worded)) => (Some(worded), false),
            (coded, _) => (coded, coded.is_some()),
        };
        detail
    }

    pub(crate) fn names_any(&self, known: &[&str]) -> bool {
        self.codes.iter().any(|code| known.contains(&code.as_str()))
    }

    fn read(&mut self, value: &Value, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::Array(list) => match validation(list) {
                Some(text) => self.message = self.message.take().or(Some(text)),
                None => list.iter().take(1).for_each(|first| self.read(first, depth + 1)),
            },
            // Proxies put the answer of another server into theirs as text.
            Value::String(text) => match serde_json::from_str::<Value>(text) {
                Ok(inner) if inner.is_object() || inner.is_array() => self.read(&inner, depth + 1),
                _ => self.say(text),
            },
            Value::Object(fields) => {
                let inner = |key: &&&str| fields.get(**key).is_some_and(is_inner);
                if let Some(inner) = INNER.iter().find(inner).and_then(|key| fields.get(*key)) {
                    self.read(inner, depth + 1);
                }
                for text in TEXTS.iter().filter_map(|key| fields.get(*key)?.as_str()) {
                    if self.message.is_none() {
                        self.read(&Value::from(text), depth + 1);
                    }
                }
                // Beside a message, the error itself may be a code.
                if let Some(error @ Value::String(_)) = fields.get("error") {
                    self.read(error, depth + 1);
                    self.take_code(error);
                }
                for code in CODES.iter().filter_map(|key| fields.get(*key)) {
                    self.take_code(code);
                }
                self.param = self.param.take().or_else(|| fields.get("param")?.as_str().map(str::to_owned));
                self.add_raw(value, depth);
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Adds what the server behind a router said, which stands beside the router's own words.
    fn add_raw(&mut self, error: &Value, depth: usize) {
        let Some(raw) = error.pointer("/metadata/raw").filter(|raw| !raw.is_null()) else { return };
        let mut behind = Self::default();
        behind.read(raw, depth + 1);
        if let Some(words) = behind.message {
            let own = self.message.take().map(|own| format!("{own}: ")).unwrap_or_default();
            self.message = Some(format!("{own}{words}"));
        }
        self.codes.append(&mut behind.codes);
        self.param = self.param.take().or(behind.param);
        self.status = self.status.or(behind.status);
    }

    fn say(&mut self, text: &str) {
        if self.message.is_none() && !text.trim().is_empty() {
            self.message = Some(text.to_owned());
        }
    }

    fn take_code(&mut self, code: &Value) {
        let number = code.as_u64().or_else(|| code.as_str()?.parse().ok());
        if let Some(status) = number.and_then(|number| u16::try_from(number).ok()) {
            self.status = self.status.or(Some(status).filter(|status| (400..600).contains(status)));
        } else if let Some(text) = code.as_str() {
            let plain = text.chars().filter(char::is_ascii_alphanumeric);
            self.codes.push(plain.map(|character| character.to_ascii_lowercase()).collect());
        }
    }
}

fn is_inner(value: &Value) -> bool {
    match value {
        Value::Object(fields) => !fields.is_empty(),
        Value::Array(list) => list.first().is_some_and(|first| first.is_object() || first.is_string()),
        _ => false,
    }
}

/// Returns what a list of complaints about fields says: each with its place, and without the values, in which anything may
/// stand.
fn validation(list: &[Value]) -> Option<String> {
    let place = |complaint: &Value| {
        let parts = complaint.get("loc")?.as_array()?.iter();
        let parts = parts.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned));
        Some(parts.collect::<Vec<_>>().join("."))
    };
    let lines = list.iter().take(5).map(|complaint| {
        let words = complaint.get("msg")?.as_str()?;
        Some(format!("{}: {words}", place(complaint)?))
    });
    lines.collect::<Option<Vec<_>>>().filter(|lines| !lines.is_empty()).map(|lines| lines.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Detail;

    #[test]
    fn an_error_is_found_wherever_it_stands() {
        for (body, message, status) in [
            (json!({ "error": "plain words" }), "plain words", None),
            (json!({ "error": { "error": { "message": "deep", "code": 401 } } }), "deep", Some(401)),
            (
                json!({ "errors": [{ "code": 10000, "message": "Authentication error" }] }),
                "Authentication error",
                Some(401),
            ),
            (json!([{ "error": { "message": "listed", "status": "UNAUTHENTICATED" } }]), "listed", Some(401)),
            (json!({ "error": [{ "message": "a list inside" }] }), "a list inside", None),
            (json!({ "detail": { "message": "no", "type": "NotFoundError" } }), "no", Some(404)),
            (
                json!({ "base_resp": { "status_code": 1004, "status_msg": "login fail: wrong" } }),
                "login fail: wrong",
                Some(401),
            ),
            (
                json!({ "error": { "message": "{\"error\":{\"message\":\"in a text\",\"code\":429}}" } }),
                "in a text",
                Some(429),
            ),
            (
                json!({ "error": { "message": "Provider returned error", "code": 400, "metadata": { "raw": "{\"error\":{\"message\":\"why\"}}" } } }),
                "Provider returned error: why",
                Some(400),
            ),
            (
                json!({ "object": "error", "message": { "detail": [{ "loc": ["body", "seed"], "msg": "Extra", "input": "stop" }] } }),
                "body.seed: Extra",
                None,
            ),
            (json!({ "error": true, "message": "beside it" }), "beside it", None),
            (
                json!({ "code": "InvalidApiKey", "message": "Invalid API-key provided." }),
                "Invalid API-key provided.",
                Some(401),
            ),
        ] {
            let detail = Detail::of(&body);
            assert_eq!((detail.message.as_deref(), detail.status), (Some(message), status), "{body}");
        }
        assert_eq!(Detail::of(&Value::Null).message, None);
    }
}
