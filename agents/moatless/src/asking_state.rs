//! A state that asks the model for one action, and the tool by which it answers.

use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::config::Config;
use crate::episode_state::{ActionContext, EpisodeState, Progress, Work};
use crate::machine::{Move, Named};

/// A state that asks the model for one action.
///
/// What it says is in `prompts/moatless/<tool>.md` and `prompts/moatless/<tool>_ask.md`, the description of its tool in
/// `prompts/tools/<tool>.md`.
pub(crate) trait AskingState: Named + Clone + Send + Sync + 'static {
    /// The tool by which the model answers.
    const TOOL: &'static str;

    /// What the model answers.
    type Action: DeserializeOwned + JsonSchema + Send;

    /// Returns what the templates are given.
    fn brief(&self, ctx: &mut ActionContext<'_>) -> impl Future<Output = Result<Value, ToolError>> + Send;

    /// Does what the model answered.
    ///
    /// # Errors
    /// [`ToolError::Rejected`] for an unusable answer, which the model is told and may correct.
    fn act(
        &self,
        action: Self::Action,
        ctx: &mut ActionContext<'_>,
    ) -> impl Future<Output = Result<Move<Self>, ToolError>> + Send;

    /// Returns where to go when the model gave too many unusable answers; `None` ends the episode. `why` is what was
    /// wrong with the last of them.
    fn give_in(&self, work: &Work, why: String) -> Option<Move<Self>>;

    /// Returns how many unusable answers it takes before it gives in.
    fn retries(config: &Config) -> usize {
        config.max_retries
    }
}

/// The tool of a state.
pub(crate) struct ActionTool<S> {
    shared: Arc<EpisodeState>,
    state: PhantomData<fn() -> S>,
}

impl<S> ActionTool<S> {
    pub(crate) fn new(shared: &Arc<EpisodeState>) -> Self {
        Self { shared: shared.clone(), state: PhantomData }
    }
}

impl<S: AskingState> Tool for ActionTool<S> {
    const NAME: &'static str = S::TOOL;
    type Args = S::Action;

    async fn call(
        &self,
        action: S::Action,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let mut progress = self.shared.progress().await;
        let Progress { machine, work } = &mut *progress;
        let Some(state) = S::of(machine.state()).cloned() else {
            return Err(ToolError::Rejected(texts.render("moatless/not_on_offer", json!({ "tool": S::TOOL }))));
        };
        let moved = state.act(action, &mut self.shared.action_context(sandbox, texts, work)).await?;
        let shown = format!("{} -> {}", S::NAME, moved.enters());
        machine.leave(moved);
        Ok(Observation::text(shown))
    }
}
