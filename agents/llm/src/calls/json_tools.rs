//! Tool calls as JSON in the text, with long texts between tags. Pure functions.

use agent_core::{Message, ToolCall, ToolSpec};
use prompts::{PromptError, Prompts};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::calls::parameter::parameters;
use crate::calls::text_tools::{plain, without_calls};
use crate::{UnreadableJson, parse_json_call, split_calls};

/// Returns a conversation with native tool calls as one without: the tools described at the end of the system message,
/// one call a message as JSON, and results as user messages.
///
/// # Errors
/// When the template of the description cannot be rendered.
pub fn to_json_text(messages: &[Message], tools: &[ToolSpec], prompts: &Prompts) -> Result<Vec<Message>, PromptError> {
    let described = (!tools.is_empty()).then(|| describe(tools, prompts)).transpose()?;
    Ok(without_calls(&split_calls(messages), described, |call| render_json_call(call, tools)))
}

/// Returns a call as it is answered to an offer of `tools`: an object, and texts of several lines between tags. A value
/// that cannot stand between tags stays in the object; arguments that are not a JSON object stay as they are.
pub fn render_json_call(call: &ToolCall, tools: &[ToolSpec]) -> String {
    let given = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
    let Ok(arguments) = serde_json::from_str::<Map<String, Value>>(given) else {
        return wrapped(&call.name, given);
    };
    let known = tools.iter().find(|tool| tool.name == call.name);
    let can_be_unnamed = known.is_some() && tools.len() == 1;
    let forms =
        [(true, true), (false, true), (true, false)].into_iter().filter(|(unnamed, _)| can_be_unnamed || !unnamed);
    let mut texts = forms.map(|(unnamed, tags)| render(&call.name, &arguments, known, unnamed, tags));
    let reads_back = |text: &String| known.is_none() || reads_as(text, tools, &call.name, &arguments);
    texts.find(reads_back).unwrap_or_else(|| render(&call.name, &arguments, known, false, false))
}

/// Returns what was wrong with an answer in words for the model.
pub(crate) fn malformed(
    unreadable: UnreadableJson,
    tools: &[ToolSpec],
    prompts: &Prompts,
) -> Result<String, PromptError> {
    #[derive(Serialize)]
    struct Variables<'a> {
        #[serde(flatten)]
        unreadable: UnreadableJson,
        tools: Vec<&'a str>,
        parameters: Vec<&'a str>,
        texts: bool,
    }
    let names = tools.iter().map(|tool| tool.name.as_str()).collect();
    let parameters = tools.iter().flat_map(|tool| parameters(&tool.parameters)).map(|parameter| parameter.name);
    let variables = Variables { unreadable, tools: names, parameters: parameters.collect(), texts: has_texts(tools) };
    prompts.render("llm/malformed_json.md", variables)
}

fn render(name: &str, arguments: &Map<String, Value>, tool: Option<&ToolSpec>, unnamed: bool, tags: bool) -> String {
    let known: Option<Vec<&str>> = tool.map(|tool| {
        let texts = parameters(&tool.parameters).into_iter().filter(|parameter| parameter.is_text);
        texts.map(|parameter| parameter.name).collect()
    });
    let is_tag = |name: &String, value: &Value| {
        let is_long = value.as_str().is_some_and(|text| text.contains('\n'));
        tags && is_long && known.as_ref().is_none_or(|known| known.contains(&name.as_str()))
    };
    let (outside, inside): (Map<String, Value>, Map<String, Value>) =
        arguments.clone().into_iter().partition(|(name, value)| is_tag(name, value));
    let object = plain(&Value::Object(inside.clone()));
    let object = if unnamed { object } else { wrapped(name, &object) };
    let object = Some(object).filter(|_| !unnamed || !inside.is_empty() || outside.is_empty());
    let tagged = outside.iter().map(|(name, value)| format!("<{name}>\n{}\n</{name}>", plain(value)));
    object.into_iter().chain(tagged).collect::<Vec<_>>().join("\n")
}

fn wrapped(name: &str, arguments: &str) -> String {
    format!("{{\"tool\": {}, \"arguments\": {arguments}}}", Value::from(name))
}

/// Returns whether a text is read as this very call.
fn reads_as(text: &str, tools: &[ToolSpec], name: &str, arguments: &Map<String, Value>) -> bool {
    let read = parse_json_call(text, tools, true).map(|read| read.calls);
    let is_same = |(called, given): &(String, String)| {
        called == name && serde_json::from_str::<Map<String, Value>>(given).is_ok_and(|given| given == *arguments)
    };
    read.is_ok_and(|calls| calls.len() == 1 && calls.iter().all(is_same))
}

fn describe(tools: &[ToolSpec], prompts: &Prompts) -> Result<String, PromptError> {
    #[derive(Serialize)]
    struct Variables<'a> {
        tools: Vec<Tool<'a>>,
        single: bool,
        texts: bool,
    }
    #[derive(Serialize)]
    struct Tool<'a> {
        name: &'a str,
        description: &'a str,
        schema: String,
    }
    let (single, texts) = (tools.len() == 1, has_texts(tools));
    let tools = tools.iter().map(|spec| Tool {
        name: &spec.name,
        description: spec.description.trim(),
        schema: format!("{:#}", spec.parameters),
    });
    prompts.render("llm/json_tools.md", Variables { tools: tools.collect(), single, texts })
}

fn has_texts(tools: &[ToolSpec]) -> bool {
    tools.iter().flat_map(|spec| parameters(&spec.parameters)).any(|parameter| parameter.is_text)
}
