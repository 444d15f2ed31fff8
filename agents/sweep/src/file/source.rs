//! The position of each key in a YAML file, for errors that point to it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Marker, Parser};

/// A YAML file with the place of each key.
///
/// A key is named by its path: keys joined by dots, places in a list in brackets, as in `matrix.model.name[1]`.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    places: HashMap<String, Place>,
}

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
}

/// What is wrong with a sweep file, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    file: PathBuf,
    place: Option<Place>,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(Place { line, column }) = self.place {
            write!(formatter, ":{line}:{column}")?;
        }
        write!(formatter, ": {}", self.message)
    }
}

impl std::error::Error for Problem {}

impl From<Marker> for Place {
    fn from(marker: Marker) -> Self {
        Self { line: marker.line(), column: marker.col() + 1 }
    }
}

/// A mapping or a list that is being read.
enum Open {
    /// A mapping at a path, with the key whose value comes next.
    Mapping { path: String, key: Option<String> },
    /// A list at a path, with the place that comes next.
    List { path: String, next: usize },
}

impl Source {
    /// Finds the place of each key.
    ///
    /// # Errors
    /// When the text is not YAML, a key stands twice in a mapping, or a key is neither text nor a number.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Problem> {
        let mut source = Self { path: path.to_owned(), places: HashMap::new() };
        let mut open: Vec<Open> = Vec::new();
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|err| {
                let message = format!("this is not YAML: {}{}", err.info(), hint(text, err.marker().line()));
                source.problem(Some((*err.marker()).into()), message)
            })?;
            let place = span.start.into();
            match event {
                Event::Scalar(value, ..) => source.take(&mut open, Some(&value), place)?.map_or((), drop),
                Event::Alias(_) => source.take(&mut open, None, place)?.map_or((), drop),
                Event::MappingStart(..) => {
                    let path = source.take(&mut open, None, place)?.unwrap_or_default();
                    open.push(Open::Mapping { path, key: None });
                }
                Event::SequenceStart(..) => {
                    let path = source.take(&mut open, None, place)?.unwrap_or_default();
                    open.push(Open::List { path, next: 0 });
                }
                Event::MappingEnd | Event::SequenceEnd => drop(open.pop()),
                _ => {}
            }
        }
        Ok(source)
    }

    /// Takes a key or a value in; returns the path of a value.
    fn take(&mut self, open: &mut [Open], text: Option<&str>, place: Place) -> Result<Option<String>, Problem> {
        match open.last_mut() {
            None => Ok(Some(String::new())),
            Some(Open::List { path, next }) => {
                let path = format!("{path}[{next}]");
                *next += 1;
                self.places.insert(path.clone(), place);
                Ok(Some(path))
            }
            Some(Open::Mapping { path, key: key @ None }) => {
                let Some(text) = text else {
                    return Err(self.problem(Some(place), "a key must be a text or a number".to_owned()));
                };
                let full = join(path, text);
                if let Some(first) = self.places.insert(full.clone(), place) {
                    let message = format!("the key `{full}` occurs twice, first in line {}", first.line);
                    return Err(self.problem(Some(place), message));
                }
                *key = Some(full);
                Ok(None)
            }
            Some(Open::Mapping { key, .. }) => Ok(key.take()),
        }
    }

    fn problem(&self, place: Option<Place>, message: String) -> Problem {
        Problem { file: self.path.clone(), place, message }
    }

    /// Returns a problem with what is at a path, or with the nearest that holds it.
    pub fn at(&self, path: &str, message: impl fmt::Display) -> Problem {
        let mut path = path;
        let place = loop {
            if let Some(place) = self.places.get(path) {
                break Some(*place);
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => break None,
            }
        };
        self.problem(place, message.to_string())
    }

    /// Returns whether something stands at a path.
    pub fn has(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }
}

/// Returns the path of a key below another.
pub fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Returns what may help with a line that is not YAML.
fn hint(text: &str, line: usize) -> &'static str {
    let has_tab = |line: &str| line.chars().take_while(|c| c.is_whitespace()).any(|c| c == '\t');
    // A scanner may notice a tab only on the next line.
    let near = text.lines().skip(line.saturating_sub(2)).take(2);
    if near.into_iter().any(has_tab) { "\nhint: YAML is indented with spaces, and there is a tab" } else { "" }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, path: &str, expected: &Expect) {
        let shown = match Source::parse(Path::new("s.yaml"), text) {
            Ok(source) => source.at(path, "here").to_string(),
            Err(problem) => problem.to_string(),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn every_key_has_its_line_and_column() {
        let text = "a: 1\nb:\n  c.d: [x, y]\n  e: {f: 1}\n  3: &z {g: 1}\n  h: *z\n";
        check(text, "b", &expect!["s.yaml:2:1: here"]);
        check(text, "b.c.d[1]", &expect!["s.yaml:3:12: here"]);
        check(text, "b.e.f", &expect!["s.yaml:4:7: here"]);
        check(text, "b.3.g", &expect!["s.yaml:5:10: here"]);
        check(text, "b.h.missing", &expect!["s.yaml:6:3: here"]);
        check(text, "nothing", &expect!["s.yaml: here"]);
    }

    #[test]
    fn what_is_no_yaml_is_told_with_its_place() {
        check(
            "a:\n\tb: 1\n",
            "",
            &expect![[r#"
            s.yaml:2:2: this is not YAML: tabs disallowed within this context (block indentation)
            hint: YAML is indented with spaces, and there is a tab"#]],
        );
        check("a: 1\nb:\n  c: 1\n  c: 2\n", "", &expect!["s.yaml:4:3: the key `b.c` occurs twice, first in line 3"]);
        check(
            "a: [1, 2\n",
            "",
            &expect!["s.yaml:2:1: this is not YAML: while parsing a flow sequence, expected ',' or ']'"],
        );
        check("? [a]\n: 1\n", "", &expect!["s.yaml:1:3: a key must be a text or a number"]);
    }
}
