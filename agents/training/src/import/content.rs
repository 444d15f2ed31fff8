//! The text of a message, which some write in parts.

use serde_json::{Map, Value, json};

use dataset::kind;

/// The text of a message, and what of its parts the text does not hold.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Content {
    /// The texts of the parts, with a line break between two.
    pub(crate) text: String,
    /// The parts, where there is more to them than one text: those of text with the number of characters in the place of
    /// the text, and all others as they are.
    pub(crate) parts: Option<Value>,
}

/// Reads the content of a message: a text, a list of parts, or nothing.
///
/// # Errors
/// When it is something else.
pub(crate) fn content(value: Option<Value>) -> Result<Content, String> {
    match value {
        None | Some(Value::Null) => Ok(Content::default()),
        Some(Value::String(text)) => Ok(Content { text, parts: None }),
        Some(Value::Array(parts)) => joined(parts),
        Some(other) => Err(format!("`content` is {}, neither text nor a list of parts", kind(&other))),
    }
}

fn joined(parts: Vec<Value>) -> Result<Content, String> {
    let (mut texts, mut kept) = (Vec::new(), Vec::new());
    for (index, part) in parts.into_iter().enumerate() {
        match part {
            Value::String(text) => {
                kept.push(json!({ "chars": text.chars().count() }));
                texts.push(text);
            }
            Value::Object(mut part) => match text_of(&mut part) {
                Some(text) => {
                    part.insert("chars".to_owned(), text.chars().count().into());
                    kept.push(Value::Object(part));
                    texts.push(text);
                }
                None => kept.push(Value::Object(part)),
            },
            other => return Err(format!("`content[{index}]` is {}, neither text nor an object", kind(&other))),
        }
    }
    let is_plain =
        kept.len() == texts.len() && kept.len() == 1 && kept[0].as_object().is_some_and(|part| part.len() <= 2);
    Ok(Content { text: texts.join("\n"), parts: (!is_plain).then_some(Value::Array(kept)) })
}

/// Takes the text out of a part of text.
fn text_of(part: &mut Map<String, Value>) -> Option<String> {
    let is_text = match part.get("type").and_then(Value::as_str) {
        Some(kind) => ["text", "input_text", "output_text"].contains(&kind),
        None => true,
    };
    match part.get("text") {
        Some(Value::String(_)) if is_text => match part.shift_remove("text") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the parts that a text was joined of; `None` where what was kept of them does not fit it.
pub(crate) fn rejoined(text: &str, kept: &Value) -> Option<Vec<Value>> {
    let mut rest = Some(text);
    let mut parts = Vec::new();
    for part in kept.as_array()? {
        let mut part = part.as_object()?.clone();
        let Some(chars) = part.shift_remove("chars") else {
            parts.push(Value::Object(part));
            continue;
        };
        let left = rest?;
        let chars = usize::try_from(chars.as_u64()?).ok()?;
        let end = left.char_indices().map(|(at, _)| at).chain([left.len()]).nth(chars)?;
        part.insert("text".to_owned(), left[..end].into());
        parts.push(Value::Object(part));
        // A line break stands between two texts, and none behind the last.
        rest = if end == left.len() { None } else { Some(left[end..].strip_prefix('\n')?) };
    }
    (rest.is_none() || text.is_empty()).then_some(parts)
}
