//! The JSON schema of a tool's arguments, in the plain form that every server takes.

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// Returns the schema of some arguments: an object with `properties` and `required`.
///
/// A `type` is one word, and no branch is `null`: that an argument may be left out is said by `required` alone. Chat
/// templates of several servers read no more than that.
pub(crate) fn schema_of<Args: JsonSchema>() -> Value {
    let settings = schemars::generate::SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Args>().to_value();
    if let Some(map) = schema.as_object_mut() {
        for key in ["$schema", "title", "description"] {
            map.remove(key);
        }
        map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    plain(&mut schema);
    schema
}

/// Makes a schema and all below it plain.
fn plain(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    for key in ["properties", "definitions", "$defs"] {
        map.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten().for_each(|(_, below)| plain(below));
    }
    for key in ["items", "additionalProperties"] {
        map.get_mut(key).into_iter().for_each(plain);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        without_branches(map, key);
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            map.insert("type".to_owned(), one);
        }
    }
    if let Some(values) = map.get_mut("enum").and_then(Value::as_array_mut) {
        values.retain(|value| !value.is_null());
    }
    map.retain(|key, value| !(key == "default" && value.is_null()) && key != "nullable");
    // Widths of Rust's numbers, such as `uint64`, which are not formats of JSON Schema.
    if map.get("format").and_then(Value::as_str).is_some_and(|format| format.contains("int")) {
        map.remove("format");
    }
}

/// Takes `null` out of the branches of a schema, and puts a single one that is left in its place.
fn without_branches(map: &mut Map<String, Value>, key: &str) {
    let Some(branches) = map.get_mut(key).and_then(Value::as_array_mut) else { return };
    branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
    branches.iter_mut().for_each(plain);
    let is_word = |branch: &Value| branch.get("const").is_some() || branch.get("enum").is_some();
    if !branches.is_empty() && branches.iter().all(is_word) && branches.len() > 1 {
        let words = branches.iter().flat_map(words).collect::<Vec<_>>();
        map.remove(key);
        map.insert("type".to_owned(), Value::from("string"));
        map.insert("enum".to_owned(), Value::Array(words));
    } else if let [Value::Object(one)] = branches.as_slice() {
        let one = one.clone();
        map.remove(key);
        for (name, value) in one {
            map.entry(name).or_insert(value);
        }
    }
}

/// Returns the values that a branch allows.
fn words(branch: &Value) -> Vec<Value> {
    let listed = branch.get("enum").and_then(Value::as_array).cloned().unwrap_or_default();
    listed.into_iter().chain(branch.get("const").cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn optional_means_not_required_and_types_are_words() {
        let mut schema = json!({
            "type": "object",
            "properties": {
                "a": { "type": ["string", "null"], "default": null },
                "b": { "anyOf": [{ "type": "array", "items": { "type": "integer", "format": "uint64" } }, { "type": "null" }] },
                "c": { "description": "d", "anyOf": [{ "type": "string", "enum": ["x", "y"] }, { "type": "null" }] },
                "e": { "oneOf": [{ "type": "string", "const": "x" }, { "type": "string", "const": "y" }] },
                "f": { "type": ["string", "null"], "enum": ["x", null] },
                "g": { "type": "array", "items": { "type": "object", "properties": { "h": { "type": ["integer", "null"] } } } }
            },
            "required": ["a"]
        });
        plain(&mut schema);
        assert_eq!(
            schema["properties"],
            json!({
                "a": { "type": "string" },
                "b": { "type": "array", "items": { "type": "integer" } },
                "c": { "description": "d", "type": "string", "enum": ["x", "y"] },
                "e": { "type": "string", "enum": ["x", "y"] },
                "f": { "type": "string", "enum": ["x"] },
                "g": { "type": "array", "items": { "type": "object", "properties": { "h": { "type": "integer" } } } }
            })
        );
    }
}
