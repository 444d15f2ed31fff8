//! Moves texts from one sandbox's repository to another's.

use agent_core::{Completion, Message, moved};

/// Returns the answer with every mention of the repository moved, in the text and in the calls' arguments.
pub(crate) fn moved_completion(completion: &Completion, from: &str, to: &str) -> Completion {
    let mut completion = completion.clone();
    completion.message = moved_message(&completion.message, from, to);
    completion
}

/// Returns the message with every mention of the repository moved.
pub(crate) fn moved_message(message: &Message, from: &str, to: &str) -> Message {
    let mut message = message.clone();
    message.content = moved(&message.content, from, to);
    let (escaped_from, escaped_to) = (escaped(from), escaped(to));
    for call in &mut message.tool_calls {
        call.arguments = moved(&call.arguments, &escaped_from, &escaped_to);
    }
    message
}

/// Returns the text as it stands within a JSON string.
pub(crate) fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
