//! Converts a record of a file to a row, column by column.

use env_core::nearest;
use serde_json::{Map, Value};

use crate::python_list::python_list;
use crate::{ColumnNames, DatasetError, Row};

/// Columns that every dataset has.
const REQUIRED: [&str; 5] = ["instance_id", "repo", "base_commit", "patch", "test_patch"];

/// The tests that the fix must turn, and those that must keep passing.
const TESTS: [&str; 2] = ["FAIL_TO_PASS", "PASS_TO_PASS"];

/// Columns of some datasets that are not misspelt ones of ours.
const OTHERS: [&str; 2] = ["FAIL_TO_FAIL", "PASS_TO_FAIL"];

/// Columns in which datasets name a row's own image, the first that is there counts.
const IMAGES: [&str; 3] = ["image", "image_name", "docker_image"];

/// Returns the row that `record` holds, its columns by these names; `place` says where it was found.
pub(crate) fn row(mut record: Map<String, Value>, names: &ColumnNames, place: &str) -> Result<Row, DatasetError> {
    names.rename(&mut record);
    let id = record.get("instance_id").and_then(Value::as_str).filter(|id| is_id(id));
    let place = id.map_or_else(|| place.to_owned(), |id| format!("{place}, `{id}`"));
    read(record).map_err(|reason| DatasetError::Malformed { place, reason })
}

fn read(record: Map<String, Value>) -> Result<Row, String> {
    for column in REQUIRED {
        if !record.contains_key(column) {
            return Err(missing(column, &record));
        }
    }
    // Without issue texts there is something to grade still, but nobody means a misspelt column to be overlooked.
    if !record.contains_key("problem_statement") && near("problem_statement", &record).is_some() {
        return Err(missing("problem_statement", &record));
    }
    let mut columns = Columns(record);
    let (fail_to_pass, pass_to_pass) = columns.test_lists()?;
    Ok(Row {
        instance_id: columns.instance_id()?,
        repo: columns.filled("repo")?,
        base_commit: columns.filled("base_commit")?,
        patch: columns.text("patch")?.unwrap_or_default(),
        test_patch: columns.text("test_patch")?.unwrap_or_default(),
        // A log can be graded without it; solving refuses an instance that has none.
        problem_statement: columns.text("problem_statement")?.unwrap_or_default(),
        hints_text: columns.text("hints_text")?.unwrap_or_default(),
        created_at: columns.date("created_at")?,
        version: columns.loose("version")?.unwrap_or_default(),
        fail_to_pass,
        pass_to_pass,
        environment_setup_commit: columns.optional("environment_setup_commit")?,
        image: columns.image()?,
        eval_script: columns.optional("eval_script")?,
        log_parser: columns.optional("log_parser")?,
        eval_type: columns.optional("eval_type")?,
    })
}

struct Columns(Map<String, Value>);

