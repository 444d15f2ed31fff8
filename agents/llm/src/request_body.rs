//! A request as the chat completions interface wants it.

use agent_core::{Message, Request, Role, ToolCall, ToolSpec};
use serde_json::{Map, Value, json};

use crate::ModelConfig;

/// Returns the body of a request. `ours` says that the server is OpenAI's own, which knows only the newer name of the
/// limit on the output.
pub(crate) fn request_body(config: &ModelConfig, model: &str, request: &Request, ours: bool) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    put("model", Some(json!(model)));
    put("messages", Some(request.messages.iter().map(message).collect()));
    put("tools", (!request.tools.is_empty()).then(|| request.tools.iter().map(tool).collect()));
    put("temperature", config.temperature.map(Value::from));
    put("top_p", config.top_p.map(Value::from));
    let limit = if ours { "max_completion_tokens" } else { "max_tokens" };
    put(limit, config.max_output_tokens.map(Value::from));
    put("seed", config.seed.map(Value::from));
    put("stop", (!config.stop.is_empty()).then(|| json!(config.stop)));
    put("stream", Some(Value::Bool(config.stream)));
    put("stream_options", config.stream.then(|| json!({ "include_usage": true })));
    body.extend(config.extra.clone());
    Value::Object(body)
}

fn message(message: &Message) -> Value {
    match message.role {
        Role::System => json!({ "role": "system", "content": message.content }),
        Role::User => json!({ "role": "user", "content": message.content }),
        Role::Tool => json!({
            "role": "tool",
            "tool_call_id": message.tool_call_id.as_deref().unwrap_or_default(),
            "content": message.content,
        }),
        Role::Assistant if message.tool_calls.is_empty() => json!({ "role": "assistant", "content": message.content }),
        Role::Assistant => {
            let content = (!message.content.is_empty()).then_some(&message.content);
            let calls: Vec<Value> = message.tool_calls.iter().map(call).collect();
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
    }
}

fn call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": readable(&call.arguments) },
    })
}

/// Returns arguments that every server can read back. Several parse those of earlier calls and refuse the whole request
/// when a model once wrote something else than a JSON object.
fn readable(arguments: &str) -> String {
    match serde_json::from_str::<Map<String, Value>>(arguments) {
        Ok(_) => arguments.to_owned(),
        Err(_) if arguments.trim().is_empty() => "{}".to_owned(),
        Err(_) => json!({ "malformed_arguments": arguments }).to_string(),
    }
}

fn tool(tool: &ToolSpec) -> Value {
    json!({
        "type": "function",
        "function": { "name": tool.name, "description": tool.description, "parameters": tool.parameters },
    })
}
