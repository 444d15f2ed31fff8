//! What an episode works with, shared between the agent and its tools.

use std::collections::HashMap;
use std::sync::Arc;

use search::{Checkout, SearchRequest};
use tokio::sync::{Mutex, MutexGuard};
use tool_core::Sandbox;

use crate::config::Config;
use crate::context::FileContext;
use crate::machine::{Move, SearchCode, State};

/// What an episode works with.
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) checkout: Arc<Checkout>,
    work: Mutex<Work>,
}

/// What changes in the course of an episode.
pub(crate) struct Work {
    pub(crate) state: State,
    /// Where the last action leads.
    pub(crate) next: Option<Next>,
    /// The issue, whose words are the first search.
    pub(crate) issue: String,
    /// The code that was identified.
    pub(crate) context: FileContext,
    /// What was searched for.
    pub(crate) searched: Vec<SearchRequest>,
    /// Decisions that found the file context relevant.
    pub(crate) relevant: usize,
    /// What each edit that was made was asked to do.
    pub(crate) edits: Vec<String>,
    pub(crate) transitions: usize,
    pub(crate) rejections: usize,
    /// How often each state was entered.
    pub(crate) visits: HashMap<&'static str, usize>,
}

/// Where an action leads, whatever state it was taken in.
pub(crate) struct Next {
    pub(crate) to: State,
    pub(crate) rejects: bool,
}

/// What a state has at hand while it asks or acts.
pub(crate) struct Room<'a> {
    pub(crate) config: &'a Config,
    pub(crate) checkout: &'a Checkout,
    pub(crate) sandbox: &'a dyn Sandbox,
    pub(crate) work: &'a mut Work,
}

impl Desk {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let checkout = Checkout::new(config.search.clone());
        let work = Work {
            state: SearchCode { note: None }.into(),
            next: None,
            issue: String::new(),
            context: FileContext::default(),
            searched: Vec::new(),
            relevant: 0,
            edits: Vec::new(),
            transitions: 0,
            rejections: 0,
            visits: HashMap::new(),
        };
        Arc::new(Self { config, checkout, work: Mutex::new(work) })
    }

    pub(crate) async fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().await
    }

    pub(crate) fn room<'a>(&'a self, sandbox: &'a dyn Sandbox, work: &'a mut Work) -> Room<'a> {
        Room { config: &self.config, checkout: &self.checkout, sandbox, work }
    }
}

impl<S> From<Move<S>> for Next {
    fn from(moved: Move<S>) -> Self {
        Self { to: moved.to, rejects: moved.rejects }
    }
}
