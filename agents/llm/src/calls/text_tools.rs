//! Tool calls as text, the way SWE-Gym's released data have them. Pure functions.

use agent_core::{Extras, Message, Role, ToolCall, ToolSpec};
use prompts::{PromptError, Prompts};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::calls::parameter::{Parameter, parameters};

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
    let described = (!tools.is_empty()).then(|| describe(tools, several, prompts)).transpose()?;
    Ok(without_calls(messages, described, render_call))
}

/// Returns a conversation without native tool calls: `described` stands at the end of the system message, calls are put
/// as `render` does, and results are user messages.
pub(crate) fn without_calls(
    messages: &[Message],
    described: Option<String>,
    render: impl Fn(&ToolCall) -> String,
) -> Vec<Message> {
    let mut converted: Vec<Message> = messages.iter().map(|message| without_call(message, &render)).collect();
    let Some(suffix) = described else {
        return converted;
    };
    match converted.first_mut().filter(|first| first.role == Role::System) {
        Some(system) => system.content = format!("{}\n\n{suffix}", system.content.trim_end()),
        None => converted.insert(0, Message::system(suffix)),
    }
    converted
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

/// Returns a call as text. A value of several lines stands on lines of its own; arguments that are not a JSON object
/// stay as they are.
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

fn without_call(message: &Message, render: impl Fn(&ToolCall) -> String) -> Message {
    match message.role {
        Role::System | Role::User => message.clone(),
        Role::Tool => {
            let name = message.name.as_deref().unwrap_or("function");
            Message::user(format!("EXECUTION RESULT of [{name}]:\n{}", message.content))
        }
        Role::Assistant => {
            let words = Some(message.content.clone()).filter(|words| !words.trim().is_empty());
            let parts: Vec<String> = words.into_iter().chain(message.tool_calls.iter().map(render)).collect();
            let fields = message.extras.as_ref().map(|extras| extras.message.clone()).unwrap_or_default();
            Message::assistant(parts.join("\n\n"), Vec::new())
                .with_extras(Extras { message: fields, calls: Vec::new() })
        }
    }
}

/// Returns a value as a model without native calls would write it: lists as `[1, 2]`.
pub(crate) fn plain(value: &Value) -> String {
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
