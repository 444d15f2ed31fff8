//! The code of Jupyter notebooks.
//!
//! A notebook is JSON. What is indexed of it is a text with as many lines as the file, each of which has the code that
//! is on that line of the file. Where several lines of code do, because a cell is one string or the whole notebook one
//! line, [`BREAK`] is between them. [`CELL`] begins such a text and ends each cell. Both count as blanks.

use std::borrow::Cow;

use serde_json::Value;

use crate::cut::json;

/// Begins the code of a notebook, which no JSON does, and ends each cell.
pub(crate) const CELL: char = '\u{c}';
/// Is between lines of code that are on one line of the file.
pub(crate) const BREAK: char = '\r';
/// Magic of cells that are Python all the same; the code of any other is in another language.
const PYTHON: [&str; 9] = ["time", "timeit", "capture", "prun", "python", "python3", "pypy", "debug", "memit"];

/// Returns whether a file is a notebook.
pub fn is_notebook(path: &str) -> bool {
    path.ends_with(".ipynb")
}

/// Returns the text of a file as it is indexed: of a notebook the code of its cells, of any other file, or of a
/// notebook that cannot be read, the text itself.
pub fn code<'a>(path: &str, text: &'a str) -> Cow<'a, str> {
    if !is_notebook(path) || is_code(text) {
        return Cow::Borrowed(text);
    }
    cells(text).map_or(Cow::Borrowed(text), |cells| Cow::Owned(laid_out(text, &cells)))
}

/// Returns whether a text is code of a notebook, as [`code`] returns it.
fn is_code(text: &str) -> bool {
    text.starts_with(CELL)
}

/// Returns why a notebook, or what [`code`] has made of it, has no code that could be parsed.
pub(crate) fn unparsed(text: &str) -> Option<String> {
    if is_code(text) { None } else { cells(text).err() }
}

/// A cell: the lines of code, each with the line of the file that it is on, counted from 0.
type Cell = Vec<(usize, String)>;

/// Returns the code cells; a string as why there are none to be had.
fn cells(text: &str) -> Result<Vec<Cell>, String> {
    // A mark at its start is none of the JSON.
    let text = text.trim_start_matches('\u{feff}');
    let whole: Value = serde_json::from_str(text).map_err(|err| match err.to_string() {
        why if why.contains("recursion limit") => format!("the JSON of the notebook is nested too deep: {why}"),
        why => format!("the notebook is not JSON: {why}"),
    })?;
    let sheets = whole.get("worksheets").and_then(Value::as_array);
    if whole.get("cells").and_then(Value::as_array).is_none() && sheets.is_none() {
        return Err("the notebook has no `cells`".to_owned());
    }
    let (mut cells, mut cell, mut current) = (Vec::new(), Draft::default(), Vec::new());
    json::strings(text, |text| {
        let (depth, key) = match text.keys {
            ["cells", "", key] | ["cells", "", key, ""] => (1, *key),
            // Until format 3.
            ["worksheets", "", "cells", "", key] | ["worksheets", "", "cells", "", key, ""] => (2, *key),
            _ => return,
        };
        let place = text.places.get(..depth).unwrap_or_default();
        if place != current {
            cells.extend(std::mem::take(&mut cell).end());
            current = place.to_owned();
        }
        match key {
            "cell_type" => cell.is_code = text.raw == "\"code\"",
            "source" | "input" => cell.add(text.line, text.raw),
            _ => {}
        }
    });
    cells.extend(cell.end());
    let all = whole.get("cells").and_then(Value::as_array).into_iter().flatten();
    let all = all.chain(sheets.into_iter().flatten().filter_map(|sheet| sheet.get("cells")?.as_array()).flatten());
    let count = all.filter(|cell| has_code(cell)).count();
    if cells.len() != count {
        return Err(format!("{} of the notebook's {count} code cells were told apart", cells.len()));
    }
    Ok(cells)
}

/// Returns whether a cell has code.
fn has_code(cell: &Value) -> bool {
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let is_code = cell.get("cell_type").and_then(Value::as_str) == Some("code");
    let texts = ["source", "input"].iter().filter_map(|key| cell.get(*key));
    is_code && texts.into_iter().any(|text| is_text(text) || text.as_array().is_some_and(|all| all.iter().any(is_text)))
}

