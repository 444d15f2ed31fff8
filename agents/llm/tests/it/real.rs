//! Real conversations, which lie outside the project.

use std::path::PathBuf;

use agent_core::{ToolCall, ToolSpec};
use llm::{parse_calls, parse_json_call, render_call, render_json_call};
use serde_json::{Map, Value, json};

/// Returns the rows of a file of trajectories.
fn rows(name: &str) -> Vec<Value> {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join("trajectories").join(name);
    let file = std::fs::File::open(&path)
        .unwrap_or_else(|err| panic!("needs SPOTTER_DATA: no real data at `{}`: {err}", path.display()));
    let text = String::from_utf8(zstd::decode_all(file).unwrap()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn every_real_call_survives_in_text_and_in_json() {
    let mut calls = 0;
    for row in rows("openhands_claude35_verified50.jsonl.zst") {
        let messages = row["messages"].as_array().unwrap();
        let listed = |message: &Value| message["tool_calls"].as_array().cloned().unwrap_or_default();
        for call in messages.iter().flat_map(listed) {
            let function = &call["function"];
            let text = |key: &str| function[key].as_str().unwrap().to_owned();
            let call = ToolCall { id: "id".to_owned(), name: text("name"), arguments: text("arguments") };
            let read = parse_calls(&format!("So.\n\n{}", render_call(&call)), true).unwrap();
            let (given, back) = (object(&call.arguments), object(&read.calls[0].1));
            assert_eq!((read.words.as_str(), read.calls.len()), ("So.", 1), "{}", call.arguments);
            assert_eq!(given.keys().collect::<Vec<_>>(), back.keys().collect::<Vec<_>>());
            for (name, value) in &given {
                let same =
                    value == &back[name] || back[name].as_str().unwrap().parse::<Value>().ok().as_ref() == Some(value);
                assert!(same, "{name}: {value} became {}", back[name]);
            }
            survives_in_json(&call, &given);
            calls += 1;
        }
    }
    println!("{calls} calls of real conversations");
}

fn survives_in_json(call: &ToolCall, arguments: &Map<String, Value>) {
    let kind = |value: &Value| if value.is_string() { json!({ "type": "string" }) } else { json!({ "type": "array" }) };
    let properties: Map<String, Value> = arguments.iter().map(|(name, value)| (name.clone(), kind(value))).collect();
    let spec = |name: &str| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({ "type": "object", "properties": properties }),
    };
    for tools in [vec![spec(&call.name)], vec![spec(&call.name), spec("other")]] {
        let text = format!("So.\n\n{}", render_json_call(call, &tools));
        let read = parse_json_call(&text, &tools, true).unwrap();
        assert_eq!((read.words.as_str(), read.calls.len()), ("So.", 1), "{text}");
        assert_eq!((&read.calls[0].0, &object(&read.calls[0].1)), (&call.name, arguments), "{text}");
        let has_lines = |value: &Value| value.as_str().is_some_and(|value| value.contains('\n'));
        assert_eq!(text.contains("\n</"), arguments.values().any(has_lines), "{text}");
    }
}

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}
