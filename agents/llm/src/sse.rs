//! Lines of a stream, put into the one form that the client reads.

use serde_json::{Value, json};

use crate::surrogates::mended;

/// The `object` of a piece of ours that says that the server's `[DONE]` came.
pub(crate) const DONE: &str = "spotter.done";

/// Puts lines of a stream into one form: what is no data goes, each piece is one line, and an error is one in JSON.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// Whether the event under way is an error by its name.
    is_error: bool,
}

impl Lines {
    /// Returns what stands for some whole lines of a stream.
    pub(crate) fn read(&mut self, text: &str) -> String {
        text.split('\n').map(|line| self.line(line.trim_end_matches('\r'))).collect()
    }

    fn line(&mut self, line: &str) -> String {
        if let Some(name) = line.strip_prefix("event:") {
            self.is_error = name.trim() == "error";
            return String::new();
        }
        // Some servers send bare JSON, one object a line.
        let bare = Some(line).filter(|line| line.starts_with('{'));
        let Some(data) = line.strip_prefix("data:").map(str::trim).or(bare).filter(|data| !data.is_empty()) else {
            return String::new();
        };
        if data == "[DONE]" {
            return format!("data: {}\n\ndata: [DONE]\n\n", json!({ "object": DONE }));
        }
        let data = mended(data);
        let is_error = std::mem::take(&mut self.is_error);
        match serde_json::from_str::<Value>(&data) {
            Ok(error) if is_error && error.get("error").is_none() => {
                format!("data: {}\n\n", json!({ "error": error }))
            }
            Err(_) if is_error => format!("data: {}\n\n", json!({ "error": data })),
            _ => format!("data: {data}\n\n"),
        }
    }
}

/// Returns the pieces of a stream that came whole; `None` when the text is no stream.
pub(crate) fn pieces(text: &str) -> Option<Vec<Value>> {
    let begins = |line: &str| ["data:", "event:", ":"].iter().any(|start| line.starts_with(start));
    if !text.lines().map(str::trim).find(|line| !line.is_empty()).is_some_and(begins) {
        return None;
    }
    let lines = Lines::default().read(text);
    let data = lines.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    Some(data.filter_map(|data| serde_json::from_str(data).ok()).collect())
}
