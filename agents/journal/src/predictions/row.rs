//! One prediction as any of the known programs writes it.

use anyhow::{Context, bail};
use serde::Deserialize as Parse;
use serde::de::{Deserialize, Deserializer};
use serde_json::Value;

use super::halves::without_halves;
use super::prediction::Prediction;

/// Returns the prediction of a row that begins on a line. If lone surrogates prevent it from being read, each is
/// replaced; a patch that held one is spoiled.
pub(crate) fn prediction(json: &[u8], key: Option<&str>, line: usize) -> anyhow::Result<Prediction> {
    let read = |json: &[u8]| {
        let row = parse::<Row>(json).map_err(|err| anyhow::Error::msg(in_file(&err, line)));
        row.and_then(|row| row.prediction(key))
    };
    let err = match read(json) {
        Ok(prediction) => return Ok(prediction),
        Err(err) => err,
    };
    let Some(mended) = without_halves(json, '\u{fffd}') else { return Err(err) };
    let prediction = read(&mended)?;
    // With another stand-in the patch is another exactly where one stands in it.
    let other = without_halves(json, '\u{fffc}').map(|json| read(&json)).transpose()?;
    let spoiled = other.is_some_and(|other| other.model_patch != prediction.model_patch);
    Ok(Prediction { spoiled, ..prediction })
}

/// Returns a parser's error, which counts lines from the row's first one on, with the line of the file where that is
/// another one.
fn in_file(err: &str, first: usize) -> String {
    let Some((what, place)) = err.rsplit_once(" at line ") else { return err.to_owned() };
    match place.split_once(" column ").map(|(line, column)| (line.parse::<usize>(), column)) {
        Some((Ok(1), column)) => format!("{what} at column {column}"),
        Some((Ok(line), column)) => format!("{what} at line {} column {column}", first + line - 1),
        _ => err.to_owned(),
    }
}

/// Reads one value and nothing after it; an error names the field.
fn parse<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|err| err.to_string())?;
    deserializer.end().map_err(|err| err.to_string())?;
    Ok(value)
}

/// A prediction in any of the known spellings.
#[derive(Parse)]
struct Row {
    instance_id: Option<String>,
    model_name_or_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    model_patch: Option<Option<String>>,
    /// Our own.
    #[serde(default)]
    spoiled: bool,
    /// OpenHands', as earlier versions write it.
    #[serde(default, deserialize_with = "present")]
    git_patch: Option<Value>,
    /// OpenHands': `{"git_patch": …}`, or `{}` when the episode ended without one.
    test_result: Option<Value>,
    /// OpenHands'.
    metadata: Option<Value>,
}

/// Tells null, which is a patch that was not made, from a field that is not there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Row {
    fn prediction(self, key: Option<&str>) -> anyhow::Result<Prediction> {
        let instance_id = match (&self.instance_id, key) {
            (Some(id), Some(key)) if id != key => bail!("`{key}`: its field `instance_id` says `{id}`"),
            (Some(id), _) => id.clone(),
            (None, key) => key.context("missing field `instance_id`")?.to_owned(),
        };
        let is_openhands = self.test_result.is_some() || self.metadata.is_some() || self.git_patch.is_some();
        let model_patch = match &self.model_patch {
            Some(Some(patch)) => Some(patch.clone()),
            Some(None) => self.openhands_patch(),
            None if is_openhands => self.openhands_patch(),
            None => bail!("`{instance_id}`: missing field `model_patch`"),
        };
        let metadata = self.metadata.unwrap_or_default();
        let model = metadata["llm_config"]["model"].as_str().or(metadata["llm"]["model"].as_str());
        let unnamed = is_openhands.then_some("openhands");
        let name = self.model_name_or_path.or(model.or(unnamed).map(str::to_owned));
        let name = name.with_context(|| format!("`{instance_id}`: missing field `model_name_or_path`"))?;
        Ok(Prediction { instance_id, model_name_or_path: name, model_patch, spoiled: self.spoiled })
    }

    /// Returns the patch of a line of OpenHands': the first of its places that holds any text. As OpenHands' own
    /// evaluation has it, the top of the line comes first, and what is not text is no patch.
    fn openhands_patch(&self) -> Option<String> {
        let result = self.test_result.as_ref();
        let places = [
            self.git_patch.as_ref(),
            result.map(|result| &result["git_patch"]),
            result.map(|result| &result["result"]["git_patch"]),
        ];
        let texts: Vec<&str> = places.into_iter().flatten().filter_map(Value::as_str).collect();
        let found = texts.iter().find(|text| !text.trim().is_empty()).or(texts.first());
        found.map(|text| (*text).to_owned())
    }
}
