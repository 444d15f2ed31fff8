//! The texts of tools, as an episode renders them.

use std::sync::{Mutex, PoisonError};

use prompts::{PromptError, Prompts};
use serde_json::Value;
use tool_core::Texts;

/// The texts of tools from an episode's templates. The first that is missing or broken is kept for [`Told::check`], so
/// that tools need not see to it.
#[derive(Debug)]
pub struct Told<'a> {
    prompts: &'a Prompts,
    failed: Mutex<Option<PromptError>>,
}

impl<'a> Told<'a> {
    /// Returns the texts that stand in `prompts`.
    pub fn new(prompts: &'a Prompts) -> Self {
        Self { prompts, failed: Mutex::default() }
    }

    /// Returns whether all that was asked for could be rendered.
    ///
    /// # Errors
    /// The first that could not.
    pub fn check(&self) -> Result<(), PromptError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl Texts for Told<'_> {
    fn render(&self, name: &str, values: Value) -> String {
        self.prompts.render(name, values).unwrap_or_else(|err| {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(err);
            String::new()
        })
    }
}
