//! Reads tool calls back out of text. Pure functions.
//!
//! Values are not escaped, so a value may look like the end of its own call. Text that is laid out exactly as
//! [`crate::render_call`] does it is read first by its lines, which leaves little to chance; all else is read
//! leniently.

use serde::Serialize;
use serde_json::{Map, Value};

const OPENING: &str = "<function=";
const CLOSING: &str = "</function";
const PARAMETER: &str = "<parameter=";
const PARAMETER_CLOSING: &str = "</parameter>";

/// What a text says and calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCalls {
    /// The words before the first call, or all of them.
    pub words: String,
    /// The calls: the tool's name, and the arguments as a JSON object.
    pub calls: Vec<(String, String)>,
}

/// Why a call could not be read; the template `llm/malformed_call.md` describes it to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unreadable {
    /// The text ended at the limit on its length.
    CutOff,
    /// The call names no tool.
    NoName,
    /// The call has no end.
    NotClosed {
        /// The tool.
        function: String,
    },
    /// A parameter has no end.
    ParameterNotClosed {
        /// The tool.
        function: String,
        /// The parameter.
        parameter: String,
    },
    /// Something stands between the parameters.
    StrayText {
        /// The tool.
        function: String,
        /// The text there, cut at its end.
        text: String,
    },
}

/// Reads the calls of a text; `stopped` says that it ended at the stop word, whose ending is then put back.
///
/// # Errors
/// Why a call that the text opens cannot be read.
pub fn parse_calls(text: &str, stopped: bool) -> Result<TextCalls, Unreadable> {
    let text = if stopped { with_ending(text) } else { text.to_owned() };
    let [exact, lenient] = [true, false].map(|strict| Reader { text: &text, strict });
    if exact.opening(0) == lenient.opening(0)
        && let Ok(read) = exact.calls()
    {
        return Ok(read);
    }
    lenient.calls().map_err(|unreadable| if stopped { unreadable } else { cut_off(unreadable) })
}

/// Returns the text with `</function>` put back where the stop word took it.
fn with_ending(text: &str) -> String {
    let reader = Reader { text, strict: false };
    let trimmed = text.trim_end();
    if trimmed.ends_with(CLOSING) {
        return format!("{trimmed}>");
    }
    if reader.opening(0).is_none() || text.contains(CLOSING) {
        return text.to_owned();
    }
    let gap = if text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}</function>")
}

fn cut_off(unreadable: Unreadable) -> Unreadable {
    match unreadable {
        Unreadable::NotClosed { .. } | Unreadable::ParameterNotClosed { .. } => Unreadable::CutOff,
        other => other,
    }
}

/// Reads a text, either exactly as we lay it out or leniently.
struct Reader<'a> {
    text: &'a str,
    strict: bool,
}

impl<'a> Reader<'a> {
    fn calls(&self) -> Result<TextCalls, Unreadable> {
        let mut calls = Vec::new();
        let mut words = self.text;
        let mut at = 0;
        while let Some(opening) = self.opening(at) {
            if calls.is_empty() {
                words = self.text[..opening].trim_end();
            }
            let (call, end) = self.call(opening + OPENING.len())?;
            calls.push(call);
            at = end;
        }
        Ok(TextCalls { words: words.to_owned(), calls })
    }

    /// Returns where the next call opens: on a line of its own, or before what only a call continues with. Else it is
    /// spoken of.
    fn opening(&self, from: usize) -> Option<usize> {
        let mut found = self.text[from..].match_indices(OPENING).map(|(index, _)| from + index);
        let is_call = |at: &usize| {
            let line = self.text[..*at].rsplit('\n').next().unwrap_or_default();
            let after = self.text[*at..].split_once('>').map_or("", |(_, after)| after);
            let goes_on = [PARAMETER, CLOSING].iter().any(|tag| after.trim_start().starts_with(tag));
            let starts_line = if self.strict { line.is_empty() } else { line.trim().is_empty() };
            starts_line || (goes_on && !self.strict)
        };
        found.find(is_call)
    }

