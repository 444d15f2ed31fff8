//! A model's chat template.

use std::collections::BTreeMap;

use agent_core::{ToolCall, ToolSpec};
use anyhow::Context;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value as Jinja};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Value, json};

use super::Turn;
use super::marks::{Marked, looked_for, marked};

const NAME: &str = "chat_template";

/// The name of the copy that marks where messages begin.
const MARKED: &str = "chat_template with marks";

/// The chat template of a tokenizer, rendered as `apply_chat_template` of transformers does.
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// The special tokens that templates name, such as `bos_token`.
    special: BTreeMap<String, Jinja>,
    /// Whether there is a copy that marks where messages begin.
    has_marks: bool,
    /// What it may look for in messages.
    pub(super) looked_for: Vec<String>,
}

impl ChatTemplate {
    /// Compiles a template; special tokens come from the `tokenizer_config.json`.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn new(source: String, config: Option<&Value>) -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", tojson);
        environment.add_function("raise_exception", |why: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, why))
        });
        let source = without_generation(source);
        // A template that cannot be marked is rendered more often.
        let marked = marked(&source).is_some_and(|marked| environment.add_template_owned(MARKED, marked).is_ok());
        let looked_for = looked_for(&source);
        environment.add_template_owned(NAME, source).context("the chat template does not compile")?;
        let mut special = BTreeMap::new();
        for key in ["bos_token", "eos_token", "pad_token", "unk_token"] {
            let token = config.and_then(|config| config.get(key));
            let text = token.and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
            if let Some(text) = text {
                special.insert(key.to_owned(), Jinja::from(text));
            }
        }
        Ok(Self { environment, special, has_marks: marked, looked_for })
    }

    /// Renders a conversation; with what opens an answer behind it where `opened`.
    ///
    /// # Errors
    /// When the template refuses it.
    pub fn render(&self, turns: &[Turn], tools: &[ToolSpec], opened: bool) -> anyhow::Result<String> {
        self.render_values(&values(turns), &described(tools), opened)
    }

    /// Renders messages as values of the template, of which several renderings may be made.
    pub(super) fn render_values(
        &self,
        messages: &[Jinja],
        tools: &Option<Jinja>,
        opened: bool,
    ) -> anyhow::Result<String> {
        self.render_by(NAME, messages, tools, opened)
    }

    /// Renders messages, and returns where they begin; `None` where that cannot be told.
    pub(super) fn render_marked(&self, messages: &[Jinja], tools: &Option<Jinja>) -> Option<Marked> {
        let text = self.has_marks.then(|| self.render_by(MARKED, messages, tools, false))?.ok()?;
        Marked::read(&text, messages.len())
    }

    fn render_by(&self, name: &str, messages: &[Jinja], tools: &Option<Jinja>, opened: bool) -> anyhow::Result<String> {
        let mut context = self.special.clone();
        context.insert("messages".to_owned(), Jinja::from(messages.to_vec()));
        context.insert("add_generation_prompt".to_owned(), Jinja::from(opened));
        context.extend(tools.clone().map(|tools| ("tools".to_owned(), tools)));
        let template = self.environment.get_template(name)?;
        template.render(Jinja::from(context)).context("the chat template refuses the conversation")
    }
}

/// Returns messages as values of templates.
pub(super) fn values(turns: &[Turn]) -> Vec<Jinja> {
    turns.iter().map(value).collect()
}

/// Returns what [`Turn::chat`] does with objects, without the way over JSON.
fn value(turn: &Turn) -> Jinja {
    let message = &turn.message;
    let mut fields =
        vec![("role", Jinja::from(message.role.word())), ("content", Jinja::from(message.content.as_str()))];
    fields.extend(turn.reasoning.as_deref().map(|text| ("reasoning_content", Jinja::from(text))));
    if !message.tool_calls.is_empty() {
        let call = |call: &ToolCall| {
            let read = serde_json::from_str::<Value>(&call.arguments).ok();
            let arguments = read.map_or_else(|| Jinja::from(call.arguments.as_str()), |read| Jinja::from(Serde(read)));
            let function = [("name", Jinja::from(call.name.as_str())), ("arguments", arguments)];
            let fields = [
                ("id", Jinja::from(call.id.as_str())),
                ("type", Jinja::from("function")),
                ("function", Jinja::from_pairs(function)),
            ];
            Jinja::from_pairs(fields)
        };
        fields.push(("tool_calls", message.tool_calls.iter().map(call).collect()));
    }
    let texts = [("tool_call_id", &message.tool_call_id), ("name", &message.name)];
    fields.extend(texts.into_iter().filter_map(|(key, text)| Some((key, Jinja::from(text.as_deref()?)))));
    Jinja::from_pairs(fields)
}

/// Returns tools as a value of templates; `None` for none.
pub(super) fn described(tools: &[ToolSpec]) -> Option<Jinja> {
    (!tools.is_empty()).then(|| Jinja::from(Serde(tools.iter().map(function).collect::<Vec<_>>())))
}

/// Returns a tool as requests of the chat completions interface hold it.
pub(crate) fn function(tool: &ToolSpec) -> Value {
    let ToolSpec { name, description, parameters } = tool;
    json!({ "type": "function", "function": { "name": name, "description": description, "parameters": parameters } })
}

/// Returns a template without the marks of what transformers masks, which show nothing.
fn without_generation(mut source: String) -> String {
    for word in ["generation", "endgeneration"] {
        for (open, close) in [("{%", "%}"), ("{%-", "%}"), ("{%", "-%}"), ("{%-", "-%}")] {
            let empty = format!("{open} if true {close}{open} endif {close}");
            source = source.replace(&format!("{open} {word} {close}"), &empty);
        }
    }
    source
}

/// JSON as Python's `json.dumps` writes it.
fn tojson(value: Jinja, options: minijinja::value::Kwargs) -> Result<String, Error> {
    let failed = |err: serde_json::Error| Error::new(ErrorKind::BadSerialization, err.to_string());
    let mut text = Vec::new();
    match options.get::<Option<usize>>("indent")? {
        Some(indent) => {
            let indent = " ".repeat(indent);
            let formatter = PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter)).map_err(failed)?;
        }
        None => value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Spaced)).map_err(failed)?,
    }
    String::from_utf8(text).map_err(|err| Error::new(ErrorKind::BadSerialization, err.to_string()))
}

/// Puts a blank behind commas and colons.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, writer: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, writer: &mut W) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}
