//! The settings that a command is given.

use std::path::PathBuf;

use grading::read_given;
use serde_yaml::Value;

use super::RunConfig;

/// The settings that a command is given, with the layers in the order in which they are applied.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Applied before the layers: a mapping of keys to values, with its name for errors.
    pub base: Option<(Value, String)>,
    /// YAML files and assignments `key.path=value`.
    pub layers: Vec<String>,
    /// Key paths with values and what names them in errors; they win over the layers.
    pub sets: Vec<(String, Value, String)>,
    /// Key paths with texts, which win over the layers.
    pub assignments: Vec<(&'static str, String)>,
    /// The agent, where the program knows several.
    pub agent: Option<String>,
}

impl Settings {
    /// Returns the folder of all runs, which has to be known before the other settings where these are a run's.
    pub fn runs(&self) -> PathBuf {
        let of_layer = |layer: &String| match (layer_file(layer), layer.split_once('=')) {
            (Some(path), _) => {
                let value: Value = serde_yaml::from_str(&read_given(&path).ok()??).ok()?;
                value.get("runs")?.as_str().map(PathBuf::from)
            }
            (None, Some((key, value))) if key.trim() == "runs" => {
                serde_yaml::from_str::<Value>(value).ok()?.as_str().map(PathBuf::from)
            }
            _ => None,
        };
        self.layers.iter().rev().find_map(of_layer).unwrap_or_else(|| RunConfig::default().runs)
    }
}

/// Returns the file that a layer is, if it is one.
pub(crate) fn layer_file(layer: &str) -> Option<PathBuf> {
    let path = PathBuf::from(layer);
    (!layer.contains('=') || path.is_file()).then_some(path)
}