    /// Reads a call from its name on, and returns where it ends.
    fn call(&self, at: usize) -> Result<((String, String), usize), Unreadable> {
        let (function, mut at) = self.name(at).ok_or(Unreadable::NoName)?;
        let mut arguments: Map<String, Value> = Map::new();
        loop {
            at = self.skip_gap(at);
            let rest = &self.text[at..];
            if let Some(after) = rest.strip_prefix(CLOSING) {
                let end = self.text.len() - after.strip_prefix('>').unwrap_or(after).len();
                return Ok(((function, Value::Object(arguments).to_string()), end));
            }
            if rest.trim().is_empty() {
                return Err(Unreadable::NotClosed { function });
            }
            let named = rest.starts_with(PARAMETER).then(|| self.name(at + PARAMETER.len())).flatten();
            let Some((parameter, start)) = named else {
                let text = rest.lines().next().unwrap_or_default().chars().take(100).collect();
                return Err(Unreadable::StrayText { function, text });
            };
            let Some(end) = self.value_end(start, &parameter, &arguments) else {
                return Err(Unreadable::ParameterNotClosed { function, parameter });
            };
            arguments.insert(parameter, Value::from(unframed(&self.text[start..end])));
            at = end + PARAMETER_CLOSING.len();
        }
    }

    /// Reads a name up to its `>`, and returns where that ends.
    fn name(&self, at: usize) -> Option<(String, usize)> {
        let (name, _) = self.text[at..].split_once('>')?;
        let trimmed = name.trim();
        let fits = !trimmed.is_empty() && !trimmed.contains(['<', '\n']);
        fits.then(|| (trimmed.to_owned(), at + name.len() + 1))
    }

    fn skip_gap(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        let after = if self.strict { rest.strip_prefix('\n').unwrap_or(rest) } else { rest.trim_start() };
        self.text.len() - after.len()
    }

    /// Returns where the value that starts at `start` ends: at the first closing tag after which the call continues.
    fn value_end(&self, start: usize, parameter: &str, earlier: &Map<String, Value>) -> Option<usize> {
        let framed = self.text[start..].starts_with('\n');
        let candidates = self.text[start..].match_indices(PARAMETER_CLOSING).map(|(index, _)| start + index);
        let laid_out = |end: &usize| match (self.strict, framed) {
            (false, _) => true,
            (true, true) => self.text[..*end].ends_with('\n'),
            (true, false) => !self.text[start..*end].contains('\n'),
        };
        let goes_on = |end: &usize| {
            let after = end + PARAMETER_CLOSING.len();
            if self.strict && !self.text[after..].starts_with('\n') {
                return false;
            }
            let at = self.skip_gap(after);
            let rest = &self.text[at..];
            if let Some(after) = rest.strip_prefix(CLOSING) {
                return self.is_whole(self.text.len() - after.len());
            }
            let next = rest.starts_with(PARAMETER).then(|| self.name(at + PARAMETER.len())).flatten();
            match next {
                Some((name, _)) => name != parameter && !earlier.contains_key(&name),
                None => rest.is_empty() && !self.strict,
            }
        };
        candidates.filter(laid_out).find(goes_on)
    }

    /// Returns whether no closing tag is left over after the end of a call; one would belong to that very call.
    fn is_whole(&self, at: usize) -> bool {
        let rest = &self.text[at..];
        let closing = [PARAMETER_CLOSING, CLOSING].iter().filter_map(|tag| rest.find(tag)).min();
        closing.is_none_or(|closing| self.opening(at).is_some_and(|opening| opening < at + closing))
    }
}

/// Returns a value without the one newline at each end that puts it on lines of its own.
fn unframed(raw: &str) -> &str {
    let raw = raw.strip_prefix('\n').unwrap_or(raw);
    raw.strip_suffix('\n').unwrap_or(raw)
}
