//! Which fields of a request a server refuses, and how the next request avoids them.

use serde_json::Value;

use crate::server::extras::{PARTS, REASONING};
use crate::server::request_body::{NEW_LIMIT, OLD_LIMIT, Style};
use crate::{SendReasoning, SystemRole};

/// Fields that may be left out without another answer being asked for than the one wanted.
const KNOWN: [&str; 15] = [
    "temperature",
    "top_p",
    "seed",
    "stop",
    "stream_options",
    "parallel_tool_calls",
    "logprobs",
    "top_logprobs",
    "return_token_ids",
    "reasoning_effort",
    "frequency_penalty",
    "presence_penalty",
    "store",
    "metadata",
    "user",
];

/// Words by which servers say that they do not know or take something, in lower case.
const REFUSED: [&str; 27] = [
    "unsupported",
    "not support",
    "n't support",
    "unrecognized",
    "unknown",
    "not permitted",
    "not allowed",
    "extra",
    "unexpected",
    "deprecated",
    "only",
    "not available",
    "not enabled",
    "not implemented",
    "not accept",
    "not valid",
    "not recognized",
    "no longer",
    "invalid",
    "incompatible",
    "forbidden",
    "disallowed",
    "cannot",
    "can't",
    "must be",
    "must not",
    "may not",
];

/// Words by which servers say that a number is out of its range, which is the user's to fix.
const OUT_OF_RANGE: [&str; 12] = [
    "between",
    "range",
    "less than",
    "greater than",
    "at most",
    "at least",
    "above maximum",
    "below minimum",
    "too large",
    "too small",
    "too high",
    "too low",
];

/// Words by which servers say that roles must alternate.
const ALTERNATE: [&str; 7] =
    ["alternat", "consecutive", "same role", "roles must", "in a row", "after role", "role order"];

/// Words by which servers say that something that they want is not there.
const WANTED: [&str; 6] = ["missing", "must include", "must be passed", "must be provided", "must contain", "required"];

/// Words by which servers say that a text must not be `null`.
const NOT_NULL: [&str; 10] = [
    "null",
    "none",
    "nil",
    "undefined",
    "required",
    "must be a string",
    "expected a string",
    "valid string",
    "missing",
    "type string",
];

