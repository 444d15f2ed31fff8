//! Tells whether two requests are equal, apart from what differs from run to run.

use sha2::{Digest, Sha256};

use crate::{Message, Request, moved};

impl Request {
    /// Returns 16 hex digits that are equal for requests that differ only in what changes from run to run: the
    /// repository's place (`root`), durations, times of day and addresses.
    pub fn fingerprint(&self, root: &str) -> String {
        Fingerprints::default().next(self, root)
    }
}

/// The fingerprints of the requests of one conversation: each has the messages of the one before, of which only those
/// that are new are read.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    hasher: Sha256,
    read: usize,
}

impl Fingerprints {
    /// Returns what [`Request::fingerprint`] does.
    pub(crate) fn next(&mut self, request: &Request, root: &str) -> String {
        for message in request.messages.iter().skip(self.read) {
            feed(&mut self.hasher, message, root);
        }
        self.read = request.messages.len();
        let mut hasher = self.hasher.clone();
        for tool in &request.tools {
            field(&mut hasher, &tool.name, "");
        }
        hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Feeds a message.
fn feed(hasher: &mut Sha256, message: &Message, root: &str) {
    field(hasher, &format!("{:?}", message.role), "");
    field(hasher, &message.content, root);
    for call in &message.tool_calls {
        field(hasher, &call.name, "");
        field(hasher, &call.arguments, root);
    }
}

/// Feeds a field, closed by a NUL so that two fields never run together.
fn field(hasher: &mut Sha256, text: &str, root: &str) {
    hasher.update(without_times(&moved(text, root, "{root}")).as_bytes());
    hasher.update([0]);
}

/// Returns `text` with `#` in place of what changes from run to run: addresses such as `0x7f`, numbers with points
/// or colons (durations, times of day), and whole numbers of seconds. Other numbers are part of what was observed.
pub(crate) fn without_times(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let (end, changes) = match rest.strip_prefix("0x") {
            Some(hex) => (2 + hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len()), true),
            None => {
                let of_number = |c: char| c.is_ascii_digit() || c == '.' || c == ':';
                let number = &rest[..rest.find(|c| !of_number(c)).unwrap_or(rest.len())];
                // A point or colon at the end belongs to the sentence.
                let number = number.trim_end_matches(['.', ':']);
                (number.len(), number.contains(['.', ':']) || is_seconds(&rest[number.len()..]))
            }
        };
        out.push_str(if changes { "#" } else { &rest[..end] });
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Returns whether what follows a number makes it a duration.
fn is_seconds(after: &str) -> bool {
    let word = after.trim_start_matches(' ');
    let word = word.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    ["s", "ms", "us", "sec", "secs", "second", "seconds"].contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ToolCall, ToolSpec};

    fn print(content: &str, root: &str) -> String {
        Request { messages: vec![Message::user(content)], tools: Vec::new() }.fingerprint(root)
    }

    #[test]
    fn differs_by_words_but_not_by_place_or_numbers() {
        let first = print("ran /tmp/a/testbed/x.py in 0.012s at 0x7fab12", "/tmp/a/testbed");
        assert_eq!(first, print("ran /testbed/x.py in 12s at 0x99", "/testbed"));
        assert_ne!(first, print("ran /testbed/y.py in 1.5s at 0x99", "/testbed"));
        assert_eq!(print("Ran 3 tests in 0.5 s.", ""), print("Ran 3 tests in 12 s.", ""));
        assert_ne!(print("1 failed", ""), print("0 failed", ""));
        assert_eq!(print("at 09:30:01", ""), print("at 10:00:59", ""));
        assert_eq!(first.len(), 16);
    }

    #[test]
    fn a_conversation_that_grows_has_the_fingerprints_of_its_requests() {
        let call = ToolCall { id: "1".to_owned(), name: "bash".to_owned(), arguments: "cat /r/x".to_owned() };
        let tool = |name: &str| ToolSpec { name: name.to_owned(), description: String::new(), parameters: 0.into() };
        let mut request = Request { messages: Vec::new(), tools: vec![tool("bash")] };
        let mut fingerprints = Fingerprints::default();
        let steps = [
            vec![Message::system("in /r"), Message::user("took 3 s")],
            vec![Message::assistant("", vec![call.clone()]), Message::tool(&call, "/r/x")],
            Vec::new(),
            vec![Message::user("go on")],
        ];
        let mut seen = std::collections::BTreeSet::new();
        for step in steps {
            request.messages.extend(step);
            request.tools.push(tool("finish"));
            let fingerprint = fingerprints.next(&request, "/r");
            assert_eq!(fingerprint, request.clone().fingerprint("/r"));
            assert!(seen.insert(fingerprint));
        }
    }
}
