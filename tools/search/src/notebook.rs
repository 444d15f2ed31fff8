//! The code of Jupyter notebooks.

use std::borrow::Cow;

use serde_json::Value;

/// Returns the text of a file as it is indexed: of a notebook the code of its cells, each line where the file has it, and
/// all other lines empty; of any other file the text itself.
///
/// A notebook is JSON, which its programs write with a line for each line of code. Where it is written otherwise, its
/// code is not taken apart.
pub(crate) fn code<'a>(path: &str, text: &'a str) -> Cow<'a, str> {
    if !path.ends_with(".ipynb") {
        return Cow::Borrowed(text);
    }
    let is_notebook = serde_json::from_str::<Value>(text).is_ok_and(|whole| whole.get("cells").is_some());
    if !is_notebook {
        return Cow::Borrowed(text);
    }
    let mut code = String::with_capacity(text.len() / 2);
    let (mut in_code, mut in_source) = (false, false);
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(kind) = trimmed.strip_prefix("\"cell_type\":") {
            in_code = kind.contains("\"code\"");
        } else if trimmed.starts_with("\"source\": [") {
            in_source = !trimmed.ends_with("],") && !trimmed.ends_with(']');
        } else if in_source && trimmed.starts_with(']') {
            in_source = false;
        } else if in_source && in_code {
            let decoded = serde_json::from_str::<String>(trimmed.trim_end_matches(',')).unwrap_or_default();
            // Commands of the notebook's own are no Python.
            let is_magic = decoded.trim_start().starts_with(['%', '!']);
            code.push_str(if is_magic { "" } else { decoded.lines().next().unwrap_or_default() });
        }
        code.push('\n');
    }
    Cow::Owned(code)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn code_stands_on_the_lines_of_the_file() {
        let text = "{\n \"cells\": [\n  {\n   \"cell_type\": \"markdown\",\n   \"source\": [\n    \"def no():\\n\"\n   ]\n  },\n  {\n   \"cell_type\": \"code\",\n   \"source\": [\n    \"%matplotlib inline\\n\",\n    \"def f(x):\\n\",\n    \"    return \\\"x\\\"\"\n   ]\n  }\n ]\n}\n";
        let found = code("a.ipynb", text);
        let lines: Vec<(usize, &str)> = found.lines().enumerate().filter(|(_, line)| !line.is_empty()).collect();
        assert_eq!(lines, [(12, "def f(x):"), (13, "    return \"x\"")]);
        assert_eq!(found.lines().count(), text.lines().count());
        assert_eq!(code("a.py", "x"), "x");
        assert_eq!(code("a.ipynb", "{}"), "{}");
    }
}