/// A cell as far as it is read; what it is may stand below its code.
#[derive(Default)]
struct Draft {
    is_code: bool,
    lines: Cell,
    /// Whether the last line continues.
    goes_on: bool,
}

impl Draft {
    /// Adds a string, which may have several lines or a part of one.
    fn add(&mut self, row: usize, raw: &str) {
        // Half of a pair of surrogates is no text, and no reason to lose a line.
        let decoded = serde_json::from_str(raw).unwrap_or_else(|_| raw.trim_matches('"').to_owned());
        for line in decoded.split_inclusive('\n') {
            let content = line.trim_end_matches(['\n', '\r']).replace(['\r', CELL], " ");
            match self.lines.last_mut().filter(|_| self.goes_on) {
                Some((_, last)) => last.push_str(&content),
                None => self.lines.push((row, content)),
            }
            self.goes_on = !line.ends_with('\n');
        }
    }

    fn end(self) -> Option<Cell> {
        (self.is_code && !self.lines.is_empty()).then_some(self.lines)
    }
}

/// Returns the code with each line where the file has it.
fn laid_out(text: &str, cells: &[Cell]) -> String {
    let mut code = String::with_capacity(text.len() / 2);
    code.push(CELL);
    let mut row = 0;
    for cell in cells {
        for (line, content) in cell {
            if *line == row && code.len() > 1 {
                code.push(BREAK);
            }
            while row < *line {
                code.push('\n');
                row += 1;
            }
            code.push_str(content);
        }
        code.push(CELL);
    }
    let lines = text.lines().count();
    while row < lines {
        code.push('\n');
        row += 1;
    }
    code
}

/// Returns the code of a notebook as plain Python, each byte in its place: commands of the notebook's own are a number,
/// and cells in other languages are blank.
pub(crate) fn masked(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    for cell in code.split_inclusive(CELL) {
        let is_foreign = cell.trim_start().strip_prefix("%%").is_some_and(|magic| {
            let name = magic.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            !PYTHON.contains(&name)
        });
        for line in cell.split_inclusive([BREAK, '\n', CELL]) {
            let content = line.trim_end();
            let start = content.len() - content.trim_start().len();
            let is_blank = is_foreign || is_command(content.trim_start());
            let mut at = 0;
            for character in line.chars() {
                match character {
                    '\n' | BREAK => out.push('\n'),
                    // The mark at the start would indent the first line.
                    CELL => out.push(if out.is_empty() { '\n' } else { ' ' }),
                    _ if !is_blank => out.push(character),
                    // Something has to stand in a block.
                    _ if at == start && !is_foreign => out.push_str(&format!("{:<1$}", 0, character.len_utf8())),
                    _ => (0..character.len_utf8()).for_each(|_| out.push(' ')),
                }
                at += character.len_utf8();
            }
        }
    }
    out
}

