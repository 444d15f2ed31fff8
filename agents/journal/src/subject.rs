//! What a verdict is about.

use env_core::{Environment, Instance, Patch};
use serde::{Deserialize, Serialize};

/// What a verdict is about: a patch, and how it is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Digest of the patch.
    pub patch: String,
    /// How it is judged.
    pub judging: String,
    /// Digest of the image, where it is known.
    #[serde(default)]
    pub image: Option<String>,
}

impl Subject {
    /// Returns what a verdict on this patch would be on.
    pub fn new(patch: &Patch, environment: &dyn Environment, instance: &Instance) -> Self {
        Self { patch: patch.digest(), judging: environment.judging_key(instance), image: None }
    }

    /// Returns the same with the digest of the image that is there now.
    pub async fn with_image(self, environment: &dyn Environment, instance: &Instance) -> Self {
        Self { image: environment.image_digest(instance).await, ..self }
    }

    /// Returns whether a verdict on one is valid for the other. Images are compared only if both digests are known.
    pub fn is(&self, other: &Self) -> bool {
        let differ = |ours: &String| other.image.as_ref().is_some_and(|theirs| theirs != ours);
        self.patch == other.patch && self.judging == other.judging && !self.image.as_ref().is_some_and(differ)
    }
}
