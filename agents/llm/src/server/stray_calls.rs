//! Tool calls that a model writes as text and the server does not parse.

use agent_core::{Completion, Request};
use serde_json::Value;

/// What is around a call in the text of models, by training, with the setting that reads such calls.
const MARKS: [(&str, &str); 18] = [
    ("<function=", "text"),
    ("<function_calls>", "text"),
    ("<invoke name=", "text"),
    ("<tool_call>", "json"),
    ("<tool_calls>", "json"),
    ("<|tool_call|>", "json"),
    ("<|tool_call>", "json"),
    ("<|tool_call_begin|>", "json"),
    ("<|tool_calls_section_begin|>", "json"),
    ("<｜tool▁calls▁begin｜>", "json"),
    ("<｜tool▁call▁begin｜>", "json"),
    ("<｜dsml｜", "text"),
    ("<minimax:tool_call>", "text"),
    ("[tool_calls]", "json"),
    ("[tool_call]", "json"),
    ("<|python_tag|>", "json"),
    ("```tool_code", "text"),
    ("to=functions.", "json"),
];

/// Keys under which models write a tool's name.
const NAMES: [&str; 7] = ["name", "tool", "tool_name", "function", "function_name", "action", "recipient_name"];

/// Returns what the user is told of an answer that calls a tool in words alone; `None` where it does not.
pub(crate) fn told(completion: &Completion, request: &Request) -> Option<String> {
    if request.tools.is_empty() || !completion.message.tool_calls.is_empty() {
        return None;
    }
    let served = completion.served.as_deref()?;
    let text = completion.message.content.as_str();
    let mut setting = setting(text, request);
    // A server may take the call for a part of the thoughts.
    if setting.is_none() && text.trim().is_empty() {
        let thoughts = ["reasoning_content", "reasoning"].iter().find_map(|key| served.message.get(*key)?.as_str());
        setting = thoughts.and_then(|thoughts| self::setting(thoughts, request));
    }
    if let Some(setting) = setting {
        return Some(format!(
            "the model wrote a tool call as text, which the server did not parse, so it was not run\n\
             hint: let the server parse the calls (vLLM: `--enable-auto-tool-choice --tool-call-parser …`), or set \
             `model.tool_calls={setting}`"
        ));
    }
    let says_calls = matches!(served.finish_reason.as_deref(), Some("tool_calls" | "tool_use" | "function_call"));
    says_calls.then(|| {
        "the model's server says that an answer calls tools, but sent no call\n\
         hint: its parser of calls may not fit the model; `model.tool_calls=text` does without one"
            .to_owned()
    })
}

/// Returns the setting that reads the calls of a text.
fn setting(text: &str, request: &Request) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let marked = MARKS.iter().find(|(mark, _)| lower.contains(mark)).map(|(_, setting)| *setting);
    marked.or_else(|| objects(text).any(|object| names_tool(&object, request)).then_some("json"))
}

/// Returns the JSON objects and lists that begin on a line of a text.
fn objects(text: &str) -> impl Iterator<Item = Value> {
    let starts = text.match_indices(['{', '[']).map(|(at, _)| at);
    let on_line = starts.filter(|at| text[..*at].rsplit('\n').next().is_some_and(|before| before.trim().is_empty()));
    on_line.filter_map(|at| serde_json::Deserializer::from_str(&text[at..]).into_iter().next()?.ok())
}

fn names_tool(value: &Value, request: &Request) -> bool {
    let is_tool = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    match value {
        Value::Array(list) => list.iter().any(|item| names_tool(item, request)),
        Value::Object(fields) => {
            let named = |key: &&str| match fields.get(*key) {
                Some(Value::String(name)) => is_tool(name.strip_prefix("functions.").unwrap_or(name)),
                Some(inner) => names_tool(inner, request),
                None => false,
            };
            let called = fields.get("tool_calls").is_some_and(|calls| names_tool(calls, request));
            // `{"bash": {"command": …}}`
            let keyed = fields.len() == 1 && fields.iter().all(|(key, value)| is_tool(key) && value.is_object());
            called || keyed || NAMES.iter().any(named)
        }
        _ => false,
    }
}