/// Returns whether a line is a command of the notebook's own, and no Python.
fn is_command(line: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let named = |rest: &str| {
        let behind = rest.trim_start_matches(|c| is_word(c) || c == '.');
        behind.len() < rest.len() && (behind.is_empty() || behind.starts_with(char::is_whitespace))
    };
    let is_magic = |text: &str| text.strip_prefix('%').map(|text| text.trim_start_matches('%')).is_some_and(named);
    let is_shell = |text: &str| text.starts_with('!') && !text.starts_with("!=");
    let is_help = || {
        let asked = line.trim_matches('?');
        asked.len() < line.len() && !asked.is_empty() && asked.chars().all(|c| is_word(c) || c == '.')
    };
    let assigned = || {
        let (name, value) = line.split_once('=')?;
        Some(!name.contains(['"', '\'', '#', '(']) && (is_shell(value.trim_start()) || is_magic(value.trim_start())))
    };
    is_magic(line) || is_shell(line) || is_help() || assigned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(kind: &str, source: &str) -> String {
        format!("{{\"cell_type\": \"{kind}\", \"metadata\": {{}}, \"source\": {source}, \"outputs\": []}}")
    }

    fn notebook(cells: &[String]) -> String {
        format!("{{\"cells\": [{}], \"nbformat\": 4}}", cells.join(", "))
    }

    /// Returns the lines with code, each with its number.
    fn check(text: &str) -> Vec<(usize, String)> {
        let found = code("a.ipynb", text);
        assert_eq!(found.lines().count(), text.lines().count(), "{text}");
        assert_eq!(masked(&found).len(), found.len(), "{text}");
        assert_eq!(code("a.ipynb", &found), found, "{text}");
        let lines = found
            .lines()
            .enumerate()
            .flat_map(|(at, line)| line.split(BREAK).map(move |part| (at + 1, part.trim_matches(CELL).to_owned())));
        lines.filter(|(_, line)| !line.is_empty()).collect()
    }

    #[test]
    fn code_stands_on_the_lines_of_the_file() {
        let text = "{\n \"cells\": [\n  {\n   \"cell_type\": \"markdown\",\n   \"source\": [\n    \"def no():\\n\"\n   ]\n  },\n  {\n   \"cell_type\": \"code\",\n   \"source\": [\n    \"%matplotlib inline\\n\",\n    \"def f(x):\\n\",\n    \"    return \\\"x\\\"\"\n   ]\n  }\n ]\n}\n";
        let lines = [(12, "%matplotlib inline"), (13, "def f(x):"), (14, "    return \"x\"")];
        assert_eq!(check(text), lines.map(|(at, line)| (at, line.to_owned())));
        assert_eq!(code("a.py", "x"), "x");
    }

    #[test]
    fn code_is_found_however_it_is_laid_out() {
        let picture = format!("\"{}\"", "iVBORw0KGgo".repeat(1000));
        for (text, expected) in [
            (notebook(&[cell("code", "[\"a\\n\", \"b\"]"), cell("code", "\"c\\r\\nd\"")]), vec!["a", "b", "c", "d"]),
            // What a cell is may stand below its code, and beside large outputs.
            (
                format!("{{\"cells\": [{{\"source\": \"a\", \"outputs\": [{{\"data\": {{\"image/png\": {picture}}}}}], \"cell_type\": \"code\"}}]}}"),
                vec!["a"],
            ),
            (
                "{\"worksheets\": [{\"cells\": [{\"cell_type\": \"code\", \"input\": [\"a\\n\", \"b\"]}, {\"cell_type\": \"markdown\", \"source\": \"c\"}]}, {\"cells\": [{\"cell_type\": \"code\", \"input\": \"d\"}]}]}".to_owned(),
                vec!["a", "b", "d"],
            ),
            // Parts of one line, and text that is not text.
            (notebook(&[cell("code", "[\"a\", \"b\\n\", \"\", \"c\"]")]), vec!["ab", "c"]),
            (notebook(&[cell("code", "\"a = \\\"\\u00e9\\\"\"")]), vec!["a = \"é\""]),
            (notebook(&[cell("code", "[]"), cell("markdown", "\"x\""), cell("raw", "\"y\"")]), vec![]),
        ] {
            let expected: Vec<(usize, String)> = expected.into_iter().map(|line| (1, line.to_owned())).collect();
            assert_eq!(check(&text), expected, "{text:.200}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_stays_as_it_is() {
        let deep = format!("{{\"cells\": {}{}}}", "[".repeat(500), "]".repeat(500));
        for (text, why) in [
            ("{\"cells\": [", "is not JSON"),
            ("", "is not JSON"),
            ("{}", "has no `cells`"),
            ("[1]", "has no `cells`"),
            (deep.as_str(), "nested too deep"),
            ("{\"cells\": [{\"cell_type\": \"code\", \"s\\u006furce\": \"a\"}]}", "0 of the notebook's 1"),
        ] {
            assert_eq!(code("a.ipynb", text), text);
            assert!(unparsed(text).is_some_and(|told| told.contains(why)), "{text:.100}: {:?}", unparsed(text));
        }
    }

    #[test]
    fn commands_of_the_notebook_are_no_python() {
        for (source, expected) in [
            ("%time f(1)\nx = 5 % 2\n", "0         \nx = 5 % 2\n"),
            ("if a:\n    !ls é\n", "if a:\n    0    \u{20}\n"),
            ("f?\n?a.b\nx = !ls\nx != y\n", "0 \n0   \n0      \nx != y\n"),
            ("x = ('%s'\n     % y)\n", "x = ('%s'\n     % y)\n"),
            ("%%bash\ncd x\n\u{c}\na\n", "      \n    \n \na\n"),
            ("\n%%time\na\n", "\n0     \na\n"),
        ] {
            let code = format!("{CELL}{source}");
            assert_eq!(masked(&code), format!("\n{expected}"), "{source}");
        }
    }
}
