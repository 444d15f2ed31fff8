//! A linear agent with nothing but bash: the shortest whole agent, and the tutorial of the README.

use agent_core::{Agent, AgentError, Episode, Flow, Limit, Message};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shell::Bash;
use tool_core::{Finish, Toolbox};

/// The agent of one episode.
pub struct BashOnly {
    config: Config,
    idle: usize,
}

/// Settings of the agent, which `-c bashonly.max_idle=5` changes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Answers in a row without a usable call after which the episode ends. Default 3.
    pub max_idle: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_idle: 3 }
    }
}

impl Agent for BashOnly {
    const NAME: &'static str = "bashonly";
    type Config = Config;

    fn new(config: Config) -> Self {
        Self { config, idle: 0 }
    }

    fn tools(&self) -> Toolbox {
        Toolbox::default().with(Bash).with(Finish)
    }

    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        episode.push(Message::user(episode.render("bashonly/instance.md")?))
    }

    async fn step(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        let calls = episode.query().await?.message.tool_calls;
        if episode.act_all(&calls).await? {
            return Ok(Flow::Submit);
        }
        self.idle = if calls.is_empty() { self.idle + 1 } else { 0 };
        match self.idle {
            0 => Ok(Flow::Continue),
            idle if idle >= self.config.max_idle => Err(AgentError::Limit(Limit::Idle)),
            _ => episode.push(Message::user(episode.render("bashonly/nudge.md")?)).map(|()| Flow::Continue),
        }
    }
}
