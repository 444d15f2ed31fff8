//! Tells whether two requests are the same but for what differs from run to run.

use sha2::{Digest, Sha256};

use crate::{Request, moved};

impl Request {
    /// Returns 16 hex digits that are equal for requests that differ only in what changes from run to run: the
    /// repository's place (`root`) and digits, as in durations, addresses and process ids.
    pub fn fingerprint(&self, root: &str) -> String {
        let mut hasher = Sha256::new();
        for message in &self.messages {
            field(&mut hasher, &format!("{:?}", message.role), "");
            field(&mut hasher, &message.content, root);
            for call in &message.tool_calls {
                field(&mut hasher, &call.name, "");
                field(&mut hasher, &call.arguments, root);
            }
        }
        for tool in &self.tools {
            field(&mut hasher, &tool.name, "");
        }
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Feeds a field, closed by a NUL so that two fields never run together.
fn field(hasher: &mut Sha256, text: &str, root: &str) {
    hasher.update(without_numbers(&moved(text, root, "{root}")).as_bytes());
    hasher.update([0]);
}

/// Returns `text` with every number as one `#`: with its points, or hexadecimal after `0x`.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(character) = chars.next() {
        if !character.is_ascii_digit() {
            out.push(character);
            continue;
        }
        if character == '0' && chars.next_if_eq(&'x').is_some() {
            while chars.next_if(char::is_ascii_hexdigit).is_some() {}
        } else {
            // Points belong to it, so that `0.5` and `12` are the same.
            while chars.next_if(|next| next.is_ascii_digit() || *next == '.').is_some() {}
        }
        out.push('#');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn print(content: &str, root: &str) -> String {
        Request { messages: vec![Message::user(content)], tools: Vec::new() }.fingerprint(root)
    }

    #[test]
    fn differs_by_words_but_not_by_place_or_numbers() {
        let first = print("ran /tmp/a/testbed/x.py in 0.012s at 0x7fab12", "/tmp/a/testbed");
        assert_eq!(first, print("ran /testbed/x.py in 12s at 0x99", "/testbed"));
        assert_ne!(first, print("ran /testbed/y.py in 1.5s at 0x99", "/testbed"));
        assert_eq!(first.len(), 16);
    }
}
