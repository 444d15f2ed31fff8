//! Rows as each target reads them.

use agent_core::Role;
use serde_json::{Map, Value, json};

use super::row::Row;
use super::{Arguments, CallForm, Settings, Target};
use crate::tokens::{Turn, function};

/// Returns a row as its target reads it.
pub(crate) fn columns(row: &Row, settings: &Settings) -> Value {
    match settings.target {
        Target::LlamaFactory => llama_factory(row),
        Target::Sharegpt => json!({ "conversations": conversations(&row.turns) }),
        Target::Torchtune => json!({ "messages": plain(&row.turns) }),
        Target::Trl | Target::Unsloth => with_tools(row, settings, |turn| chat(turn, settings), tools(row)),
        Target::Axolotl => with_tools(row, settings, |turn| marked(turn, "training", settings), tools(row)),
        Target::MsSwift => {
            let described = Value::String(tools(row).to_string());
            with_tools(row, settings, |turn| marked(turn, "loss", settings), described)
        }
        Target::Openai => with_tools(row, settings, |turn| weighted(turn, settings), tools(row)),
    }
}

fn tools(row: &Row) -> Value {
    row.tools.iter().map(function).collect()
}

fn chat(turn: &Turn, settings: &Settings) -> Map<String, Value> {
    turn.chat(settings.arguments == Arguments::Object)
}

fn with_tools(row: &Row, settings: &Settings, message: impl Fn(&Turn) -> Map<String, Value>, tools: Value) -> Value {
    let mut messages: Vec<Map<String, Value>> = row.turns.iter().map(message).collect();
    let mut columns = Map::new();
    if settings.is_split() {
        // The answer is the last message of its row.
        let completion = messages.split_off(messages.len().saturating_sub(1));
        columns.insert("prompt".to_owned(), json!(messages));
        columns.insert("completion".to_owned(), json!(completion));
    } else {
        columns.insert("messages".to_owned(), json!(messages));
    }
    if settings.calls == CallForm::Native {
        columns.insert("tools".to_owned(), tools);
    }
    Value::Object(columns)
}

fn marked(turn: &Turn, key: &str, settings: &Settings) -> Map<String, Value> {
    let mut chat = chat(turn, settings);
    if turn.message.role == Role::Assistant {
        chat.insert(key.to_owned(), json!(turn.trained));
    }
    chat
}

/// Answers that are not trained have a weight of 0, as fine-tuning by the interface of chat completions takes it.
fn weighted(turn: &Turn, settings: &Settings) -> Map<String, Value> {
    let mut chat = chat(turn, settings);
    chat.remove("name");
    if turn.message.role == Role::Assistant && !turn.trained {
        chat.insert("weight".to_owned(), json!(0));
    }
    chat
}

fn plain(turns: &[Turn]) -> Vec<Value> {
    turns.iter().map(|turn| json!({ "role": turn.message.role, "content": turn.message.content })).collect()
}

fn conversations(turns: &[Turn]) -> Vec<Value> {
    let from = |role: Role| match role {
        Role::System => "system",
        Role::User => "human",
        Role::Assistant => "gpt",
        Role::Tool => "observation",
    };
    turns.iter().map(|turn| json!({ "from": from(turn.message.role), "value": turn.message.content })).collect()
}

/// The system message has a column of its own; tools are described in it, so that the column for them stays empty.
fn llama_factory(row: &Row) -> Value {
    let is_system = |turn: &&Turn| turn.message.role == Role::System;
    let system = row.turns.first().filter(is_system).map(|turn| turn.message.content.as_str());
    let rest = &row.turns[usize::from(system.is_some())..];
    json!({ "conversations": conversations(rest), "system": system.unwrap_or_default(), "tools": "" })
}
