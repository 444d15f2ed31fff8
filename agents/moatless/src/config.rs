//! The settings of the agent.

use schemars::JsonSchema;
use search::SearchConfig;
use serde::{Deserialize, Serialize};

use crate::context::ContextSize;

/// Settings of the agent.
///
/// A token is four bytes of text, by rule of thumb. The defaults are what the state machine of Moatless 0.0.2 ran with
/// in SWE-Gym's experiments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How the agent works: `states`, one question a state, or `actions`, one conversation with all tools. Default
    /// `states`.
    pub flow: FlowKind,
    /// Changes of state after which the episode ends. Default 25.
    pub max_transitions: usize,
    /// Unusable answers that a state accepts before it gives in; one more makes it give in. Default 2.
    pub max_retries: usize,
    /// The same for `SearchCode`, which then moves on with the code that was found before. Default 3.
    pub max_search_retries: usize,
    /// Rejected edits that an episode allows; one more ends it. Default 2.
    pub max_rejections: usize,
    /// Visits that `PlanToCode` and `EditCode` are allowed each. Default 8.
    pub max_visits: usize,
    /// For `actions`: answers in a row without a usable call after which the episode ends. Default 5.
    pub max_idle: usize,
    /// What is shown of the repository before the first search.
    pub initial: Initial,
    /// Most spans that the requests of one search find in total. Default 75.
    pub max_results: usize,
    /// Whether tests are also searched. Default false.
    pub search_tests: bool,
    /// Tokens of the search results in `IdentifyCode`. Default 12000.
    pub identify_tokens: usize,
    /// Whether the class and the constructor of an identified method are added to the file context. Default true.
    pub expand_context: bool,
    /// Decisions that found the file context relevant after which one more is enough, complete or not. Default 1.
    pub finish_after_relevant: usize,
    /// Tokens of the file context. Default 16000.
    pub context_tokens: usize,
    /// What the share of a span of the file context is divided by for each rank after the first. Default 1.05.
    pub context_decay: f64,
    /// Tokens that each span of the file context gets, whatever its rank. Default 50.
    pub context_least: usize,
    /// Whether lines that are only a comment are left out of the file context. Default false.
    pub hide_comments: bool,
    /// Whether `review` hands the work in once an edit was made. Default true.
    pub finish_on_review: bool,
    /// Tokens of the lines that one edit replaces; for a longer span the lines are asked for. Default 750.
    pub edit_tokens: usize,
    /// Tokens of the file context in `EditCode`, where it is shown. Default 8000.
    pub edit_context_tokens: usize,
    /// Whether `EditCode` shows the file context. Default false.
    pub edit_context: bool,
    /// Whether `EditCode` asks for thoughts before the code. Default false.
    pub edit_thoughts: bool,
    /// Whether Python files are checked for errors that an edit introduces. Default true.
    pub lint: bool,
    /// Whether `PlanToCode` may create files. Default false.
    pub create_files: bool,
    /// Whether tests may be run: `PlanToCode` gets the state `RunTests`, and `actions` the tool. Default false for
    /// `states`, true for `actions`.
    pub run_tests: Option<bool>,
    /// How tests are run.
    pub tests: TestsConfig,
    /// Settings of the code index.
    pub search: SearchConfig,
}

/// How the agent works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    /// The state machine: a conversation of its own for each state, with one action on offer.
    #[default]
    States,
    /// One conversation with every action on offer.
    Actions,
}

/// What is shown of the repository before the first search: what the issue's own words find.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Initial {
    /// Tokens of it; 0 shows nothing. Default 4000.
    pub tokens: usize,
    /// Spans of it. Default 50.
    pub results: usize,
    /// Spans of one file. Default 5.
    pub spans_per_file: usize,
}

/// How tests are run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestsConfig {
    /// The command, with `{files}` for the test files; `null` takes `tests/runtests.py` or `bin/test` where the
    /// repository has one, else pytest. Default `null`.
    pub command: Option<String>,
    /// Seconds that the tests may take. Default 300.
    pub timeout: f64,
    /// Tokens of the output that is shown, its end. Default 2000.
    pub tokens: usize,
}

impl Config {
    /// Returns how the file context is shown.
    pub(crate) fn shown(&self) -> ContextSize {
        ContextSize {
            tokens: self.context_tokens,
            decay: self.context_decay,
            least: self.context_least,
            hide_comments: self.hide_comments,
        }
    }

    /// Returns whether tests may be run.
    pub fn runs_tests(&self) -> bool {
        self.run_tests.unwrap_or(self.flow == FlowKind::Actions)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            flow: FlowKind::default(),
            max_transitions: 25,
            max_retries: 2,
            max_search_retries: 3,
            max_rejections: 2,
            max_visits: 8,
            max_idle: 5,
            initial: Initial::default(),
            max_results: 75,
            search_tests: false,
            identify_tokens: 12_000,
            expand_context: true,
            finish_after_relevant: 1,
            context_tokens: 16_000,
            context_decay: 1.05,
            context_least: 50,
            hide_comments: false,
            finish_on_review: true,
            edit_tokens: 750,
            edit_context_tokens: 8_000,
            edit_context: false,
            edit_thoughts: false,
            lint: true,
            create_files: false,
            run_tests: None,
            tests: TestsConfig::default(),
            search: SearchConfig::default(),
        }
    }
}

impl Default for Initial {
    fn default() -> Self {
        Self { tokens: 4_000, results: 50, spans_per_file: 5 }
    }
}

impl Default for TestsConfig {
    fn default() -> Self {
        Self { command: None, timeout: 300.0, tokens: 2_000 }
    }
}
