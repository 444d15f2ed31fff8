//! Moatless: finds the code, plans a change, makes it, in small questions with a budget each.
//!
//! [`Moatless`] is a state machine ([`TRANSITIONS`]): each state begins a conversation of its own, asks for one action
//! and moves on. What it says is in `prompts/moatless`; its defaults are in `config.yaml`. A second flow, `actions`,
//! offers every action in one conversation.

mod machine;
mod spot;

mod context;

mod config;
mod diff;
mod files;
mod lint;
mod near;
mod replace;
mod run_tests;

mod asks;
mod desk;

mod actions;
mod states;

use std::sync::Arc;

use agent_core::{Agent, AgentError, Completion, Episode, Flow, Limit, Message};
use serde_json::json;
use tool_core::{Finish as FinishTool, Tool, ToolError, Toolbox};

use crate::desk::{Desk, Next};
use crate::machine::State;

pub use config::{Config, FlowKind, Initial, TestsConfig};
pub use machine::{
    Clarify, ClarifyCodeChange, DecideRelevance, DidSearch, Edit, EditCode, Finish, Finished, IdentifyCode, Move,
    Named, Note, On, PlanToCode, Reject, Rejected, RunTests, Search, SearchCode, TRANSITIONS, Test, Trigger,
};
pub use spot::Spot;

/// The agent's layer of defaults.
pub const CONFIG: &str = include_str!("../config.yaml");

/// The agent of one episode.
pub struct Moatless {
    desk: Arc<Desk>,
    /// Whether the current state has asked.
    asked: bool,
    /// Answers of no use in the current state, or in a row.
    useless: usize,
}

impl Agent for Moatless {
    const NAME: &'static str = "moatless";
    type Config = Config;

    fn new(config: Config) -> Self {
        Self { desk: Desk::new(config), asked: false, useless: 0 }
    }

    fn tools(&self) -> Toolbox {
        match self.desk.config.flow {
            FlowKind::States => states::tools(&self.desk),
            FlowKind::Actions => actions::tools(&self.desk),
        }
    }

    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        self.desk.checkout.name_repository(&episode.instance().repo);
        if self.desk.config.flow == FlowKind::Actions {
            let settings = json!({ "run_tests": self.desk.config.runs_tests() });
            episode.push(Message::system(episode.render_with("moatless/actions.md", settings)?))?;
            episode.push(Message::user(episode.render("moatless/actions_ask.md")?))?;
        }
        Ok(())
    }

    async fn step(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        match self.desk.config.flow {
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
        let tool = self.desk.work().await.state.tool().unwrap_or_default();
        let completion = episode.query_with(&[tool]).await?;
        let mut why = String::new();
        for call in &completion.message.tool_calls {
            let shown = episode.act(call).await?;
            let next = self.desk.work().await.next.take();
            if let Some(next) = next {
                return self.go(next).await;
            }
            why = shown.text;
        }
        if completion.message.tool_calls.is_empty() {
            why = self.remind(episode, &completion, tool)?;
        }
        self.useless += 1;
        let next = {
            let work = self.desk.work().await;
            let left = self.useless <= work.state.retries(&self.desk.config);
            if left { None } else { Some(work.state.give_in(&work, &why)) }
        };
        match next {
            None => Ok(Flow::Continue),
            Some(Some(next)) => self.go(next).await,
            Some(None) => Err(AgentError::Limit(Limit::Idle)),
        }
    }

    /// Begins the conversation of the current state.
    async fn enter(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        let (state, brief) = {
            let mut work = self.desk.work().await;
            work.issue.clone_from(&episode.instance().problem_statement);
            let state = work.state.clone();
            let visits = work.visits.entry(state.name()).or_default();
            *visits += 1;
            let counted = matches!(state, State::PlanToCode(_) | State::EditCode(_));
            if counted && *visits > self.desk.config.max_visits {
                return Err(AgentError::Limit(Limit::Transitions));
            }
            let brief = state.brief(&mut self.desk.room(episode.sandbox(), &mut work)).await;
            (state, brief.map_err(failed)?)
        };
        let tool = state.tool().unwrap_or_default();
        episode.begin_conversation(state.name())?;
        episode.push(Message::system(episode.render_with(&format!("moatless/{tool}.md"), &brief)?))?;
        episode.push(Message::user(episode.render_with(&format!("moatless/{tool}_ask.md"), &brief)?))?;
        self.asked = true;
        self.useless = 0;
        Ok(())
    }

    /// Moves on to the next state.
    async fn go(&mut self, next: Next) -> Result<Flow, AgentError> {
        let mut work = self.desk.work().await;
        work.transitions += 1;
        work.rejections += usize::from(next.rejects);
        work.state = next.to;
        self.asked = false;
        match &work.state {
            State::Finished(_) => Ok(Flow::Submit),
            State::Rejected(rejected) => Err(AgentError::GaveUp(rejected.reason.clone())),
            _ if work.rejections > self.desk.config.max_rejections => {
                Err(AgentError::GaveUp(format!("{} edits were rejected", work.rejections)))
            }
            _ if work.transitions >= self.desk.config.max_transitions => Err(AgentError::Limit(Limit::Transitions)),
            _ => Ok(Flow::Continue),
        }
    }

    /// Tells the model that nothing was done, and why.
    fn remind(&self, episode: &mut Episode, completion: &Completion, tool: &str) -> Result<String, AgentError> {
        let reminder = json!({ "why": completion.malformed, "tool": tool });
        let text = episode.render_with("moatless/nudge.md", reminder)?;
        episode.push(Message::user(text.clone()))?;
        Ok(text)
    }

    /// Takes a step of the second flow: one answer and its calls.
    async fn go_on(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        let completion = episode.query().await?;
        for call in &completion.message.tool_calls {
            let shown = episode.act(call).await?;
            if call.name == FinishTool::NAME && !shown.is_error {
                return Ok(Flow::Submit);
            }
        }
        self.useless = if completion.message.tool_calls.is_empty() { self.useless + 1 } else { 0 };
        match self.useless {
            0 => {}
            useless if useless >= self.desk.config.max_idle => return Err(AgentError::Limit(Limit::Idle)),
            _ => drop(self.remind(episode, &completion, FinishTool::NAME)?),
        }
        Ok(Flow::Continue)
    }
}

/// Returns why a state could not ask: nobody was there to be told of a refusal.
fn failed(err: ToolError) -> AgentError {
    match err {
        ToolError::Sandbox(err) => err.into(),
        ToolError::Rejected(why) => AgentError::Failed(why),
    }
}
