//! The states of the machine, one file each.

mod clarify_code_change;
mod decide_relevance;
mod edit_code;
mod identify_code;
mod plan_to_code;
mod run_tests;
mod search_code;

use std::sync::Arc;

use serde_json::{Value, json};
use tool_core::{Texts, ToolError, Toolbox};

use crate::asking_state::{ActionTool, AskingState};
use crate::config::Config;
use crate::episode_state::{ActionContext, EpisodeState, Progress};
use crate::machine::{
    ClarifyCodeChange, DecideRelevance, EditCode, IdentifyCode, Named, PlanToCode, RunTests, SearchCode, State,
};

/// Does the same in whichever state it is; `$end` where nothing is asked any more.
macro_rules! each {
    ($state:expr, $it:ident => $do:expr, $end:expr) => {
        match $state {
            State::SearchCode($it) => $do,
            State::IdentifyCode($it) => $do,
            State::DecideRelevance($it) => $do,
            State::PlanToCode($it) => $do,
            State::ClarifyCodeChange($it) => $do,
            State::EditCode($it) => $do,
            State::RunTests($it) => $do,
            State::Finished(_) | State::Rejected(_) => $end,
        }
    };
}

/// Returns the tools of all states; each is refused but in its own.
pub(crate) fn tools(shared: &Arc<EpisodeState>) -> Toolbox {
    let tools = Toolbox::default()
        .with(ActionTool::<SearchCode>::new(shared))
        .with(ActionTool::<IdentifyCode>::new(shared))
        .with(ActionTool::<DecideRelevance>::new(shared))
        .with(ActionTool::<PlanToCode>::new(shared))
        .with(ActionTool::<ClarifyCodeChange>::new(shared))
        .with(ActionTool::<EditCode>::new(shared));
    if shared.config.runs_tests() { tools.with(ActionTool::<RunTests>::new(shared)) } else { tools }
}

impl State {
    /// Returns the tool that is on offer.
    pub(crate) fn tool(&self) -> Option<&'static str> {
        fn of<S: AskingState>(_: &S) -> &'static str {
            S::TOOL
        }
        each!(self, state => Some(of(state)), None)
    }

    /// Returns what the templates are given.
    pub(crate) async fn brief(&self, ctx: &mut ActionContext<'_>) -> Result<Value, ToolError> {
        each!(self, state => state.brief(ctx).await, Ok(Value::Null))
    }

    /// Returns how many unusable answers are taken.
    pub(crate) fn retries(&self, config: &Config) -> usize {
        fn of<S: AskingState>(_: &S, config: &Config) -> usize {
            S::retries(config)
        }
        each!(self, state => of(state, config), 0)
    }
}

impl Progress {
    /// Leaves the state after too many unusable answers; returns whether the table has a way for that.
    pub(crate) fn give_in(&mut self, why: &str, texts: &dyn Texts) -> bool {
        let Self { machine, work } = self;
        each!(machine.state().clone(), state => {
            let why = texts.render("moatless/gave_in", json!({ "state": name(&state), "why": why }));
            match state.give_in(work, why) {
                Some(moved) => {
                    machine.leave(moved);
                    true
                }
                None => false,
            }
        }, false)
    }
}

fn name<S: Named>(_: &S) -> &'static str {
    S::NAME
}
