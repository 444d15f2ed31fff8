//! What a model thought before it answered, as its server told it.

use agent_core::Message;
use serde_json::{Map, Value};

/// The fields of an answer that servers put it in, the commonest first.
pub(crate) const KEYS: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// Returns it, where the server told it.
pub(crate) fn thought(message: &Message) -> Option<&str> {
    let fields = &message.extras.as_ref()?.message;
    let text = fields.get(key(fields)?)?.as_str()?;
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Takes it out of the further fields of a message.
pub(crate) fn take(fields: &mut Map<String, Value>) -> Option<Value> {
    fields.shift_remove(key(fields)?)
}

fn key(fields: &Map<String, Value>) -> Option<&'static str> {
    KEYS.into_iter().find(|key| fields.get(*key).is_some_and(Value::is_string))
}
