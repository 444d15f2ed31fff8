//! The texts of tools for the model, by name.

use serde_json::Value;

/// The texts that tools tell a model. They stand in `prompts/texts`, and a user's folder may hold others in their
/// place.
///
/// A tool that needs no such text leaves it alone: what it says may as well stand in its own code.
pub trait Texts: Send + Sync {
    /// Returns the text of this name, such as `bash/no_output`, with these values.
    fn render(&self, name: &str, values: Value) -> String;
}

impl<F: Fn(&str, Value) -> String + Send + Sync> Texts for F {
    fn render(&self, name: &str, values: Value) -> String {
        self(name, values)
    }
}

impl dyn Texts + '_ {
    /// Returns a text without values.
    pub fn plain(&self, name: &str) -> String {
        self.render(name, Value::Object(serde_json::Map::new()))
    }
}
