//! Mends the types of arguments that a model sent as text.

use serde_json::{Map, Value};

/// Returns `arguments` with texts turned into the integers, numbers, booleans and arrays that `schema` asks for.
///
/// Models without native tool calls send every value as text, and some with them do so now and then. A text that does
/// not parse is left as it is, so that the error names it.
pub(crate) fn coerce(schema: &Value, mut arguments: Map<String, Value>) -> Map<String, Value> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return arguments };
    for (name, property) in properties {
        let Some(Value::String(text)) = arguments.get(name) else { continue };
        let wanted = types(property);
        if wanted.contains(&"string") {
            continue;
        }
        let text = text.trim();
        if text.is_empty() && wanted.contains(&"null") {
            arguments.insert(name.clone(), Value::Null);
        } else if let Ok(value) = serde_json::from_str::<Value>(text)
            && wanted.contains(&type_of(&value))
        {
            arguments.insert(name.clone(), value);
        }
    }
    arguments
}

/// Returns the JSON types that a property may have.
fn types(property: &Value) -> Vec<&str> {
    if property.get("enum").is_some() {
        return vec!["string"];
    }
    match property.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => {
            let branches = property.get("anyOf").or_else(|| property.get("oneOf")).and_then(Value::as_array);
            branches.map(|branches| branches.iter().flat_map(types).collect()).unwrap_or_else(|| vec!["string"])
        }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
