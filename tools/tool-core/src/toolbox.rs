//! The tools of one agent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::arguments::coerce::coerce;
use crate::arguments::schema::schema_of;
use crate::{Observation, Sandbox, Texts, Tool, ToolError};

/// The tools of one agent, in the order in which they are shown to the model.
#[derive(Clone, Default)]
pub struct Toolbox {
    entries: Vec<Entry>,
}

#[derive(Clone)]
struct Entry {
    signature: ToolSignature,
    tool: Arc<dyn AnyTool>,
}

/// What a model must know of a tool besides its description.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolSignature {
    /// The tool's own name, which is also the name of its prompt file.
    pub name: &'static str,
    /// The name on the wire.
    pub wire_name: String,
    /// JSON schema of the arguments: an object with `properties` and `required`.
    pub parameters: Value,
}

impl Toolbox {
    /// Returns the toolbox with `tool` added under its own name.
    #[must_use]
    pub fn with<T: Tool>(self, tool: T) -> Self {
        self.with_named(T::NAME, tool)
    }

    /// Returns the toolbox with `tool` added under another name on the wire.
    #[must_use]
    pub fn with_named<T: Tool>(mut self, wire_name: &str, tool: T) -> Self {
        let parameters = schema_of::<T::Args>();
        let signature = ToolSignature { name: T::NAME, wire_name: wire_name.to_owned(), parameters };
        self.entries.push(Entry { signature, tool: Arc::new(Erased(tool)) });
        self
    }

    /// Returns the signatures in the order of adding.
    pub fn signatures(&self) -> impl Iterator<Item = &ToolSignature> {
        self.entries.iter().map(|entry| &entry.signature)
    }

    /// Checks that every name on the wire is one that providers take, and that no two tools share one.
    ///
    /// # Errors
    /// Which name is wrong, and why.
    pub fn check(&self) -> Result<(), String> {
        for (index, Entry { signature, .. }) in self.entries.iter().enumerate() {
            let name = &signature.wire_name;
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                return Err(format!("`{name}` is not a valid tool name: use letters, digits, `_` and `-`, 64 at most"));
            }
            if self.entries.iter().skip(index + 1).any(|other| other.signature.wire_name == *name) {
                return Err(format!("two tools are named `{name}`"));
            }
        }
        Ok(())
    }

    /// Returns the tool's own name for a name on the wire.
    pub fn own_name(&self, wire_name: &str) -> Option<&'static str> {
        self.find(wire_name).map(|entry| entry.signature.name)
    }

    /// Calls a tool by its name on the wire, with the JSON text of its arguments.
    ///
    /// # Errors
    /// [`ToolError::Rejected`] for an unknown tool or arguments that do not fit, saying what was wrong.
    pub async fn call(
        &self,
        wire_name: &str,
        arguments: &str,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let Some(entry) = self.find(wire_name) else {
            let known: Vec<&str> = self.signatures().map(|signature| signature.wire_name.as_str()).collect();
            let values = json!({ "tool": wire_name, "known": known });
            return Err(ToolError::Rejected(texts.render("toolbox/unknown_tool", values)));
        };
        let arguments = parse_arguments(wire_name, arguments, texts)?;
        entry.tool.call(coerce(&entry.signature.parameters, arguments), sandbox, texts).await
    }

    fn find(&self, wire_name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.signature.wire_name == wire_name)
    }
}

/// Parses the arguments of a call; empty text stands for no arguments.
fn parse_arguments(wire_name: &str, arguments: &str, texts: &dyn Texts) -> Result<Map<String, Value>, ToolError> {
    let text = if arguments.trim().is_empty() { "{}" } else { arguments };
    let told = match serde_json::from_str(text) {
        Ok(Value::Object(map)) => return Ok(map),
        Ok(_) => texts.render("toolbox/no_object", json!({ "tool": wire_name })),
        Err(err) => texts.render("toolbox/no_json", json!({ "tool": wire_name, "why": err.to_string() })),
    };
    Err(ToolError::Rejected(told))
}

/// The twin of [`Tool`] that can be stored.
trait AnyTool: Send + Sync {
    fn call<'a>(
        &'a self,
        arguments: Map<String, Value>,
        sandbox: &'a dyn Sandbox,
        texts: &'a dyn Texts,
    ) -> Pin<Box<dyn Future<Output = Result<Observation, ToolError>> + Send + 'a>>;
}

struct Erased<T>(T);

impl<T: Tool> AnyTool for Erased<T> {
    fn call<'a>(
        &'a self,
        arguments: Map<String, Value>,
        sandbox: &'a dyn Sandbox,
        texts: &'a dyn Texts,
    ) -> Pin<Box<dyn Future<Output = Result<Observation, ToolError>> + Send + 'a>> {
        Box::pin(async move {
            let args = serde_json::from_value(Value::Object(arguments)).map_err(|err| {
                let values = json!({ "tool": T::NAME, "why": err.to_string() });
                ToolError::Rejected(texts.render("toolbox/misfit", values))
            })?;
            self.0.call(args, sandbox, texts).await
        })
    }
}
