//! The texts of tools, as an episode renders them.

use std::sync::{Mutex, PoisonError};

use prompts::{PromptError, Prompts};
use serde_json::Value;
use tool_core::Texts;

/// The texts of tools, rendered from an episode's templates. The first error is kept for [`EpisodeTexts::check`], so
/// that tools need not handle it.
#[derive(Debug)]
pub struct EpisodeTexts<'a> {
    prompts: &'a Prompts,
    failed: Mutex<Option<PromptError>>,
}

impl<'a> EpisodeTexts<'a> {
    /// Returns the texts of `prompts`.
    pub fn new(prompts: &'a Prompts) -> Self {
        Self { prompts, failed: Mutex::default() }
    }

    /// Checks that every text that was requested could be rendered.
    ///
    /// # Errors
    /// The first one that could not.
    pub fn check(&self) -> Result<(), PromptError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl Texts for EpisodeTexts<'_> {
    fn render(&self, name: &str, values: Value) -> String {
        self.prompts.render(name, values).unwrap_or_else(|err| {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(err);
            String::new()
        })
    }
}
