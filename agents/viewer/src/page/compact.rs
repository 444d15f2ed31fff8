//! Records with what they say twice said once.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Numbers up to this are the same in a browser.
const EXACT: i64 = 1 << 53;

/// Returns the lines of a record in which calls and results are not repeated, which `data/record.js` undoes word for word:
///
/// - arguments that are JSON text stand as JSON, where a browser writes them as that text again;
/// - the call of a result that is the call of an answer is its id;
/// - the text of a result that another program's `extra.output` holds too is `{"output": null}`, or its key there.
///
/// Other lines stay as they are, also those that cannot be read.
pub(super) fn compact(record: &[u8]) -> Vec<u8> {
    let mut calls: HashMap<String, Value> = HashMap::new();
    let mut compacted = Vec::with_capacity(record.len());
    for line in record.split_inclusive(|byte| *byte == b'\n') {
        let (body, end) = line.strip_suffix(b"\n").map_or((line, false), |body| (body, true));
        match shorter(body, &mut calls) {
            Some(shorter) => compacted.extend_from_slice(&shorter),
            None => compacted.extend_from_slice(body),
        }
        if end {
            compacted.push(b'\n');
        }
    }
    compacted
}

/// Returns a line in fewer words; `None` where it has none to spare.
fn shorter(line: &[u8], calls: &mut HashMap<String, Value>) -> Option<Vec<u8>> {
    let is = |kind: &str| line.starts_with(format!("{{\"type\":\"{kind}\"").as_bytes());
    if !is("completion") && !is("observation") {
        return None;
    }
    let mut record: Value = serde_json::from_slice(line).ok()?;
    // Only what would be written as it stands may be written otherwise.
    if serde_json::to_vec(&record).ok()? != line {
        return None;
    }
    let changed = if is("completion") { answer(&mut record, calls) } else { result(&mut record, calls) };
    changed.then(|| serde_json::to_vec(&record).ok()).flatten()
}

fn answer(record: &mut Value, calls: &mut HashMap<String, Value>) -> bool {
    let mut changed = false;
    let made = record.pointer_mut("/completion/message/tool_calls").and_then(Value::as_array_mut);
    for call in made.into_iter().flatten() {
        if let Some(id) = call["id"].as_str() {
            calls.insert(id.to_owned(), call.clone());
        }
        let arguments = call["arguments"]
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok().map(|value| (value, text)));
        if let Some((value, text)) = arguments
            && value.is_object()
            && is_exact(&value)
            && written_as(&value, text)
        {
            call["arguments"] = value;
            changed = true;
        }
    }
    changed
}

/// Returns whether JSON is written as this text, byte by byte.
fn written_as(value: &Value, text: &str) -> bool {
    let written = value.to_string();
    written == text
}

fn result(record: &mut Value, calls: &HashMap<String, Value>) -> bool {
    let mut changed = false;
    let id = record["call"]["id"].as_str().unwrap_or_default().to_owned();
    if calls.get(&id) == Some(&record["call"]) {
        record["call"] = json!(id);
        changed = true;
    }
    let text = record.pointer("/observation/text").and_then(Value::as_str).filter(|text| text.len() > 20);
    let held = record.pointer("/extra/output");
    let place = text.zip(held).and_then(|(text, output)| match output {
        Value::String(output) if output == text => Some(Value::Null),
        Value::Object(fields) => {
            let key = fields.iter().find(|(_, value)| value.as_str() == Some(text)).map(|(key, _)| json!(key));
            key.or_else(|| (is_exact(output) && written_as(output, text)).then_some(Value::Null))
        }
        _ => None,
    });
    if let Some(place) = place {
        record["observation"]["text"] = json!({ "output": place });
        changed = true;
    }
    changed
}

/// Returns whether a browser that reads a value writes it in the same words.
fn is_exact(value: &Value) -> bool {
    let is_number = |key: &str| key.bytes().all(|byte| byte.is_ascii_digit()) || key == "__proto__";
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|number| number.abs() < EXACT),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(fields) => fields.iter().all(|(key, value)| !is_number(key) && is_exact(value)),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &[&str]) {
        let compacted = String::from_utf8(compact(lines.join("\n").as_bytes())).unwrap();
        assert_eq!(compacted.split('\n').collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_said_twice_is_said_once() {
        let answer = r#"{"type":"completion","completion":{"message":{"tool_calls":[{"id":"1","name":"bash","arguments":"{\"a\":\"b\",\"n\":1}"}]}}}"#;
        let result = r#"{"type":"observation","call":{"id":"1","name":"bash","arguments":"{\"a\":\"b\",\"n\":1}"},"observation":{"text":"the text of the result"},"extra":{"output":{"message":"the text of the result"}}}"#;
        check(
            &[answer, result],
            &[
                r#"{"type":"completion","completion":{"message":{"tool_calls":[{"id":"1","name":"bash","arguments":{"a":"b","n":1}}]}}}"#,
                r#"{"type":"observation","call":"1","observation":{"text":{"output":"message"}},"extra":{"output":{"message":"the text of the result"}}}"#,
            ],
        );
    }

    #[test]
    fn what_a_browser_would_write_otherwise_stays() {
        let answer = |arguments: &str| {
            let arguments = serde_json::to_string(arguments).unwrap();
            format!(
                "{{\"type\":\"completion\",\"completion\":{{\"message\":{{\"tool_calls\":[{{\"arguments\":{arguments}}}]}}}}}}"
            )
        };
        for arguments in
            ["{\"a\": 1}", "{\"a\":1.0}", "{\"1\":0}", "{\"a\":12345678901234567890}", "[1]", "no", "{\"a\":1,\"a\":1}"]
        {
            check(&[&answer(arguments)], &[&answer(arguments)]);
        }
        check(&["nonsense", "", "{\"type\":\"completion\""], &["nonsense", "", "{\"type\":\"completion\""]);
    }
}
