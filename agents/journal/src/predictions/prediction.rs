//! One prediction.

use grading::read_prediction;
use serde::{Deserialize, Serialize};

/// Name of the file of predictions in the folder of a cell.
pub(crate) const PREDICTIONS: &str = "preds.jsonl";

/// One prediction, as the official harness reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// The instance.
    pub instance_id: String,
    /// Who made the patch.
    pub model_name_or_path: String,
    /// The patch; empty when nothing was changed.
    #[serde(default)]
    pub model_patch: Option<String>,
    /// Whether the patch contained lone surrogates, which no file can contain; each is replaced by U+FFFD. It cannot be
    /// applied, as in the official harness.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spoiled: bool,
}

impl Prediction {
    /// Returns the text of the patch, empty when there is none.
    pub fn patch_text(&self) -> &str {
        self.model_patch.as_deref().unwrap_or_default()
    }

    /// Returns whether another prediction is judged as this one is.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let patch = |one: &Self| read_prediction(one.patch_text());
        self.spoiled == other.spoiled && patch(self) == patch(other)
    }
}
