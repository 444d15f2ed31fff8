//! Lines of a stream, put into the one form that the client reads.

use agent_core::without_lone_surrogates;
use serde_json::{Value, json};

/// The `object` of a piece of ours that says that the server's `[DONE]` came.
pub(crate) const DONE: &str = "spotter.done";

/// Puts lines of a stream into one form: what is not data goes, each piece is one line, and an error is one in JSON.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Whether the event under way is an error by its name.
    is_error: bool,
    /// The start of a piece that continues in the next lines.
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    text: String,
    /// Whether it is JSON without `data:`, in which blank lines say nothing.
    is_bare: bool,
}

impl Lines {
    /// Returns what stands for some whole lines of a stream.
    pub(crate) fn read(&mut self, text: &str) -> String {
        text.lines().map(|line| self.line(line.trim_start_matches('\u{feff}'))).collect()
    }

    /// Returns what stands for a piece that was begun when the stream ended.
    pub(crate) fn end(&mut self) -> String {
        let is_error = std::mem::take(&mut self.is_error);
        self.begun.take().map(|begun| whole(&begun.text, is_error)).unwrap_or_default()
    }

    fn line(&mut self, line: &str) -> String {
        if self.begun.as_ref().is_some_and(|begun| begun.is_bare) {
            let is_field = ["data:", "event:"].iter().any(|start| line.starts_with(start));
            return if is_field { self.end() + &self.line(line) } else { self.add(line, true) };
        }
        if line.trim().is_empty() {
            return self.end();
        }
        if let Some(name) = line.strip_prefix("event:") {
            self.is_error = name.trim() == "error";
            return String::new();
        }
        match line.strip_prefix("data:") {
            Some(data) if data.trim() == "[DONE]" => {
                format!("{}data: {}\n\ndata: [DONE]\n\n", self.end(), json!({ "object": DONE }))
            }
            Some(data) => self.add(data.trim(), false),
            // Some servers send bare JSON, one object a line or a whole one over many.
            None if line.trim_start().starts_with('{') || line.starts_with("[{") => self.add(line, true),
            None => String::new(),
        }
    }

    /// Adds a line to the piece under way, and returns the piece where it is whole.
    fn add(&mut self, line: &str, is_bare: bool) -> String {
        let text = match self.begun.take() {
            // Two pieces, of which the first is damaged, may stand below each other without a blank line between them.
            Some(begun) if !is_bare && line.starts_with('{') => {
                let joined = format!("{}\n{line}", begun.text);
                if !is_json(&joined) && is_json(line) {
                    return format!("{}{}", whole(&begun.text, false), self.add(line, false));
                }
                joined
            }
            Some(begun) => format!("{}\n{line}", begun.text),
            None if line.is_empty() => return String::new(),
            None => line.to_owned(),
        };
        if is_json(&text) {
            return whole(&text, std::mem::take(&mut self.is_error));
        }
        self.begun = Some(Begun { text, is_bare });
        String::new()
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(&without_lone_surrogates(text, r"\ufffd")).is_ok()
}

/// Returns the line that stands for a piece.
fn whole(text: &str, is_error: bool) -> String {
    let text = without_lone_surrogates(text, r"\ufffd");
    match serde_json::from_str::<Value>(&text) {
        Ok(error) if is_error && error.get("error").is_none() => format!("data: {}\n\n", json!({ "error": error })),
        Ok(piece) if piece.is_object() || piece.is_array() => format!("data: {piece}\n\n"),
        Err(_) if text.starts_with('{') && !is_error => format!("data: {}\n\n", text.replace('\n', " ")),
        Err(_) if is_error || text.to_lowercase().contains("error") => {
            format!("data: {}\n\n", json!({ "error": text }))
        }
        // A word to keep the connection alive.
        Ok(_) | Err(_) => String::new(),
    }
}

/// Returns the pieces of a stream that came whole; `None` when the text is not a stream.
pub(crate) fn pieces(text: &str) -> Option<Vec<Value>> {
    let starts = ["data:", "event:", "id:", "retry:", ":"];
    let begins = |line: &str| starts.iter().any(|start| line.starts_with(start));
    let text = text.trim_start_matches('\u{feff}');
    if !text.lines().map(str::trim).find(|line| !line.is_empty()).is_some_and(begins) {
        return None;
    }
    let lines = read_whole(text);
    let data = lines.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    Some(data.filter_map(|data| serde_json::from_str(data).ok()).collect())
}

/// Returns what stands for a stream that came whole.
pub(crate) fn read_whole(text: &str) -> String {
    let mut lines = Lines::default();
    let read = lines.read(text);
    format!("{read}{}", lines.end())
}

#[cfg(test)]
mod tests {
    use super::read_whole;

    #[test]
    fn each_piece_is_one_line_whatever_form_it_comes_in() {
        for (text, expected) in [
            ("data: {\"a\": 1}\r\n\r\n", "data: {\"a\":1}\n\n"),
            ("data:{\"a\":1}\ndata:{\"b\":2}\n", "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n"),
            ("data: {\"a\":\ndata: 1}\n\n", "data: {\"a\":1}\n\n"),
            ("{\n  \"a\": 1,\n\n  \"b\": 2\n}\n", "data: {\"a\":1,\"b\":2}\n\n"),
            ("{\"a\":1}\n{\"b\":2}\n", "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n"),
            (": ping\n\nid: 7\nretry: 1\ndata: {\"a\":1}\n\n", "data: {\"a\":1}\n\n"),
            ("data: ping\n\ndata: {\"a\":1}\n\n", "data: {\"a\":1}\n\n"),
            ("event: error\ndata: {\"message\": \"no\"}\n\n", "data: {\"error\":{\"message\":\"no\"}}\n\n"),
            ("event: error\ndata: gone\n\n", "data: {\"error\":\"gone\"}\n\n"),
            ("data: Internal Server Error\n\n", "data: {\"error\":\"Internal Server Error\"}\n\n"),
            ("data: {\"a\": tor\n\n", "data: {\"a\": tor\n\n"),
            ("\u{feff}data: {\"a\":1}\n\n", "data: {\"a\":1}\n\n"),
            ("data: [DONE]\n\n", "data: {\"object\":\"spotter.done\"}\n\ndata: [DONE]\n\n"),
        ] {
            assert_eq!(read_whole(text), expected, "{text:?}");
        }
    }
}