/// A server's refusal of a request.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    /// The request.
    body: &'a Value,
    /// What the server said, in lower case.
    lower: String,
    /// The field that it names as the cause, where it names one.
    param: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    pub(crate) fn new(body: &'a Value, text: &str, param: Option<&'a str>) -> Self {
        Self { body, lower: text.to_lowercase(), param }
    }

    /// Changes `style` so that what was refused is not sent again. Returns what was changed and the setting that does
    /// so from the start; `None` when nothing is known to help.
    pub(crate) fn adapt(&self, style: &mut Style) -> Option<String> {
        self.reasoning(style)
            .or_else(|| self.limit(style))
            .or_else(|| self.parameter(style))
            .or_else(|| self.alternation(style))
            .or_else(|| self.system_role(style))
            .or_else(|| self.message_field(style))
            .or_else(|| self.content(style))
    }

    /// Returns the hint for a refusal that nothing is done about: the setting of the field that the server names.
    pub(crate) fn hint(&self) -> Option<String> {
        if let Some(field) = self.wanted_reasoning() {
            return Some(format!("`model.send_reasoning=auto` sends `{field}` back"));
        }
        if [OLD_LIMIT, NEW_LIMIT].iter().any(|limit| self.sent(limit) && self.names(limit)) {
            return Some("`model.max_output_tokens` is the limit on the output".to_owned());
        }
        let fields = self.body.as_object()?.keys().map(String::as_str);
        let own = |field: &&str| !matches!(*field, "model" | "messages" | "tools" | "stream");
        let field = fields.filter(own).find(|field| self.names(field) || self.param == Some(*field))?;
        Some(format!("`model.leave_out=[{field}]` sends no `{field}`"))
    }

    /// Returns whether the server says that it does not know or take something.
    pub(crate) fn is_of_something(&self) -> bool {
        self.says(&REFUSED)
    }

    fn limit(&self, style: &mut Style) -> Option<String> {
        let sent = [OLD_LIMIT, NEW_LIMIT].into_iter().find(|name| self.sent(name))?;
        let other = if sent == OLD_LIMIT { NEW_LIMIT } else { OLD_LIMIT };
        // "invalid" may also be said of the number.
        let about_name = self.names(other) || (self.says(&REFUSED) && !self.says(&["invalid"]));
        if style.limit_renamed || style.limit_name == other || !self.names(sent) || !about_name {
            return None;
        }
        if self.says(&OUT_OF_RANGE) {
            return None;
        }
        style.limit_renamed = true;
        style.limit_name = other.to_owned();
        Some(format!("`{sent}` is sent as `{other}`\nhint: `model.limit_name={other}` does so from the start"))
    }

    fn parameter(&self, style: &mut Style) -> Option<String> {
        // A number out of its range is no field that is refused, unless another number is all that is taken.
        if !self.says(&REFUSED) || (self.says(&OUT_OF_RANGE) && !self.says(&["only"])) {
            return None;
        }
        let named = |field: &&&str| self.param == Some(**field) || self.names(field);
        let field = KNOWN.iter().filter(|field| self.sent(field)).find(named)?;
        style
            .left_out
            .insert((*field).to_owned())
            .then(|| format!("`{field}` is left out\nhint: `model.leave_out=[{field}]` does so from the start"))
    }

    fn alternation(&self, style: &mut Style) -> Option<String> {
        let roles: Vec<&str> = self.messages().filter_map(|message| message.get("role")?.as_str()).collect();
        let is_merged =
            |pair: &[&str]| matches!(pair, [one, next] if one == next || (*one == "tool" && *next == "user"));
        if style.merge_roles || !self.says(&ALTERNATE) || !roles.windows(2).any(is_merged) {
            return None;
        }
        style.merge_roles = true;
        Some(
            "consecutive messages of one role are merged\nhint: `model.merge_roles=true` does so from the start"
                .to_owned(),
        )
    }

    fn system_role(&self, style: &mut Style) -> Option<String> {
        let has = |role: &str| self.messages().any(|message| message.get("role").and_then(Value::as_str) == Some(role));
        let about_role = self.says(&[
            "role",
            "instruction",
            "system message",
            "system prompt",
            "'system'",
            "\"system\"",
            "`system`",
        ]);
        // A template may say only which roles there are.
        let names_others = self.says(&["only user"]) || (self.says(&["only"]) && self.says(&["user", "assistant"]));
        if !about_role || !self.says(&REFUSED) {
            return None;
        }
        let wanted = if has("developer") && self.names("developer") {
            SystemRole::System
        } else if has("system") && (self.names("system") || self.names("developer") || names_others) {
            SystemRole::User
        } else {
            return None;
        };
        style.system_role = wanted;
        let name = if wanted == SystemRole::System { "system" } else { "user" };
        Some(format!("the system message is sent as `{name}`\nhint: `model.system_role={name}` does so from the start"))
    }

    /// Leaves out a field that a server sent in a message, and another one refuses.
    fn message_field(&self, style: &mut Style) -> Option<String> {
        if !self.says(&REFUSED) {
            return None;
        }
        let calls = self.messages().filter_map(|message| message.get("tool_calls")?.as_array()).flatten();
        let functions = calls.clone().filter_map(|call| call.get("function"));
        let all = self.messages().flat_map(keys).chain(calls.flat_map(keys)).chain(functions.flat_map(keys));
        let field = all.filter(|key| !OWN.contains(key)).find(|key| self.names(key))?;
        style.left_out.insert(field.to_owned()).then(|| {
            format!(
                "`{field}` of earlier answers is left out\nhint: `model.leave_out=[{field}]` does so from the start"
            )
        })
    }

    /// Sends an empty text where a message of calls has none, and a bare text where there were parts.
    fn content(&self, style: &mut Style) -> Option<String> {
        if !self.names(PARTS) {
            return None;
        }
        let has = |is: fn(&Value) -> bool| self.messages().any(|message| message.get(PARTS).is_some_and(is));
        if has(Value::is_array) && style.left_out.insert(PARTS.to_owned()) {
            return Some(
                "answers in parts are sent as plain text\nhint: `model.send_reasoning=never` does so from the start"
                    .to_owned(),
            );
        }
        if !has(Value::is_null) || style.empty_content || !self.says(&NOT_NULL) {
            return None;
        }
        style.empty_content = true;
        Some("calls without text are sent with an empty one".to_owned())
    }

    /// Sends a field of reasoning with every answer, where a server wants it with each.
    fn reasoning(&self, style: &mut Style) -> Option<String> {
        let field = self.wanted_reasoning().filter(|_| style.send_reasoning == SendReasoning::Auto)?;
        if style.wanted_reasoning.is_some() {
            return None;
        }
        style.wanted_reasoning = Some(field.to_owned());
        style.left_out.remove(field);
        Some(format!("answers without `{field}` are sent with an empty one"))
    }

    /// Returns the field of reasoning that the server misses.
    fn wanted_reasoning(&self) -> Option<&'static str> {
        // The name of the text itself is none of a field of reasoning.
        let mut fields = REASONING.into_iter().filter(|field| field.contains('_'));
        fields.find(|field| self.names(field)).filter(|_| self.says(&WANTED))
    }

    fn messages(&self) -> impl Iterator<Item = &'a Value> + Clone {
        self.body.get("messages").and_then(Value::as_array).into_iter().flatten()
    }

    fn sent(&self, field: &str) -> bool {
        self.body.get(field).is_some()
    }

    fn says(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.lower.contains(word))
    }

    /// Returns whether the server names a field, as a whole word.
    fn names(&self, field: &str) -> bool {
        let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
        self.lower.match_indices(field).any(|(at, _)| {
            let before = self.lower.get(..at).and_then(|text| text.chars().next_back());
            let after = self.lower.get(at + field.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_word) && !after.is_some_and(is_word)
        })
    }
}

/// Fields of messages and calls that every server knows.
const OWN: [&str; 9] = ["role", "content", "tool_calls", "tool_call_id", "name", "id", "type", "function", "arguments"];

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.as_str())
}
