//! Moatless: finds the code, plans a change, makes it, in small questions with a budget each.
//!
//! [`Moatless`] is a state machine ([`TRANSITIONS`]): each state begins a conversation of its own, asks for one action
//! and moves on. What it says is in `prompts/moatless`; its defaults are in `config.yaml`. A second flow, `actions`,
//! offers every action in one conversation.

mod edit_target;
mod machine;

mod context;

mod config;
mod edits;
mod files;
mod run_tests;

mod asking_state;
mod episode_state;

mod actions;
mod states;

use std::sync::Arc;

use agent_core::{Agent, AgentError, Completion, Episode, Flow, Limit, Message};
use serde_json::json;
use tool_core::{Texts, Toolbox};

use crate::episode_state::{EpisodeState, Progress};
use crate::machine::State;

pub use config::{Config, FlowKind, Initial, TestsConfig};
pub use edit_target::EditTarget;
pub use machine::{
    ClarifyCodeChange, DecideRelevance, EditCode, Edited, Finished, IdentifyCode, Move, Named, Note, PlanToCode,
    Rejected, RunTests, SearchCode, State as MachineState, TRANSITIONS,
};

/// The agent's layer of defaults.
pub const CONFIG: &str = include_str!("../config.yaml");

/// The agent of one episode.
pub struct Moatless {
    shared: Arc<EpisodeState>,
    /// Whether the current state has asked.
    asked: bool,
    /// Unusable answers in the current state, or in a row.
    useless: usize,
    /// What was wrong with the last of them, in the current state.
    why: Option<String>,
}

impl Agent for Moatless {
    const NAME: &'static str = "moatless";
    type Config = Config;

    fn new(config: Config) -> Self {
        Self { shared: EpisodeState::new(config), asked: false, useless: 0, why: None }
    }

    fn tools(&self) -> Toolbox {
        match self.shared.config.flow {
            FlowKind::States => states::tools(&self.shared),
            FlowKind::Actions => actions::tools(&self.shared),
        }
    }

    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        self.shared.checkout.name_repository(&episode.instance().repo);
        self.shared.checkout.rerank_with(episode.embedder());
        if self.shared.config.flow == FlowKind::Actions {
            let settings = json!({ "run_tests": self.shared.config.runs_tests() });
            episode.push(Message::system(episode.render_with("moatless/actions.md", settings)?))?;
            episode.push(Message::user(episode.render("moatless/actions_ask.md")?))?;
        }
        Ok(())
    }

    async fn step(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        match self.shared.config.flow {
            FlowKind::States => self.ask(episode).await,
            FlowKind::Actions => self.go_on(episode).await,
        }
    }
}

impl Moatless {
    /// Takes a step of the state machine: one answer in the current state.
    async fn ask(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        if !self.asked {
            self.enter(episode).await?;
        }
        let state = self.shared.progress().await.machine.state().clone();
        let tool = state.tool().unwrap_or_default();
        let led_on = self.answer(episode, tool).await?;
        let mut progress = self.shared.progress().await;
        if !led_on {
            self.useless += 1;
            if self.useless <= state.retries(&self.shared.config) {
                return Ok(Flow::Continue);
            }
            let told = episode.texts();
            let why = self.why.clone().unwrap_or_else(|| Texts::render(&told, "moatless/no_call", json!({})));
            let has_given_in = progress.give_in(&why, &told);
            told.check()?;
            if !has_given_in {
                return Err(AgentError::Limit(Limit::Idle));
            }
        }
        progress.machine.advance(&self.shared.config)?;
        self.asked = false;
        match progress.machine.state() {
            State::Finished(_) => Ok(Flow::Submit),
            State::Rejected(rejected) => Err(AgentError::GaveUp(rejected.reason.clone())),
            _ => Ok(Flow::Continue),
        }
    }

    /// Begins the conversation of the current state.
    async fn enter(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        let (state, brief) = {
            let mut progress = self.shared.progress().await;
            let Progress { machine, work } = &mut *progress;
            work.issue.clone_from(&episode.instance().problem_statement);
            let told = episode.texts();
            let brief = machine.state().brief(&mut self.shared.action_context(episode.sandbox(), &told, work)).await;
            // Nobody was there to be told of a refusal.
            let brief = brief.map_err(|err| err.message(&told).map_or_else(AgentError::from, AgentError::Failed))?;
            told.check()?;
            (machine.state().clone(), brief)
        };
        let tool = state.tool().unwrap_or_default();
        episode.begin_conversation(state.name())?;
        episode.push(Message::system(episode.render_with(&format!("moatless/{tool}.md"), &brief)?))?;
        episode.push(Message::user(episode.render_with(&format!("moatless/{tool}_ask.md"), &brief)?))?;
        self.asked = true;
        self.useless = 0;
        self.why = None;
        Ok(())
    }

    /// Asks once and does what is answered; returns whether that led on. The limits of the state, and not the detector
    /// of circles, say when the same answer was given too often.
    async fn answer(&mut self, episode: &mut Episode, tool: &str) -> Result<bool, AgentError> {
        let completion = match episode.query_with(&[tool]).await {
            Err(AgentError::Limit(Limit::Stuck)) => None,
            answered => Some(answered?),
        };
        let calls = completion.as_ref().map(|completion| completion.message.tool_calls.clone()).unwrap_or_default();
        for call in &calls {
            match episode.act(call).await {
                Ok(shown) if shown.is_error => self.why = Some(shown.text.trim_start_matches("ERROR: ").to_owned()),
                Ok(_) | Err(AgentError::Limit(Limit::Stuck)) => {}
                Err(err) => return Err(err),
            }
            if self.shared.progress().await.machine.is_leaving() {
                return Ok(true);
            }
        }
        if calls.iter().all(|call| call.name != tool) {
            self.remind(episode, completion.as_ref(), Some(tool))?;
        }
        Ok(false)
    }

    /// Tells the model that nothing was done, and why.
    fn remind(
        &self,
        episode: &mut Episode,
        completion: Option<&Completion>,
        tool: Option<&str>,
    ) -> Result<(), AgentError> {
        let why = completion.and_then(|completion| completion.malformed.as_deref());
        let reminder = json!({ "why": why, "tool": tool });
        let text = episode.render_with("moatless/nudge.md", reminder)?;
        episode.push(Message::user(text))
    }

    /// Takes a step of the second flow: one answer and its calls.
    async fn go_on(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        let completion = episode.query().await?;
        if episode.act_all(&completion.message.tool_calls).await? {
            return Ok(Flow::Submit);
        }
        self.useless = if completion.message.tool_calls.is_empty() { self.useless + 1 } else { 0 };
        match self.useless {
            0 => {}
            useless if useless >= self.shared.config.max_idle => return Err(AgentError::Limit(Limit::Idle)),
            _ => self.remind(episode, Some(&completion), None)?,
        }
        Ok(Flow::Continue)
    }
}

/// Returns the texts of the tools.
#[cfg(test)]
fn texts() -> impl Texts {
    let prompts = prompts::Prompts::new(std::collections::BTreeMap::new()).unwrap_or_else(|err| panic!("{err}"));
    move |name: &str, values: serde_json::Value| prompts.render(name, values).unwrap_or_else(|err| panic!("{err}"))
}
