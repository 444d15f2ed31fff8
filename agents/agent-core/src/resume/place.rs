//! Moves texts from one sandbox's repository to another's.

use serde_json::Value;

use crate::Message;

/// Returns `text` with the path `from` replaced by `to`, but not where it is a part of a longer name, as `/testbed` is
/// in `/opt/miniconda3/envs/testbed` and in `/testbed-old`.
pub fn moved(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() || from == to {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, found) = rest.split_at(at);
        let after = &found[from.len()..];
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        let joined = last.is_some_and(is_of_name) || after.starts_with(|next| is_of_name(next) && next != '.');
        out.push_str(before);
        out.push_str(if joined { from } else { to });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns the message with every mention of the repository moved, in its text and in the arguments of its calls.
pub fn moved_message(message: &Message, from: &str, to: &str) -> Message {
    let mut message = message.clone();
    message.content = moved(&message.content, from, to);
    let (escaped_from, escaped_to) = (escaped(from), escaped(to));
    for call in &mut message.tool_calls {
        call.arguments = moved(&call.arguments, &escaped_from, &escaped_to);
    }
    message
}

/// Returns a text as it stands within a JSON string.
pub fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_moves_but_not_a_longer_name() {
        let moves = |text| moved(text, "/testbed", "/tmp/a b/testbed");
        assert_eq!(moves("cd /testbed && ls '/testbed/x'."), "cd /tmp/a b/testbed && ls '/tmp/a b/testbed/x'.");
        assert_eq!(moves("in /testbed."), "in /tmp/a b/testbed.");
        for kept in ["/opt/envs/testbed/bin/python", "/testbed-old", "/testbed2/x", "testbed"] {
            assert_eq!(moves(kept), kept);
        }
    }

    #[test]
    fn a_message_moves_in_its_text_and_in_the_arguments_of_its_calls() {
        let call = |arguments: &str| crate::ToolCall {
            id: "1".to_owned(),
            name: "bash".to_owned(),
            arguments: arguments.to_owned(),
        };
        // In arguments, which are JSON, a quote has a backslash before it.
        let there = Message::assistant("in /testbed", vec![call(r#"{"path": "/testbed/x"}"#)]);
        let here = Message::assistant("in /tmp/a\"b", vec![call(r#"{"path": "/tmp/a\"b/x"}"#)]);
        assert_eq!(moved_message(&there, "/testbed", "/tmp/a\"b"), here);
        assert_eq!(moved_message(&here, "/tmp/a\"b", "/testbed"), there);
    }
}
