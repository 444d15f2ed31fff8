//! The body of a request, written from the conversation as it stands.

use agent_core::{Message, Request, Role, ToolCall, ToolSpec};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::server::request_body::{
    Style, fields, message, readable, request_body, says_something, system_word, text_of_calls,
};
use crate::{ModelConfig, SystemRole};

/// The body of a request: it is written as what [`request_body`] returns, of which no copy is made where the conversation
/// is sent as it stands.
pub(crate) struct Body<'a> {
    /// All fields in their order; the conversation and the tools stand in the request if `is_direct`.
    fields: Map<String, Value>,
    request: &'a Request,
    style: &'a Style,
    is_direct: bool,
}

impl<'a> Body<'a> {
    pub(crate) fn new(config: &ModelConfig, model: &str, request: &'a Request, style: &'a Style) -> Self {
        let is_own = |field: &str| config.extra.contains_key(field);
        let is_direct = style.system_role != SystemRole::User
            && !style.merge_roles
            && style.wanted_reasoning.is_none()
            && !is_own(MESSAGES)
            && !is_own(TOOLS);
        let fields = if is_direct {
            fields(config, model, style, (Value::Null, (!request.tools.is_empty()).then_some(Value::Null)))
        } else {
            request_body(config, model, request, style)
        };
        Self { fields, request, style, is_direct }
    }

    /// Returns a field other than the conversation and the tools.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }
}

const MESSAGES: &str = "messages";
const TOOLS: &str = "tools";

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.is_direct {
            return self.fields.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (key, value) in &self.fields {
            match key.as_str() {
                MESSAGES => {
                    map.serialize_entry(key, &Conversation { messages: &self.request.messages, style: self.style })?
                }
                TOOLS => map.serialize_entry(key, &self.request.tools.iter().map(Offered::new).collect::<Vec<_>>())?,
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

struct Conversation<'a> {
    messages: &'a [Message],
    style: &'a Style,
}

impl Serialize for Conversation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for said in self.messages.iter().filter(says_something) {
            if said.extras.is_some() {
                list.serialize_element(&message(said, self.style))?;
            } else {
                list.serialize_element(&Said::new(said, self.style))?;
            }
        }
        list.end()
    }
}

/// A message without anything of a server's own.
#[derive(Serialize)]
struct Said<'a> {
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

impl<'a> Said<'a> {
    fn new(message: &'a Message, style: &Style) -> Self {
        let (content, role) = (message.content.as_str(), message.role.word());
        let plain = Self { role, tool_call_id: None, content: Some(content), tool_calls: Vec::new() };
        match message.role {
            Role::System => Self { role: system_word(style), ..plain },
            Role::Tool => Self { tool_call_id: Some(message.tool_call_id.as_deref().unwrap_or_default()), ..plain },
            Role::Assistant if !message.tool_calls.is_empty() => {
                let tool_calls = message.tool_calls.iter().map(Call::new).collect();
                Self { content: text_of_calls(content, style), tool_calls, ..plain }
            }
            Role::User | Role::Assistant => plain,
        }
    }
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: std::borrow::Cow<'a, str>,
}

impl<'a> Call<'a> {
    fn new(call: &'a ToolCall) -> Self {
        let function = Function { name: &call.name, arguments: readable(&call.arguments) };
        Self { id: &call.id, r#type: "function", function }
    }
}

#[derive(Serialize)]
struct Offered<'a> {
    r#type: &'static str,
    function: &'a ToolSpec,
}

impl<'a> Offered<'a> {
    fn new(tool: &'a ToolSpec) -> Self {
        Self { r#type: "function", function: tool }
    }
}

#[cfg(test)]
mod tests {
    use agent_core::Extras;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_it_would_be_made() {
        let call =
            |arguments: &str| ToolCall { id: "1".to_owned(), name: "bash".to_owned(), arguments: arguments.to_owned() };
        let extras =
            Extras { message: [("reasoning".to_owned(), json!("so"))].into_iter().collect(), calls: Vec::new() };
        let messages = vec![
            Message::system("rules \"\u{1}\u{2028}"),
            Message::user("do"),
            Message::assistant(" ", vec![call("{\"command\": \"ls\"}"), call(""), call("[1]"), call("{")]),
            Message::tool(&call(""), "a\nb"),
            Message::assistant("  ", Vec::new()),
            Message::assistant("words", vec![call("{}")]).with_extras(extras),
            Message::assistant("done", Vec::new()),
            Message { tool_call_id: None, ..Message::tool(&call(""), "") },
        ];
        let tool =
            ToolSpec { name: "t".to_owned(), description: "d".to_owned(), parameters: json!({ "b": 1, "a": [] }) };
        let plain = ModelConfig { temperature: Some(0.5), seed: Some(7), ..ModelConfig::default() };
        let extra = |field: &str| ModelConfig {
            extra: [(field.to_owned(), json!("own"))].into_iter().collect(),
            ..plain.clone()
        };
        let style = Style::new(&plain, false);
        let styles = [
            style.clone(),
            Style { empty_content: true, system_role: SystemRole::Developer, ..style.clone() },
            Style { system_role: SystemRole::User, ..style.clone() },
            Style { merge_roles: true, ..style.clone() },
            Style { wanted_reasoning: Some("reasoning_content".to_owned()), ..style.clone() },
            Style { left_out: ["tools".to_owned(), "reasoning".to_owned()].into(), ..style },
        ];
        for config in [plain.clone(), extra("top_k"), extra("messages"), extra("tools"), extra("seed")] {
            for style in &styles {
                for tools in [vec![], vec![tool.clone(), tool.clone()]] {
                    let request = Request { messages: messages.clone(), tools };
                    let made = Value::Object(request_body(&config, "m", &request, style)).to_string();
                    let body = Body::new(&config, "m", &request, style);
                    assert_eq!(serde_json::to_string(&body).unwrap(), made);
                }
            }
        }
    }
}
