//! Every text that a model reads, as Markdown templates.
//!
//! [`Prompts`] renders a template by its path below this folder, such as `codeact/system.md`. The templates are
//! embedded; a caller may override them. A variable that a template uses and the context lacks is an error.
//! A file in `texts` holds many short templates, each below a heading: `texts/bash.md` with `## no_output` has
//! `bash/no_output`. Those are rendered including all whitespace, and a file that overrides it may contain only some of
//! them. This crate reads no file at run time.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR");

/// The templates: the embedded ones, with the caller's overrides.
#[derive(Debug, Clone)]
pub struct Prompts {
    environment: Environment<'static>,
}

/// Why a template could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// No template has this name.
    #[error("unknown prompt template `{0}`")]
    Unknown(String),
    /// The template does not parse, or names a variable that the context lacks.
    #[error("prompt template `{name}`: {reason}")]
    Broken {
        /// The template.
        name: String,
        /// What is wrong, with the line.
        reason: String,
    },
}

impl Prompts {
    /// Returns the embedded templates with `overrides` (name to source) applied.
    ///
    /// # Errors
    /// When an override does not parse or overrides nothing.
    pub fn new(overrides: BTreeMap<String, String>) -> Result<Self, PromptError> {
        Self::with(BTreeMap::new(), overrides)
    }

    /// Returns the embedded templates and those of the program, with `overrides` applied to both.
    ///
    /// # Errors
    /// As [`Prompts::new`].
    pub fn with(brought: BTreeMap<String, String>, overrides: BTreeMap<String, String>) -> Result<Self, PromptError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        for (name, source) in embedded(&EMBEDDED).into_iter().chain(brought).flat_map(templates) {
            add(&mut environment, name, source)?;
        }
        for (name, source) in overrides.into_iter().flat_map(templates) {
            if environment.get_template(&name).is_err() {
                return Err(PromptError::Unknown(name));
            }
            add(&mut environment, name, source)?;
        }
        Ok(Self { environment })
    }

    /// Renders a template; the blanks at the end of a whole file are left out.
    ///
    /// # Errors
    /// See [`PromptError`].
    pub fn render(&self, name: &str, context: impl Serialize) -> Result<String, PromptError> {
        let template = self.environment.get_template(name).map_err(|_| PromptError::Unknown(name.to_owned()))?;
        template
            .render(Value::from(Serde(context)))
            .map(|text| if is_file(name) { text.trim_end().to_owned() } else { text })
            .map_err(|err| PromptError::Broken { name: name.to_owned(), reason: err.to_string() })
    }

    /// Returns the names of all templates, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.environment.templates().map(|(name, _)| name.to_owned()).collect();
        names.sort();
        names
    }

    /// Returns the variables that a template names without defining them.
    ///
    /// # Errors
    /// When there is no such template.
    pub fn variables(&self, name: &str) -> Result<Vec<String>, PromptError> {
        let template = self.environment.get_template(name).map_err(|_| PromptError::Unknown(name.to_owned()))?;
        let mut variables: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        variables.sort();
        Ok(variables)
    }
}

fn add(environment: &mut Environment<'static>, name: String, source: String) -> Result<(), PromptError> {
    environment
        .add_template_owned(name.clone(), source)
        .map_err(|err| PromptError::Broken { name, reason: err.to_string() })
}

/// Returns the embedded files: name and source of each.
pub fn sources() -> Vec<(String, String)> {
    embedded(&EMBEDDED)
}

/// Returns whether a template is a file of its own.
fn is_file(name: &str) -> bool {
    name.ends_with(".md")
}

/// Returns the templates that a file holds.
fn templates((name, source): (String, String)) -> Vec<(String, String)> {
    let group = name.strip_prefix("texts/").and_then(|name| name.strip_suffix(".md"));
    let Some(group) = group else { return vec![(name, source)] };
    let source = format!("\n{}", source.replace("\r\n", "\n"));
    // What is before the first heading is for whoever reads the file.
    let sections = source.split("\n## ").skip(1);
    let template = |section: &str| {
        let (title, text) = section.split_once('\n').unwrap_or((section, ""));
        (format!("{group}/{}", title.trim()), text.trim_matches('\n').to_owned())
    };
    sections.map(template).collect()
}

/// Returns the Markdown files below `dir`, by path relative to this folder.
fn embedded(dir: &Dir<'static>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in dir.files() {
        let name = file.path().to_string_lossy().replace('\\', "/");
        if let (true, Some(source)) = (name.ends_with(".md"), file.contents_utf8()) {
            found.push((name, source.to_owned()));
        }
    }
    found.extend(dir.dirs().flat_map(embedded));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_replaces_and_an_unknown_one_is_refused() {
        let name = Prompts::new(BTreeMap::new()).unwrap().names().remove(0);
        let over = Prompts::new(BTreeMap::from([(name.clone(), "hello {{ who }}".to_owned())])).unwrap();
        assert_eq!(over.render(&name, BTreeMap::from([("who", "you")])).unwrap(), "hello you");
        let missing = over.render(&name, BTreeMap::<String, String>::new()).unwrap_err();
        assert!(missing.to_string().contains(&name), "{missing}");
        assert!(Prompts::new(BTreeMap::from([("no/such.md".to_owned(), String::new())])).is_err());
    }

    #[test]
    fn a_file_of_texts_may_be_overridden_in_part() {
        let over = |text: &str| Prompts::new(BTreeMap::from([("texts/bash.md".to_owned(), text.to_owned())]));
        let none = BTreeMap::<String, String>::new();
        let given = Prompts::new(BTreeMap::new()).unwrap();
        let prompts = over("For a reader.\n\n## no_output\n\n  nothing \n\n").unwrap();
        assert_eq!(prompts.render("bash/no_output", &none).unwrap(), "  nothing ");
        assert_eq!(
            prompts.render("bash/interrupted", &none).unwrap(),
            given.render("bash/interrupted", &none).unwrap()
        );
        assert!(matches!(over("## no_such\n\nx\n"), Err(PromptError::Unknown(name)) if name == "bash/no_such"));
        assert!(matches!(prompts.render("texts/bash.md", &none), Err(PromptError::Unknown(_))));
    }
}