impl Columns {
    /// Takes a text; `None` when the column is missing or null.
    fn text(&mut self, column: &str) -> Result<Option<String>, String> {
        match self.0.remove(column) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(format!("column `{column}` is {}, not text", kind(&other))),
        }
    }

    /// Takes a text that must not be empty.
    fn filled(&mut self, column: &str) -> Result<String, String> {
        match self.text(column)? {
            Some(text) if !text.trim().is_empty() => Ok(text),
            Some(_) => Err(format!("column `{column}` is empty")),
            None => Err(format!("column `{column}` is null")),
        }
    }

    /// Takes a text; an empty one counts as none.
    fn optional(&mut self, column: &str) -> Result<Option<String>, String> {
        Ok(self.text(column)?.filter(|text| !text.is_empty()))
    }

    /// Takes the name of the row's own image.
    fn image(&mut self) -> Result<Option<String>, String> {
        for column in IMAGES {
            if let Some(image) = self.optional(column)? {
                return Ok(Some(image));
            }
        }
        Ok(None)
    }

    /// Takes a date: a text, or a number of seconds or milliseconds, which is kept as it stands. Nothing is read out of
    /// it.
    fn date(&mut self, column: &str) -> Result<String, String> {
        match self.0.get(column) {
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Ok(self.text(column)?.unwrap_or_default()),
        }
    }

    /// Takes a text or a whole number. A fraction is refused: version 3.10 would come out as 3.1.
    fn loose(&mut self, column: &str) -> Result<Option<String>, String> {
        match self.0.get(column) {
            Some(Value::Number(number)) if number.is_f64() => {
                Err(format!("column `{column}` is the number `{number}`\nhint: write it as text"))
            }
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => self.text(column),
        }
    }

    /// Takes the id, which must be fit to name a folder and an image.
    fn instance_id(&mut self) -> Result<String, String> {
        let id = self.filled("instance_id")?;
        if is_id(&id) {
            return Ok(id);
        }
        let id: String = id.chars().take(80).collect();
        Err(format!("column `instance_id` holds `{}`\nhint: letters, digits, `-`, `_` and `.` only", id.escape_debug()))
    }

    /// Takes both test lists, whose names may be in lower case: each a list, or the text of one in JSON or Python.
    fn test_lists(&mut self) -> Result<(Vec<String>, Vec<String>), String> {
        let [fail_to_pass, pass_to_pass] = TESTS;
        self.raise(fail_to_pass)?;
        self.raise(pass_to_pass)?;
        match (self.0.contains_key(fail_to_pass), self.0.contains_key(pass_to_pass)) {
            (true, false) => return Err(missing(pass_to_pass, &self.0)),
            (false, true) => return Err(missing(fail_to_pass, &self.0)),
            // A misspelt column must not pass for a dataset without tests.
            (false, false) if near(fail_to_pass, &self.0).is_some() => return Err(missing(fail_to_pass, &self.0)),
            _ => {}
        }
        let lost = self.is_null(pass_to_pass) && !self.is_null(fail_to_pass);
        let lists = (self.test_list(fail_to_pass)?, self.test_list(pass_to_pass)?);
        // A lost list would make the verdict easier.
        if lost && !lists.0.is_empty() {
            return Err(format!("column `{pass_to_pass}` is null, but `{fail_to_pass}` is not"));
        }
        Ok(lists)
    }

    /// Gives a test list whose name is in lower case its other name. Of two that are there, one may be null.
    fn raise(&mut self, column: &str) -> Result<(), String> {
        let lower = column.to_lowercase();
        let Some(value) = self.0.remove(&lower) else { return Ok(()) };
        if self.is_null(column) {
            self.0.insert(column.to_owned(), value);
            return Ok(());
        }
        if value.is_null() {
            return Ok(());
        }
        let sorted = |name: &str, value: Value| {
            let mut tests = test_list(name, value)?;
            tests.sort();
            Ok::<_, String>(tests)
        };
        let other = self.0.get(column).cloned().unwrap_or_default();
        match sorted(column, other)? == sorted(&lower, value)? {
            true => Ok(()),
            false => Err(format!("columns `{column}` and `{lower}` differ\nhint: leave out the one that is wrong")),
        }
    }

    fn is_null(&self, column: &str) -> bool {
        self.0.get(column).is_none_or(Value::is_null)
    }

    fn test_list(&mut self, column: &str) -> Result<Vec<String>, String> {
        test_list(column, self.0.remove(column).unwrap_or_default())
    }
}

/// Returns the tests that a column holds; none when it is null.
fn test_list(column: &str, value: Value) -> Result<Vec<String>, String> {
    let value = match value {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => list_of_text(&text).map_err(|reason| {
            let start: String = text.chars().take(60).collect();
            format!("column `{column}` is {reason}; it starts with `{start}`")
        })?,
        value => value,
    };
    let Value::Array(tests) = value else {
        return Err(format!("column `{column}` holds {}, not a list", kind(&value)));
    };
    let names = tests.into_iter().enumerate().map(|(index, test)| match test {
        Value::String(name) => Ok(name),
        other => Err(format!("entry {} of column `{column}` is {}, not text", index + 1, kind(&other))),
    });
    names.collect()
}

/// Returns what a text in JSON, or of a list in Python, stands for.
fn list_of_text(text: &str) -> Result<Value, String> {
    let err = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(err) => err,
    };
    match python_list(text) {
        Ok(names) => Ok(Value::Array(names.into_iter().map(Value::String).collect())),
        Err(Some(list)) => Err(list.to_owned()),
        Err(None) => Err(format!("not the JSON text of a list: {err}")),
    }
}

/// Says that a column is missing, with the nearest one that is there.
fn missing(column: &str, record: &Map<String, Value>) -> String {
    let hint = near(column, record).map(|name| format!("\nhint: there is a column `{name}`"));
    format!("column `{column}` is missing{}", hint.unwrap_or_default())
}

/// Returns the unknown column whose name is near.
fn near<'a>(column: &str, record: &'a Map<String, Value>) -> Option<&'a str> {
    let is_known = |name: &str| {
        REQUIRED.contains(&name) || TESTS.contains(&name) || OTHERS.iter().any(|other| other.eq_ignore_ascii_case(name))
    };
    let unknown = record.keys().map(|name| name.as_str());
    nearest(column, unknown.filter(|name| !is_known(name) && name.len() <= 2 * column.len()))
}

fn is_id(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= 200 && !id.starts_with(['.', '-']) && id.chars().all(fits)
}

/// Returns what kind of JSON value it is, with its article.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
