//! CodeAct: a shell, an editor, `think` and `finish`, similar to OpenHands.
//!
//! [`CodeAct`] asks the model, runs every call of its answer, and reminds it when there is none. What it says is in
//! `prompts/codeact`; its defaults are in `config.yaml`.

use std::sync::Arc;

use agent_core::{Agent, AgentError, Completion, Episode, Flow, Limit, Message};
use edit::{EditorConfig, StrReplaceEditor};
use schemars::JsonSchema;
use search::{Checkout, SearchConfig, SearchTool};
use serde::{Deserialize, Serialize};
use shell::Bash;
use tool_core::{Finish, Think, Toolbox};

/// The agent's layer of defaults.
pub const CONFIG: &str = include_str!("../config.yaml");

/// The agent of one episode.
pub struct CodeAct {
    config: Config,
    checkout: Arc<Checkout>,
    idle: usize,
}

/// Settings of the agent.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the shell tool as the model sees it; SWE-Gym's models know it as `execute_bash`. Default bash.
    pub bash_name: String,
    /// Whether the comments on the issue are shown. Default false.
    pub hints: bool,
    /// Whether the model is offered `think`. Default true.
    pub think: bool,
    /// Answers in a row without a usable call after which the episode ends. Default 5.
    pub max_idle: usize,
    /// Settings of `str_replace_editor`.
    pub editor: EditorConfig,
    /// Search tools that the model is offered: `search_code`, `find_symbol`, `view_code`, `list_files`. Default none.
    pub search_tools: Vec<SearchTool>,
    /// Settings of the search tools.
    pub search: SearchConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bash_name: "bash".to_owned(),
            hints: false,
            think: true,
            max_idle: 5,
            editor: EditorConfig::default(),
            search_tools: Vec::new(),
            search: SearchConfig::default(),
        }
    }
}

impl Agent for CodeAct {
    const NAME: &'static str = "codeact";
    type Config = Config;

    fn new(config: Config) -> Self {
        let checkout = Checkout::new(config.search.clone());
        Self { config, checkout, idle: 0 }
    }

    fn tools(&self) -> Toolbox {
        let tools = Toolbox::default()
            .with_named(&self.config.bash_name, Bash)
            .with(StrReplaceEditor::new(self.config.editor.clone()))
            .with(Finish);
        let tools = search::offer(tools, &self.config.search_tools, &self.checkout);
        if self.config.think { tools.with(Think) } else { tools }
    }

    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        self.checkout.name_repository(&episode.instance().repo);
        self.checkout.rerank_with(episode.embedder());
        episode.push(Message::system(episode.render("codeact/system.md")?))?;
        let hints = serde_json::json!({ "hints": self.config.hints });
        episode.push(Message::user(episode.render_with("codeact/instance.md", hints)?))
    }

    async fn step(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        let completion = episode.query().await?;
        if episode.act_all(&completion.message.tool_calls).await? {
            return Ok(Flow::Submit);
        }
        if completion.malformed.is_some() || completion.message.tool_calls.is_empty() {
            self.remind(episode, &completion)?;
        } else {
            self.idle = 0;
        }
        Ok(Flow::Continue)
    }
}

impl CodeAct {
    /// Tells the model that nothing was run, and why.
    fn remind(&mut self, episode: &mut Episode, completion: &Completion) -> Result<(), AgentError> {
        self.idle += 1;
        if self.idle >= self.config.max_idle {
            return Err(AgentError::Limit(Limit::Idle));
        }
        let text = match &completion.malformed {
            Some(why) => episode.render_with("codeact/malformed.md", serde_json::json!({ "why": why }))?,
            None => {
                let last = self.idle + 1 == self.config.max_idle;
                episode.render_with("codeact/nudge.md", serde_json::json!({ "last": last }))?
            }
        };
        episode.push(Message::user(text))
    }
}
