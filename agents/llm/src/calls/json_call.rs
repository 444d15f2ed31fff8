//! Reads the tool call of an answer in JSON. Pure functions.

use agent_core::ToolSpec;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::TextCalls;
use crate::calls::json_pieces::{Object, Pieces, Tag, pieces};
use crate::calls::json_reader::{Problem, read_object};
use crate::calls::parameter::{Parameter, parameters};

/// Keys under which an object names its tool, the proper one first.
const NAMES: [&str; 3] = ["tool", "name", "action"];
/// Keys under which an object holds the arguments, the proper one first.
const ARGUMENTS: [&str; 4] = ["arguments", "args", "parameters", "input"];
/// Characters shown of the place at which an object cannot be read.
const NEAR: usize = 40;

const THINKING: &str = "<think>";
const THOUGHT: &str = "</think>";
const FENCE: &str = "```";

/// Why an answer in JSON could not be read; the template `llm/malformed_json.md` describes it to the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum UnreadableJson {
    /// The text ended at the limit on its length.
    CutOff,
    /// A tag is not closed although others follow.
    TagNotClosed {
        /// The parameter.
        tag: String,
    },
    /// An object cannot be read.
    Broken {
        /// Why.
        problem: Problem,
        /// The line of the text, from 1.
        line: usize,
        /// The character of the line, from 1.
        column: usize,
        /// The text there, cut at its end.
        near: String,
    },
    /// There are values between tags, but required ones are missing.
    Missing {
        /// The parameters.
        missing: Vec<String>,
    },
    /// There is a call among several tools that names none.
    NoTool,
    /// No object has a parameter of the tool.
    NoneFits,
    /// Nothing looks like an object.
    NoObject,
}

/// How well an object fits, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It names a tool, or has all that the only tool requires.
    Exact,
    /// It has a parameter of the only tool.
    Partial,
    /// It calls an unknown tool.
    Unknown,
}

struct Fit<'a> {
    rank: Rank,
    object: Option<&'a Object>,
    name: String,
    arguments: Map<String, Value>,
}

/// Reads the call of an answer to an offer of `tools`; `whole` says that it did not end at the limit on its length.
///
/// # Errors
/// Why there is no call in a text that looks like one.
pub fn parse_json_call(text: &str, tools: &[ToolSpec], whole: bool) -> Result<TextCalls, UnreadableJson> {
    let offer = Offer::new(tools);
    let from = offer.start_of_answer(text);
    let body = &text[from..];
    let found = pieces(body, &offer.texts);
    let best = found.objects.iter().filter_map(|object| offer.fit(object, &found)).min_by_key(|fit| fit.rank);
    let best = best.or_else(|| offer.tags_only(&found));
    let Some(fit) = best else {
        let tagged = !found.tags.is_empty() || found.unclosed.is_some();
        let attempt = tagged || body.contains('{') || body.contains(FENCE);
        let words = TextCalls { words: text.to_owned(), calls: Vec::new() };
        return if attempt { Err(offer.why(&found, text, from, whole)) } else { Ok(words) };
    };
    if fit.rank != Rank::Exact && found.broken.is_some_and(|broken| broken.begins_line) {
        return Err(offer.why(&found, text, from, whole));
    }
    if !whole && offer.lacks(&fit, &found) {
        return Err(UnreadableJson::CutOff);
    }
    Ok(offer.call(fit, &found, body))
}

/// The tools on offer.
struct Offer<'a> {
    tools: Vec<Offered<'a>>,
    /// The names of all parameters that may be texts.
    texts: Vec<&'a str>,
}

struct Offered<'a> {
    name: &'a str,
    parameters: Vec<Parameter<'a>>,
}

impl<'a> Offered<'a> {
    fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name == name)
    }

    fn texts(&self) -> impl Iterator<Item = &'a str> {
        let fits = |name: &&str| !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "<>/".contains(c));
        self.parameters.iter().filter(|parameter| parameter.is_text).map(|parameter| parameter.name).filter(fits)
    }

    /// Returns the required parameters that neither the object nor a tag gives.
    fn missing(&self, fields: &Map<String, Value>, tags: &[Tag<'_>]) -> Vec<String> {
        let given = |name: &str| fields.contains_key(name) || tags.iter().any(|tag| tag.name == name);
        let required = self.parameters.iter().filter(|parameter| parameter.required && !given(parameter.name));
        required.map(|parameter| parameter.name.to_owned()).collect()
    }

    /// Returns the arguments that an object holds under a key of their own.
    fn wrapped(&self, fields: &Map<String, Value>) -> Option<Map<String, Value>> {
        let known = |key: &str| self.has(key);
        ARGUMENTS.iter().find_map(|key| match fields.get(*key)? {
            Value::Object(arguments) if *key == ARGUMENTS[0] || !known(key) => Some(arguments.clone()),
            Value::Null if !known(key) => Some(Map::new()),
            Value::String(text) if !known(key) => object_in(text),
            _ => None,
        })
    }

    /// Returns the arguments of an object that names the tool under `key`.
    fn arguments(&self, fields: &Map<String, Value>, key: &str) -> Map<String, Value> {
        let beside = fields.iter().filter(|(name, _)| *name != key).map(|(name, value)| (name.clone(), value.clone()));
        let Some(mut arguments) = self.wrapped(fields) else {
            return beside.collect();
        };
        for (name, value) in beside.filter(|(name, _)| self.has(name) && !ARGUMENTS.contains(&name.as_str())) {
            arguments.entry(name).or_insert(value);
        }
        arguments
    }
}

