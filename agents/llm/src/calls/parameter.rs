//! The parameters of a tool, out of its JSON schema.

use serde::Serialize;
use serde_json::Value;

use crate::calls::text_tools::plain;

/// A parameter as it is described to a model.
#[derive(Debug, Serialize)]
pub(crate) struct Parameter<'a> {
    pub(crate) name: &'a str,
    r#type: String,
    pub(crate) required: bool,
    description: &'a str,
    allowed: Vec<String>,
    /// Whether its value may be a text.
    #[serde(skip)]
    pub(crate) is_text: bool,
}

/// Returns the parameters that a schema names, in its order.
pub(crate) fn parameters(schema: &Value) -> Vec<Parameter<'_>> {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties
        .map(|(name, property)| Parameter {
            name,
            r#type: type_of(property),
            required: required.contains(&name.as_str()),
            description: property.get("description").and_then(Value::as_str).unwrap_or_default(),
            allowed: allowed(property),
            is_text: is_text(property),
        })
        .collect()
}

/// Returns the type of a property without `null`, which only says that it may be left out.
fn type_of(property: &Value) -> String {
    let items = || property.get("items").map(type_of).map(|items| format!(" of {items}")).unwrap_or_default();
    let one = |name: &str| if name == "array" { format!("array{}", items()) } else { name.to_owned() };
    let types: Vec<String> = match property.get("type") {
        Some(Value::String(name)) => vec![one(name)],
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").map(one).collect()
        }
        _ => branches(property).map(type_of).filter(|name| name != "null").collect(),
    };
    if types.is_empty() { "string".to_owned() } else { types.join(" or ") }
}

/// Returns whether a property may be a text; one that says nothing of its type is taken for one, as in [`type_of`].
fn is_text(property: &Value) -> bool {
    match property.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => branches(property).next().is_none() || branches(property).any(is_text),
    }
}

/// Returns the values that a property may have, where they are listed.
fn allowed(property: &Value) -> Vec<String> {
    let listed = property.get("enum").and_then(Value::as_array).into_iter().flatten();
    let own = listed.chain(property.get("const")).filter(|value| !value.is_null()).map(plain);
    own.chain(branches(property).flat_map(allowed)).collect()
}

fn branches(property: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|key| property.get(key)?.as_array()).flatten()
}
