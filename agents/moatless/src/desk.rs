//! What an episode works with, shared between the agent and its tools.

use std::sync::Arc;

use search::{Checkout, SearchRequest};
use tokio::sync::{Mutex, MutexGuard};
use tool_core::Sandbox;

use crate::config::Config;
use crate::context::FileContext;
use crate::machine::Machine;

/// What an episode works with.
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) checkout: Arc<Checkout>,
    course: Mutex<Course>,
}

/// What changes in the course of an episode.
pub(crate) struct Course {
    pub(crate) machine: Machine,
    pub(crate) work: Work,
}

/// What has been found and done.
#[derive(Default)]
pub(crate) struct Work {
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
        let course = Course { machine: Machine::new(), work: Work::default() };
        Arc::new(Self { config, checkout, course: Mutex::new(course) })
    }

    pub(crate) async fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().await
    }

    pub(crate) fn room<'a>(&'a self, sandbox: &'a dyn Sandbox, work: &'a mut Work) -> Room<'a> {
        Room { config: &self.config, checkout: &self.checkout, sandbox, work }
    }
}