impl<'a> Offer<'a> {
    fn new(tools: &'a [ToolSpec]) -> Self {
        let offered = |spec: &'a ToolSpec| Offered { name: &spec.name, parameters: parameters(&spec.parameters) };
        let tools: Vec<Offered<'_>> = tools.iter().map(offered).collect();
        let mut texts: Vec<&str> = tools.iter().flat_map(Offered::texts).collect();
        texts.sort_unstable();
        texts.dedup();
        Self { tools, texts }
    }

    fn only(&self) -> Option<&Offered<'a>> {
        self.tools.first().filter(|_| self.tools.len() == 1)
    }

    /// Returns where the answer begins after what a model thought aloud.
    fn start_of_answer(&self, text: &str) -> usize {
        let start = text.len() - text.trim_start().len();
        if text[start..].starts_with(THINKING) && !self.texts.contains(&"think") {
            return text.find(THOUGHT).map_or(text.len(), |at| at + THOUGHT.len());
        }
        // The opening tag may belong to what the server put before the answer. Inside of a value it is no such tag.
        let Some(at) = text.find(&format!("\n{THOUGHT}")).map(|at| at + 1) else {
            return 0;
        };
        let found = pieces(text, &self.texts);
        let objects = found.objects.iter().map(|object| (object.start, object.end));
        let mut spans = objects.chain(found.tags.iter().map(|tag| (tag.start, tag.end)));
        if spans.any(|(start, end)| start < at && at < end) { 0 } else { at + THOUGHT.len() }
    }

    fn fit<'b>(&self, object: &'b Object, found: &Pieces<'_>) -> Option<Fit<'b>> {
        let named = self.named(object).or_else(|| self.unnamed(object, found));
        let (rank, name, arguments) = named.or_else(|| self.unknown(object))?;
        Some(Fit { rank, object: Some(object), name, arguments })
    }

    /// Reads an object that names a tool on offer.
    fn named(&self, Object { fields, .. }: &Object) -> Option<(Rank, String, Map<String, Value>)> {
        let name = |key: &str| fields.get(key).and_then(Value::as_str).map(str::trim);
        NAMES.iter().find_map(|key| {
            let tool = self.tools.iter().find(|tool| name(key) == Some(tool.name))?;
            // Beside a single tool, it may as well be an argument.
            let is_name = self.tools.len() > 1 || !tool.has(key) || tool.wrapped(fields).is_some();
            is_name.then(|| (Rank::Exact, tool.name.to_owned(), tool.arguments(fields, key)))
        })
    }

    /// Reads an object that holds the arguments of the only tool. One without any of them is spoken of, unless it
    /// stands apart and none is needed.
    fn unnamed(&self, object: &Object, found: &Pieces<'_>) -> Option<(Rank, String, Map<String, Value>)> {
        let (tool, fields) = (self.only()?, &object.fields);
        let complete = tool.missing(fields, &found.tags).is_empty();
        let takes_none = tool.parameters.is_empty() && self.unknown_name(fields).is_none();
        let apart = object.begins_line && complete && (fields.is_empty() || takes_none);
        let rank = if complete { Rank::Exact } else { Rank::Partial };
        let fits = apart || fields.keys().any(|key| tool.has(key));
        fits.then(|| (rank, tool.name.to_owned(), fields.clone()))
    }

    /// Reads an object that names a tool which is not on offer; it is for the agent to say so.
    fn unknown(&self, Object { fields, .. }: &Object) -> Option<(Rank, String, Map<String, Value>)> {
        let (key, name) = self.unknown_name(fields)?;
        let tool = Offered { name, parameters: Vec::new() };
        Some((Rank::Unknown, name.to_owned(), tool.arguments(fields, key)))
    }

    fn unknown_name<'b>(&self, fields: &'b Map<String, Value>) -> Option<(&'static str, &'b str)> {
        let wrapped = ARGUMENTS.iter().any(|key| fields.get(*key).is_some_and(Value::is_object));
        let mut keys = NAMES.into_iter().filter(|key| wrapped || *key == NAMES[0]);
        keys.find_map(|key| Some((key, fields.get(key)?.as_str()?.trim()))).filter(|(_, name)| !name.is_empty())
    }

    /// Reads tags that hold all that the only tool requires.
    fn tags_only(&self, found: &Pieces<'_>) -> Option<Fit<'static>> {
        let tool = self.only().filter(|_| !found.tags.is_empty() && found.unclosed.is_none())?;
        let whole = tool.missing(&Map::new(), &found.tags).is_empty();
        // It gives way to an object that cannot be read, which may hold more.
        whole.then(|| Fit { rank: Rank::Partial, object: None, name: tool.name.to_owned(), arguments: Map::new() })
    }

    /// Returns whether a call has less than it should, of which the end of the text may be the cause.
    fn lacks(&self, fit: &Fit<'_>, found: &Pieces<'_>) -> bool {
        let tool = self.tools.iter().find(|tool| tool.name == fit.name);
        let is_short = tool.is_some_and(|tool| !tool.missing(&fit.arguments, &found.tags).is_empty());
        is_short || found.tags.iter().any(|tag| !tag.closed)
    }

    fn call(&self, fit: Fit<'_>, found: &Pieces<'_>, body: &str) -> TextCalls {
        let tool = self.tools.iter().find(|tool| tool.name == fit.name);
        let texts: Vec<&str> = tool.into_iter().flat_map(Offered::texts).collect();
        let mut arguments = fit.arguments;
        let mut start = fit.object.map_or(body.len(), |object| object.start);
        for tag in found.tags.iter().filter(|tag| texts.contains(&tag.name)) {
            arguments.insert(tag.name.to_owned(), Value::from(tag.value));
            start = start.min(tag.start);
        }
        let words = words(&body[..start]).to_owned();
        TextCalls { words, calls: vec![(fit.name, Value::Object(arguments).to_string())] }
    }

    /// Says why there is no call; `from` is where the answer begins.
    fn why(&self, found: &Pieces<'_>, text: &str, from: usize, whole: bool) -> UnreadableJson {
        let open = |problem| matches!(problem, Problem::NotClosed | Problem::StringNotClosed);
        let nothing = found.objects.is_empty() && found.tags.is_empty();
        let is_open = found.broken.map_or(nothing, |broken| open(broken.fault.problem));
        if !whole && (is_open || found.unclosed.is_some() || found.tags.iter().any(|tag| !tag.closed)) {
            return UnreadableJson::CutOff;
        }
        if let Some(broken) = found.broken.filter(|broken| broken.begins_line || nothing) {
            return located(text, from + broken.fault.at, broken.fault.problem);
        }
        if let Some(tag) = found.unclosed {
            return UnreadableJson::TagNotClosed { tag: tag.to_owned() };
        }
        match self.only() {
            Some(tool) if !found.tags.is_empty() => {
                UnreadableJson::Missing { missing: tool.missing(&Map::new(), &found.tags) }
            }
            None if !found.tags.is_empty() || !found.objects.is_empty() => UnreadableJson::NoTool,
            Some(_) if !found.objects.is_empty() => UnreadableJson::NoneFits,
            _ => UnreadableJson::NoObject,
        }
    }
}

/// Returns the object that a text is, or an empty one for an empty text.
fn object_in(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Map::new());
    }
    let read = text.starts_with('{').then(|| read_object(text, 0).ok()).flatten();
    read.filter(|(_, end)| *end == text.len()).map(|(object, _)| object)
}

fn located(text: &str, at: usize, problem: Problem) -> UnreadableJson {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let near = text[at..].lines().next().unwrap_or_default().chars().take(NEAR).collect();
    UnreadableJson::Broken { problem, line, column, near }
}

/// Returns the words before a call, without the fence, bracket or second brace that opens around it.
fn words(before: &str) -> &str {
    let words = before.trim();
    let words = words.strip_suffix(['[', '{']).map_or(words, str::trim_end);
    let is_fence = |line: &&str| line.trim_start().starts_with(FENCE);
    let opens = words.lines().filter(is_fence).count() % 2 == 1;
    match words.rsplit('\n').next().filter(is_fence) {
        Some(fence) if opens => words[..words.len() - fence.len()].trim_end(),
        _ => words,
    }
}
