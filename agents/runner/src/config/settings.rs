//! What a command says of its configuration.

use std::path::PathBuf;

/// What a command says of its configuration, the layers in the order in which they are laid.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// YAML files and assignments `key.path=value`.
    pub layers: Vec<String>,
    /// Key paths with texts, which win over the layers.
    pub assignments: Vec<(&'static str, String)>,
    /// The agent, where the program knows several.
    pub agent: Option<String>,
}

/// Returns the file that a layer is, if it is one.
pub(crate) fn layer_file(layer: &str) -> Option<PathBuf> {
    let path = PathBuf::from(layer);
    (!layer.contains('=') || path.is_file()).then_some(path)
}
