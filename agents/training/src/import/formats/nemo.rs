//! NeMo Gym's rollouts: the request and the response of the responses interface, with the reward.

use serde_json::{Map, Value, json};

use crate::import::conversation::{Answer, Conversation, tools, usage};
use crate::import::foreign::{Foreign, take_flag, take_object, take_objects, take_text};
use agent_core::{Served, Spending};

/// Reads a row.
pub(crate) fn read(mut row: Map<String, Value>) -> Result<Foreign, String> {
    let mut asked = take_object(&mut row, "responses_create_params")?;
    let mut response = take_object(&mut row, "response")?;
    let text = |map: &Map<String, Value>, keys: &[&str]| {
        let value = keys.iter().try_fold(Value::Object(map.clone()), |value, key| value.get(*key).cloned());
        value.and_then(|value| value.as_str().map(str::to_owned))
    };
    let instance_id = text(&row, &["metadata", "instance_id"]).or_else(|| text(&asked, &["metadata", "instance_id"]));
    let model = text(&asked, &["model"]).or_else(|| text(&response, &["model"])).unwrap_or_default();
    let resolved = take_flag(&mut row, "resolved")?;
    let mut conversation = Conversation::default();
    let mut turn = Turn::default();
    for (map, key) in [(&mut asked, "input"), (&mut response, "output")] {
        for (index, item) in take_objects(map, key)?.into_iter().enumerate() {
            turn.take(item, &mut conversation).map_err(|err| format!("`{key}[{index}]`: {err}"))?;
        }
    }
    turn.answer(&mut conversation)?;
    let tools = match asked.get("tools") {
        Some(Value::Array(list)) => tools(list)?,
        _ => Vec::new(),
    };
    let whole = response.get("usage").filter(|counted| !counted.is_null());
    let spending = whole.map(|counted| Spending { usage: usage(counted), ..Spending::default() });
    let scaffold = text(&row, &["metadata", "agent_framework"]).unwrap_or_default();
    row.insert("responses_create_params".to_owned(), Value::Object(asked));
    row.insert("response".to_owned(), Value::Object(response));
    Ok(Foreign {
        format: "NeMo Gym",
        instance_id: instance_id.unwrap_or_default(),
        scaffold,
        model,
        records: conversation.into_records(),
        tools,
        resolved,
        spending,
        rest: row,
        ..Foreign::default()
    })
}

/// What the model said since the last message of another.
#[derive(Default)]
struct Turn {
    texts: Vec<String>,
    calls: Vec<Value>,
    reasoning: Vec<Value>,
    /// Further fields of the items.
    items: Vec<Value>,
}

impl Turn {
    fn take(&mut self, mut item: Map<String, Value>, conversation: &mut Conversation) -> Result<(), String> {
        item.retain(|_, value| !value.is_null());
        let kind = item.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
        let is_model = item.get("role").is_some_and(|role| role == "assistant");
        match kind.as_str() {
            "message" if is_model => {
                if !self.calls.is_empty() || !self.texts.is_empty() {
                    self.answer(conversation)?;
                }
                let said = crate::import::content::content(item.shift_remove("content"))?;
                self.texts.push(said.text);
                item.extend(said.parts.map(|parts| ("content".to_owned(), parts)));
                self.items.push(Value::Object(item));
            }
            "message" => {
                self.answer(conversation)?;
                item.shift_remove("type");
                conversation.say(item)?;
            }
            "reasoning" => {
                if !self.calls.is_empty() || !self.texts.is_empty() {
                    self.answer(conversation)?;
                }
                self.reasoning.push(Value::Object(item));
            }
            "function_call" => {
                let id = take_text(&mut item, "call_id")?.ok_or("has no `call_id`")?;
                let name = take_text(&mut item, "name")?.ok_or("has no `name`")?;
                let arguments = item.shift_remove("arguments");
                self.calls.push(json!({ "id": id, "function": { "name": name, "arguments": arguments } }));
                self.items.push(Value::Object(item));
            }
            "function_call_output" => {
                self.answer(conversation)?;
                let id = take_text(&mut item, "call_id")?.ok_or("has no `call_id`")?;
                item.shift_remove("type");
                let output = item.shift_remove("output").unwrap_or_default();
                item.insert("tool_call_id".to_owned(), id.into());
                item.insert("content".to_owned(), output);
                conversation.observe(item, 0.0)?;
            }
            other => return Err(format!("an item of the kind `{other}` is not known")),
        }
        Ok(())
    }

    /// Adds what was said as one answer.
    fn answer(&mut self, conversation: &mut Conversation) -> Result<(), String> {
        let Self { texts, calls, reasoning, items } = std::mem::take(self);
        if texts.is_empty() && calls.is_empty() && reasoning.is_empty() {
            return Ok(());
        }
        let mut message = Map::from_iter([("content".to_owned(), Value::String(texts.join("\n")))]);
        if !calls.is_empty() {
            message.insert("tool_calls".to_owned(), calls.into());
        }
        if !reasoning.is_empty() {
            message.insert("reasoning_details".to_owned(), reasoning.into());
        }
        let body = Map::from_iter([("items".to_owned(), Value::Array(items))]);
        conversation.answer(message, Answer { served: Some(Served { body, ..Served::default() }), ..Answer::default() })
    }
}
