//! The prices of tokens.

use agent_core::Usage;
use serde::Deserialize;

/// The prices of tokens, by model. An unknown model has no price, which is not a price of 0.
#[derive(Debug, Clone)]
pub struct Prices(Vec<Price>);

/// The price of a model, in US dollars per million tokens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Price {
    model: String,
    input: f64,
    #[serde(default)]
    cached: Option<f64>,
    output: f64,
}

const EMBEDDED: &str = include_str!("prices.yaml");

impl Prices {
    /// Returns the embedded prices, those of `text` (the same YAML) before them.
    ///
    /// # Errors
    /// When the text does not parse, and where.
    pub fn new(text: Option<&str>) -> Result<Self, String> {
        let mut prices = Vec::new();
        for text in text.into_iter().chain([EMBEDDED]) {
            let parsed: Vec<Price> = serde_yaml::from_str(text).map_err(|err| err.to_string())?;
            prices.extend(parsed);
        }
        Ok(Self(prices))
    }

    /// Returns the price of a model by its id at the server.
    pub(crate) fn find(&self, model: &str) -> Option<&Price> {
        let full = normal(model);
        let bare = full.rsplit('/').next().unwrap_or_default();
        [full.as_str(), bare, without_date(bare)].iter().find_map(|name| self.0.iter().find(|price| price.is_for(name)))
    }
}

impl Price {
    /// Returns what these tokens cost in US dollars.
    pub(crate) fn cost(&self, usage: &Usage) -> f64 {
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let dollars = (usage.prompt_tokens - cached) as f64 * self.input
            + cached as f64 * self.cached.unwrap_or(self.input)
            + usage.completion_tokens as f64 * self.output;
        dollars / 1e6
    }

    fn is_for(&self, name: &str) -> bool {
        let pattern = normal(&self.model);
        match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        }
    }
}

/// Returns the name in lower case, with `3.5` and `3-5` alike.
fn normal(name: &str) -> String {
    name.to_lowercase().replace('.', "-")
}

/// Returns the name without `-2024-08-06`, `-20241022`, `@20241022` or `-latest` at its end.
fn without_date(name: &str) -> &str {
    let shapes = ["-####-##-##", "-########", "@########", "-latest"];
    let ends_like = |shape: &&str| {
        let end = name.len().checked_sub(shape.len()).and_then(|start| name.get(start..));
        end.is_some_and(|end| end.bytes().zip(shape.bytes()).all(|(byte, wanted)| fits(byte, wanted)))
    };
    let cut = shapes.iter().find(|shape| ends_like(shape)).map_or(0, |shape| shape.len());
    &name[..name.len() - cut]
}

fn fits(byte: u8, wanted: u8) -> bool {
    if wanted == b'#' { byte.is_ascii_digit() } else { byte == wanted }
}
