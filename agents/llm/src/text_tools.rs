//! Tool calls as text, the way SWE-Gym's released data have them. Pure functions.

use agent_core::{Message, Role, ToolCall, ToolSpec};
use prompts::{PromptError, Prompts};
use serde::Serialize;
use serde_json::{Map, Value};

/// Returns a conversation with native tool calls as one without: the tools described at the end of the system message,
/// calls as text, and results as user messages.
///
/// # Errors
/// When the template of the description cannot be rendered.
pub fn to_text(
    messages: &[Message],
    tools: &[ToolSpec],
    several: bool,
    prompts: &Prompts,
) -> Result<Vec<Message>, PromptError> {
    let mut converted: Vec<Message> = messages.iter().map(message_to_text).collect();
    if tools.is_empty() {
        return Ok(converted);
    }
    let suffix = describe(tools, several, prompts)?;
    match converted.first_mut().filter(|first| first.role == Role::System) {
        Some(system) => system.content = format!("{}\n\n{suffix}", system.content.trim_end()),
        None => converted.insert(0, Message::system(suffix)),
    }
    Ok(converted)
}

/// Returns a conversation in the form of the released data: as [`to_text`] does it, with one call a message.
///
/// # Errors
/// When the template of the description cannot be rendered.
pub fn to_released_form(
    messages: &[Message],
    tools: &[ToolSpec],
    prompts: &Prompts,
) -> Result<Vec<Message>, PromptError> {
    to_text(&split_calls(messages), tools, false, prompts)
}

/// Returns the conversation with every message of several calls split into one per call, each followed by its result.
/// The first keeps the words.
pub fn split_calls(messages: &[Message]) -> Vec<Message> {
    let mut split = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        if message.tool_calls.len() < 2 {
            split.push(message.clone());
            continue;
        }
        let count = rest.iter().take_while(|message| message.role == Role::Tool).count();
        let (results, after) = rest.split_at(count);
        rest = after;
        for (index, call) in message.tool_calls.iter().enumerate() {
            let content = if index == 0 { message.content.as_str() } else { "" };
            split.push(Message::assistant(content, vec![call.clone()]));
            split.extend(results.iter().filter(|result| answers(result, call)).cloned());
        }
        let known = |result: &&Message| message.tool_calls.iter().any(|call| answers(result, call));
        split.extend(results.iter().filter(|result| !known(result)).cloned());
    }
    split
}

/// Returns a call as text. A value of several lines stands on lines of its own; arguments that are no JSON object stand
/// as they are.
pub fn render_call(call: &ToolCall) -> String {
    let mut text = format!("<function={}>\n", call.name);
    match serde_json::from_str::<Map<String, Value>>(&call.arguments) {
        Ok(arguments) => {
            for (name, value) in arguments.iter().filter(|(_, value)| !value.is_null()) {
                let value = plain(value);
                let frame = if value.contains('\n') { "\n" } else { "" };
                text.push_str(&format!("<parameter={name}>{frame}{value}{frame}</parameter>\n"));
            }
        }
        Err(_) if call.arguments.trim().is_empty() => {}
        Err(_) => text.push_str(&format!("{}\n", call.arguments)),
    }
    text.push_str("</function>");
    text
}

fn answers(result: &Message, call: &ToolCall) -> bool {
    result.tool_call_id.as_ref() == Some(&call.id)
}

fn message_to_text(message: &Message) -> Message {
    match message.role {
        Role::System | Role::User => message.clone(),
        Role::Tool => {
            let name = message.name.as_deref().unwrap_or("function");
            Message::user(format!("EXECUTION RESULT of [{name}]:\n{}", message.content))
        }
        Role::Assistant => {
            let words = Some(message.content.clone()).filter(|words| !words.trim().is_empty());
            let parts: Vec<String> = words.into_iter().chain(message.tool_calls.iter().map(render_call)).collect();
            Message::assistant(parts.join("\n\n"), Vec::new())
        }
    }
}

/// Returns a value as a model without native calls would write it: lists as `[1, 2]`.
fn plain(value: &Value) -> String {
    let spaced = |value: &Value| if value.is_string() { value.to_string() } else { plain(value) };
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(spaced).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), spaced(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn describe(tools: &[ToolSpec], several: bool, prompts: &Prompts) -> Result<String, PromptError> {
    #[derive(Serialize)]
    struct Variables<'a> {
        tools: Vec<Tool<'a>>,
        several: bool,
    }
    #[derive(Serialize)]
    struct Tool<'a> {
        name: &'a str,
        description: &'a str,
        parameters: Vec<Parameter<'a>>,
    }
    let tools = tools.iter().map(|spec| Tool {
        name: &spec.name,
        description: spec.description.trim(),
        parameters: parameters(&spec.parameters),
    });
    prompts.render("llm/text_tools.md", Variables { tools: tools.collect(), several })
}

#[derive(Serialize)]
struct Parameter<'a> {
    name: &'a str,
    r#type: String,
    required: bool,
    description: &'a str,
    allowed: Vec<String>,
}

fn parameters(schema: &Value) -> Vec<Parameter<'_>> {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, property)| Parameter {
            name,
            r#type: type_of(property),
            required: required.contains(&name.as_str()),
            description: property.get("description").and_then(Value::as_str).unwrap_or_default(),
            allowed: allowed(property),
        })
        .collect()
}

/// Returns the type of a property without `null`, which only says that it may be left out.
fn type_of(property: &Value) -> String {
    let items = || property.get("items").map(type_of).map(|items| format!(" of {items}")).unwrap_or_default();
    let one = |name: &str| if name == "array" { format!("array{}", items()) } else { name.to_owned() };
    let types: Vec<String> = match property.get("type") {
        Some(Value::String(name)) => vec![one(name)],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").map(one).collect()
        }
        _ => branches(property).map(type_of).filter(|name| name != "null").collect(),
    };
    if types.is_empty() { "string".to_owned() } else { types.join(" or ") }
}

/// Returns the values that a property may have, where they are listed.
fn allowed(property: &Value) -> Vec<String> {
    let listed = property.get("enum").and_then(Value::as_array).into_iter().flatten();
    let own = listed.chain(property.get("const")).filter(|value| !value.is_null()).map(plain);
    own.chain(branches(property).flat_map(allowed)).collect()
}

fn branches(property: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|key| property.get(key)?.as_array()).flatten()
}
