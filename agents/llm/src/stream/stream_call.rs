//! One call out of the fragments of a stream.

use serde_json::{Map, Value, json};

use crate::stream::assembly::grow;

/// The fragments of one call so far.
#[derive(Debug, Default)]
pub(crate) struct StreamCall {
    pub(crate) index: Option<u64>,
    pub(crate) id: String,
    pub(crate) name: String,
    arguments: String,
    /// Further fields of the call.
    fields: Map<String, Value>,
    /// Further fields of its `function`.
    function: Map<String, Value>,
}

/// One fragment of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fragment<'a> {
    whole: &'a Value,
    pub(crate) index: Option<u64>,
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) arguments: Option<&'a Value>,
}

impl<'a> Fragment<'a> {
    pub(crate) fn of(whole: &'a Value) -> Self {
        // Some servers leave `function` out, and its fields stand in the fragment.
        let function = whole.get("function").filter(|function| function.is_object()).unwrap_or(whole);
        let text = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
        let arguments = function.get("arguments").filter(|arguments| !arguments.is_null());
        let index = whole.get("index").and_then(number);
        Self { whole, index, id: text(whole, "id"), name: text(function, "name"), arguments }
    }

    /// Returns whether it brings some of the arguments.
    pub(crate) fn has_arguments(&self) -> bool {
        self.arguments.is_some_and(|arguments| arguments.as_str().is_none_or(|text| !text.trim().is_empty()))
    }
}

impl StreamCall {
    pub(crate) fn new(index: Option<u64>) -> Self {
        Self { index, ..Self::default() }
    }

    /// Returns whether the arguments are whole, so that nothing can follow.
    pub(crate) fn is_whole(&self) -> bool {
        serde_json::from_str::<Map<String, Value>>(&self.arguments).is_ok()
    }

    pub(crate) fn add(&mut self, fragment: &Fragment<'_>) {
        if self.id.is_empty() {
            self.id.push_str(fragment.id);
        }
        // Some servers repeat the name with every fragment.
        if self.name != fragment.name {
            self.name.push_str(fragment.name);
        }
        match fragment.arguments {
            // Some servers say the whole call once more.
            Some(Value::String(arguments)) if *arguments == self.arguments && self.is_whole() => {}
            Some(Value::String(arguments)) => self.arguments.push_str(arguments),
            Some(arguments) => self.arguments.push_str(&arguments.to_string()),
            None => {}
        }
        let further = |value: &Value, known: &[&str], fields: &mut Map<String, Value>| {
            for (key, value) in value.as_object().into_iter().flatten() {
                // What is repeated with every fragment is one value.
                if !known.contains(&key.as_str()) && fields.get(key) != Some(value) {
                    grow(fields, key, value);
                }
            }
        };
        further(fragment.whole, &["index", "id", "type", "function", "name", "arguments"], &mut self.fields);
        if let Some(function) = fragment.whole.get("function") {
            further(function, &["name", "arguments"], &mut self.function);
        }
    }

    /// Returns the call as if it had come in one piece.
    pub(crate) fn into_body(self) -> Value {
        let mut function = self.function;
        function.insert("name".to_owned(), json!(self.name));
        function.insert("arguments".to_owned(), json!(without_placeholder(&self.arguments)));
        let mut call = self.fields;
        call.insert("id".to_owned(), json!(self.id));
        call.insert("type".to_owned(), json!("function"));
        call.insert("function".to_owned(), Value::Object(function));
        Value::Object(call)
    }
}

/// Returns the arguments without the empty object that some servers send before the real one.
fn without_placeholder(arguments: &str) -> &str {
    match arguments.trim_start().strip_prefix("{}").map(str::trim_start) {
        Some(rest) if rest.starts_with('{') => rest,
        _ => arguments,
    }
}
