//! A whole response of the chat completions interface.

use agent_core::Served;
use serde_json::Value;

use super::conversation::{Answer, Conversation, usage};
use super::foreign::{take_object, take_text};

/// Adds the answer that a whole response of the chat completions interface holds.
pub(crate) fn respond(conversation: &mut Conversation, response: Value) -> Result<(), String> {
    let Value::Object(mut body) = response else { return Err("is no object".to_owned()) };
    let choices = match body.shift_remove("choices") {
        Some(Value::Array(choices)) => choices,
        _ => return Err("has no list `choices`".to_owned()),
    };
    let counted = body.shift_remove("usage").filter(|usage| !usage.is_null());
    let tokens = counted.as_ref().map(usage).unwrap_or_default();
    let [Value::Object(choice)] = choices.as_slice() else {
        return Err("`choices` is no list of one object".to_owned());
    };
    let mut choice = choice.clone();
    let message = take_object(&mut choice, "message")?;
    let finish_reason = take_text(&mut choice, "finish_reason")?;
    let served = Served {
        id: take_text(&mut body, "id")?,
        model: take_text(&mut body, "model")?,
        system_fingerprint: take_text(&mut body, "system_fingerprint")?,
        usage: counted,
        choice,
        body,
        ..Served::default()
    };
    conversation.answer(message, Answer { usage: tokens, finish_reason, served: Some(served), ..Answer::default() })
}
