//! The arguments of every tool, as a server reads them.

use agent_core::Agent;
use serde_json::Value;
use tool_core::Toolbox;

/// Collects where a schema says what some servers cannot read.
fn odd(schema: &Value, place: &str, found: &mut Vec<String>) {
    if let Some(map) = schema.as_object() {
        let is_property = !place.ends_with("/properties");
        for key in ["anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions", "nullable", "format"] {
            if is_property && map.contains_key(key) {
                found.push(format!("{place}/{key}"));
            }
        }
        if is_property && map.get("type").is_some_and(|name| !name.is_string() || name == "null") {
            found.push(format!("{place}/type"));
        }
    }
    match schema {
        Value::Object(map) => map.iter().for_each(|(key, below)| odd(below, &format!("{place}/{key}"), found)),
        Value::Array(list) => list.iter().for_each(|below| odd(below, place, found)),
        Value::Null => found.push(format!("{place} is null")),
        _ => {}
    }
}

fn check<A: Agent>(config: A::Config) {
    let toolbox: Toolbox = A::new(config).tools();
    assert!(toolbox.signatures().count() > 0);
    for signature in toolbox.signatures() {
        let mut found = Vec::new();
        odd(&signature.parameters, &signature.wire_name, &mut found);
        assert!(found.is_empty(), "{}: {found:?}", A::NAME);
    }
}

#[test]
fn every_tool_has_a_schema_of_plain_types() {
    let names = ["search_code", "find_symbol", "view_code", "list_files"];
    let search_tools: Value = names.into();
    let config = serde_json::json!({ "search_tools": search_tools, "think": true });
    check::<codeact::CodeAct>(serde_json::from_value(config).unwrap());
    check::<bashonly::BashOnly>(Default::default());
    for flow in ["states", "actions"] {
        let config = serde_json::json!({ "flow": flow, "run_tests": true, "create_files": true });
        check::<moatless::Moatless>(serde_json::from_value(config).unwrap());
    }
}
