//! What a server refuses of a request, and how the next one does without it.

use serde_json::Value;

use crate::SystemRole;
use crate::request_body::{NEW_LIMIT, OLD_LIMIT, Style};

/// Fields that may be left out without another answer being asked for than the one wanted.
const KNOWN: [&str; 11] = [
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
    "user",
];

/// Words by which servers say that they do not know or take something, in lower case.
const REFUSED: [&str; 16] = [
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
    "only the default",
    "not available",
    "not enabled",
    "invalid",
    "incompatible",
    "may not",
];

/// Words by which servers say that roles must alternate.
const ALTERNATE: [&str; 4] = ["alternat", "consecutive", "same role", "roles must"];

/// Changes `style` so that what the server refused with `text` is not sent again. Returns what was changed and the setting
/// that does so from the start; `None` when nothing is known to help.
///
/// `param` is the field that the server names as the cause, where it names one.
pub(crate) fn adapt(style: &mut Style, body: &Value, text: &str, param: Option<&str>) -> Option<String> {
    let lower = text.to_lowercase();
    let is_refusal = REFUSED.iter().any(|word| lower.contains(word));
    limit(style, body, &lower, is_refusal)
        .or_else(|| parameter(style, body, &lower, param, is_refusal))
        .or_else(|| roles(style, body, &lower, is_refusal))
        .or_else(|| message_field(style, body, &lower, is_refusal))
        .or_else(|| content(style, body, &lower))
}

/// Returns the field of the request that a text names and that is no known one, for a hint.
pub(crate) fn named_field<'a>(body: &'a Value, text: &str) -> Option<&'a str> {
    let lower = text.to_lowercase();
    let fields = body.as_object()?.keys().map(String::as_str);
    let own = |field: &&str| !matches!(*field, "model" | "messages" | "tools" | "stream");
    fields.filter(own).find(|field| names(&lower, field))
}

fn limit(style: &mut Style, body: &Value, lower: &str, is_refusal: bool) -> Option<String> {
    let sent = [OLD_LIMIT, NEW_LIMIT].into_iter().find(|name| body.get(name).is_some())?;
    let other = if sent == OLD_LIMIT { NEW_LIMIT } else { OLD_LIMIT };
    // "invalid" may also be said of the number.
    let about_name = names(lower, other) || (is_refusal && !lower.contains("invalid"));
    if !names(lower, sent) || !about_name || style.limit_name == other {
        return None;
    }
    style.limit_name = other.to_owned();
    Some(format!("`{sent}` is sent as `{other}`\nhint: `model.limit_name={other}` does so from the start"))
}

fn parameter(style: &mut Style, body: &Value, lower: &str, param: Option<&str>, is_refusal: bool) -> Option<String> {
    let sent = |field: &&&str| body.get(**field).is_some();
    let named = |field: &&&str| param == Some(**field) || (is_refusal && names(lower, field));
    let field = KNOWN.iter().filter(sent).find(named)?;
    style
        .left_out
        .insert((*field).to_owned())
        .then(|| format!("`{field}` is left out\nhint: `model.leave_out=[{field}]` does so from the start"))
}

fn roles(style: &mut Style, body: &Value, lower: &str, is_refusal: bool) -> Option<String> {
    let has = |role: &str| {
        let messages = body.get("messages").and_then(Value::as_array).into_iter().flatten();
        messages.into_iter().any(|message| message.get("role").and_then(Value::as_str) == Some(role))
    };
    let wanted = if names(lower, "developer") && has("developer") && is_refusal {
        SystemRole::System
    } else if (names(lower, "system") || names(lower, "developer")) && has("system") && is_refusal {
        SystemRole::User
    } else if !style.merge_roles && ALTERNATE.iter().any(|word| lower.contains(word)) {
        style.merge_roles = true;
        return Some(
            "neighbouring messages of one role are sent as one\nhint: `model.merge_roles=true` does so from the start"
                .to_owned(),
        );
    } else {
        return None;
    };
    style.system_role = wanted;
    let name = if wanted == SystemRole::System { "system" } else { "user" };
    Some(format!("the rules are sent as `{name}`\nhint: `model.system_role={name}` does so from the start"))
}

/// Leaves out a field that a server sent in a message, and another one refuses.
fn message_field(style: &mut Style, body: &Value, lower: &str, is_refusal: bool) -> Option<String> {
    let messages = body.get("messages").and_then(Value::as_array)?;
    let own = ["role", "content", "tool_calls", "tool_call_id", "name"];
    let fields = messages.iter().filter_map(Value::as_object).flatten().map(|(key, _)| key);
    let calls = messages.iter().filter_map(|message| message.get("tool_calls")?.as_array()).flatten();
    let of_calls = calls.filter_map(Value::as_object).flatten().map(|(key, _)| key);
    let own_of_calls = ["id", "type", "function"];
    let mut sent = fields
        .filter(|key| !own.contains(&key.as_str()))
        .chain(of_calls.filter(|key| !own_of_calls.contains(&key.as_str())));
    let field = sent.find(|field| is_refusal && names(lower, field))?.clone();
    let line =
        format!("`{field}` of earlier answers is left out\nhint: `model.leave_out=[{field}]` does so from the start");
    style.left_out.insert(field).then_some(line)
}

/// Sends an empty text where a message of calls has none.
fn content(style: &mut Style, body: &Value, lower: &str) -> Option<String> {
    let messages = body.get("messages").and_then(Value::as_array)?;
    let has_null = messages.iter().any(|message| message.get("content").is_some_and(Value::is_null));
    let about_null = ["null", "none", "required", "must be a string", "expected a string", "valid string", "missing"];
    if !has_null
        || style.empty_content
        || !names(lower, "content")
        || !about_null.iter().any(|word| lower.contains(word))
    {
        return None;
    }
    style.empty_content = true;
    Some("calls without words are sent with an empty text".to_owned())
}

/// Returns whether a text in lower case names a field, as a whole word.
fn names(lower: &str, field: &str) -> bool {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    lower.match_indices(field).any(|(at, _)| {
        let before = lower.get(..at).and_then(|text| text.chars().next_back());
        let after = lower.get(at + field.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}
