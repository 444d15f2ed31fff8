//! Corrects the types of arguments that a model sent in another form.

use serde_json::{Map, Value};

/// Returns `arguments` with texts turned into the integers, numbers, booleans, arrays and objects that `schema` asks
/// for, whole numbers such as `1.0` into integers, and without what is null and need not be there.
///
/// Models without native tool calls send every value as text, and some with them do so now and then. A text that does
/// not parse is left as it is, so that the error names it.
pub(crate) fn coerce(schema: &Value, mut arguments: Map<String, Value>) -> Map<String, Value> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return arguments };
    let required = |name: &str| {
        let names = schema.get("required").and_then(Value::as_array);
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    for (name, property) in properties {
        let Some(value) = arguments.get_mut(name) else { continue };
        let is_empty =
            value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty() && !is_text(property));
        if is_empty && !required(name) {
            // `shift_remove` keeps the order of the others.
            arguments.shift_remove(name);
            continue;
        }
        correct(property, value);
    }
    arguments
}

/// Turns a value into what a schema asks for, where it can be.
fn correct(schema: &Value, value: &mut Value) {
    if let Value::String(text) = value
        && !is_text(schema)
        && let Ok(parsed) = serde_json::from_str::<Value>(text.trim())
        && fits(schema, &parsed)
    {
        *value = parsed;
    }
    if types(schema).contains(&"integer")
        && let Some(integer) = whole(value)
    {
        *value = integer;
    }
    if let (Value::Array(items), Some(schema)) = (&mut *value, item_schema(schema)) {
        items.iter_mut().for_each(|item| correct(schema, item));
    }
}

fn is_text(schema: &Value) -> bool {
    types(schema).contains(&"string")
}

fn fits(schema: &Value, value: &Value) -> bool {
    let wanted = types(schema);
    wanted.contains(&type_of(value)) || (wanted.contains(&"integer") && whole(value).is_some())
}

/// Returns the integer that a number such as `1.0` is.
fn whole(value: &Value) -> Option<Value> {
    let number = value.as_f64().filter(|_| !value.is_i64() && !value.is_u64())?;
    // Beyond 2^53 not every integer is a number of this kind.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then(|| Value::from(number as i64))
}

fn item_schema(schema: &Value) -> Option<&Value> {
    let branches = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    schema.get("items").or_else(|| branches?.iter().find_map(|branch| branch.get("items")))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_what_the_schema_asks_for() {
        let schema = json!({
            "properties": {
                "line": { "type": "integer" },
                "range": { "type": "array", "items": { "type": "integer" } },
                "text": { "type": "string" },
                "share": { "type": "number" },
            },
            "required": ["text", "line"],
        });
        for (given, expected) in [
            (json!({ "line": 1.0, "range": [1.0, -2.0] }), json!({ "line": 1, "range": [1, -2] })),
            (json!({ "line": "1.0", "range": "[1, \"2\"]" }), json!({ "line": 1, "range": [1, 2] })),
            (json!({ "line": "3" }), json!({ "line": 3 })),
            (json!({ "line": 1.5, "share": 1.0 }), json!({ "line": 1.5, "share": 1.0 })),
            (json!({ "line": "x", "share": "0.5" }), json!({ "line": "x", "share": 0.5 })),
            (json!({ "range": null, "share": "" }), json!({})),
            (json!({ "line": null, "text": "1" }), json!({ "line": null, "text": "1" })),
            (json!({ "line": 1e300 }), json!({ "line": 1e300 })),
        ] {
            let found = coerce(&schema, given.as_object().cloned().unwrap_or_default());
            assert_eq!(Value::Object(found), expected, "{given}");
        }
    }
}
