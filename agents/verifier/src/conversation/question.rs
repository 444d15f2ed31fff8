//! What is asked about an episode.

use agent_core::Message;
use env_core::Patch;
use prompts::{PromptError, Prompts};
use serde::Serialize;

use super::Log;

/// What opens the word that judges.
pub(crate) const OPENED: &str = "<judgement>";

/// What is asked about an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether it did what was asked: YES or NO (SWE-Gym).
    YesNo,
    /// How good it is, from 0 to 10, with reasons first.
    Rating,
}

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Rated<'a> {
    /// The episode as text.
    pub log: &'a Log,
    /// What was handed in, which a rating is shown as well.
    pub patch: &'a Patch,
}

impl Question {
    /// Returns the conversation that asks.
    ///
    /// # Errors
    /// When a template is one of the user's and does not render.
    pub fn messages(self, rated: Rated<'_>, prompts: &Prompts) -> Result<Vec<Message>, PromptError> {
        #[derive(Serialize)]
        struct Variables<'a> {
            log: String,
            patch: &'a str,
        }
        let (system, user) = match self {
            Self::YesNo => ("verifier/system.md", "verifier/question.md"),
            Self::Rating => ("verifier/rate_system.md", "verifier/rate.md"),
        };
        let variables = Variables { log: rated.log.render(prompts)?, patch: rated.patch.0.trim_end() };
        Ok(vec![Message::system(prompts.render(system, ())?), Message::user(prompts.render(user, variables)?)])
    }
}

/// Returns the answer to [`Question::YesNo`] that a verifier is trained to give.
pub fn answer(resolved: bool) -> Message {
    let word = if resolved { "YES" } else { "NO" };
    Message::assistant(format!("{OPENED}{word}</judgement>"), Vec::new())
}
