//! A model's chat template.

use std::collections::BTreeMap;
use std::ops::Range;

use agent_core::ToolSpec;
use anyhow::{Context, bail};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, Value as Jinja};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Value, json};

use super::Turn;

const NAME: &str = "chat_template";

/// The chat template of a tokenizer, rendered as `apply_chat_template` of transformers does.
pub struct ChatTemplate {
    environment: Environment<'static>,
    /// The special tokens that templates name, such as `bos_token`.
    special: Map<String, Value>,
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
        environment
            .add_template_owned(NAME, without_generation(source))
            .context("the chat template does not compile")?;
        let mut special = Map::new();
        for key in ["bos_token", "eos_token", "pad_token", "unk_token"] {
            let token = config.and_then(|config| config.get(key));
            let text = token.and_then(|token| token.as_str().or_else(|| token.get("content")?.as_str()));
            if let Some(text) = text {
                special.insert(key.to_owned(), json!(text));
            }
        }
        Ok(Self { environment, special })
    }

    /// Renders a conversation; with what opens an answer behind it where `opened`.
    ///
    /// # Errors
    /// When the template refuses it.
    pub fn render(&self, turns: &[Turn], tools: &[ToolSpec], opened: bool) -> anyhow::Result<String> {
        self.render_values(&values(turns), &described(tools), opened)
    }

    /// Renders messages as values of the template, of which several renderings may be made.
    fn render_values(&self, messages: &[Jinja], tools: &Option<Jinja>, opened: bool) -> anyhow::Result<String> {
        let special = self.special.iter().map(|(key, value)| (key.clone(), Jinja::from(Serde(value))));
        let mut context: BTreeMap<String, Jinja> = special.collect();
        context.insert("messages".to_owned(), Jinja::from(messages.to_vec()));
        context.insert("add_generation_prompt".to_owned(), Jinja::from(opened));
        context.extend(tools.clone().map(|tools| ("tools".to_owned(), tools)));
        let template = self.environment.get_template(NAME)?;
        template.render(Jinja::from(context)).context("the chat template refuses the conversation")
    }

    /// Renders a conversation and returns the bytes of it that are trained: each answer from behind what opens it to the
    /// mark that ends it.
    ///
    /// # Errors
    /// When the template refuses it, or shows earlier answers otherwise once more is said, so that what was sampled is
    /// not what would be trained.
    pub(super) fn spans(&self, turns: &[Turn], tools: &[ToolSpec]) -> anyhow::Result<(String, Vec<Range<usize>>)> {
        let (messages, tools) = (values(turns), described(tools));
        let whole = self.render_values(&messages, &tools, false)?;
        let mut spans = Vec::new();
        for (index, _) in turns.iter().enumerate().filter(|(_, turn)| turn.trained) {
            let before = self.render_values(&messages[..index], &tools, true)?;
            let last = index + 1 == turns.len();
            let through = if last { None } else { Some(self.render_values(&messages[..=index], &tools, false)?) };
            let through = through.as_deref().unwrap_or(&whole);
            let end = through.trim_end().len();
            if !through.starts_with(&before) || !whole.starts_with(&through[..end]) || end <= before.len() {
                bail!("the chat template shows an answer otherwise once more is said");
            }
            spans.push(before.len()..end);
        }
        Ok((whole, spans))
    }
}

fn values(turns: &[Turn]) -> Vec<Jinja> {
    turns.iter().map(|turn| Jinja::from(Serde(turn.chat(true)))).collect()
}

fn described(tools: &[ToolSpec]) -> Option<Jinja> {
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
