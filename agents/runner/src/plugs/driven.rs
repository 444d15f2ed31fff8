//! An agent whose steps come from outside.

use agent_core::{Agent, AgentError, Episode, Flow, Message};
use tokio::sync::oneshot;
use tool_core::{Finish, Tool, Toolbox};

use crate::driver::{Ask, Asks, End, Shown};

/// The name on the wire of the tool that hands the work in.
pub(crate) const SUBMIT: &str = "submit";

/// An agent's first messages and its tools, with calls that come from outside.
pub(super) struct Driven<A> {
    agent: A,
    asks: Asks,
    /// Whoever waits for the next step.
    waiting: Option<oneshot::Sender<()>>,
    /// What was asked while a call was under way.
    next: Option<Ask>,
}

impl<A> Driven<A> {
    pub(super) fn by(agent: A, asks: Asks) -> Self {
        Self { agent, asks, waiting: None, next: None }
    }
}

/// Returns an agent's tools with one that hands the work in, which is named `submit`.
pub(super) fn toolbox(tools: Toolbox) -> Toolbox {
    if tools.signatures().any(|signature| signature.name == Finish::NAME) {
        return tools.renamed(Finish::NAME, SUBMIT);
    }
    tools.with_named(SUBMIT, Finish)
}

impl<A: Agent> Driven<A> {
    /// Runs a call, which is recorded as an answer of whoever asks for it, and returns whether it hands the work in. It is
    /// stopped where the episode is to end.
    async fn call(
        &mut self,
        episode: &mut Episode,
        call: &agent_core::ToolCall,
        shown: oneshot::Sender<Shown>,
    ) -> Result<bool, AgentError> {
        episode.push(Message::assistant("", vec![call.clone()]))?;
        let acted = tokio::select! {
            biased;
            acted = episode.act(call) => acted,
            end = ended(&mut self.asks, &mut self.next) => Err(end.into()),
        };
        let answers = |message: &&Message| message.tool_call_id.as_deref() == Some(call.id.as_str());
        if let Some(message) = episode.messages().last().filter(answers) {
            let (is_error, exit_code) = match &acted {
                Ok(observation) => (observation.is_error, observation.exit_code),
                Err(_) => (false, None),
            };
            // Whoever asked may have gone; the episode does not depend on it.
            let _ = shown.send(Shown { text: message.content.clone(), is_error, exit_code });
        }
        let observation = acted?;
        Ok(call.name == SUBMIT && !observation.is_error)
    }
}

impl<A: Agent> Agent for Driven<A> {
    const NAME: &'static str = A::NAME;
    type Config = A::Config;

    /// An agent that nobody drives ends with its first step.
    fn new(config: A::Config) -> Self {
        let (_, _, asks) = crate::driver::driver();
        Self::by(A::new(config), asks)
    }

    fn tools(&self) -> Toolbox {
        toolbox(self.agent.tools())
    }

    fn start(&mut self, episode: &mut Episode) -> Result<(), AgentError> {
        self.agent.start(episode)?;
        self.asks.begin(episode.messages());
        Ok(())
    }

    async fn step(&mut self, episode: &mut Episode) -> Result<Flow, AgentError> {
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(());
        }
        let asked = match self.next.take() {
            Some(asked) => Some(asked),
            None => self.asks.next().await,
        };
        match asked {
            Some(Ask::Call { call, shown, waiting }) => {
                self.waiting = Some(waiting);
                let is_last = self.call(episode, &call, shown).await?;
                Ok(if is_last { Flow::Submit } else { Flow::Continue })
            }
            Some(Ask::End(end)) => Err(end.into()),
            None => Err(AgentError::GaveUp("nobody asks for calls any more".to_owned())),
        }
    }
}

/// Waits until the episode is to end; what else is asked waits in `next`.
async fn ended(asks: &mut Asks, next: &mut Option<Ask>) -> End {
    while next.is_none() {
        match asks.next().await {
            Some(Ask::End(end)) => return end,
            Some(call) => *next = Some(call),
            None => break,
        }
    }
    std::future::pending().await
}

impl From<End> for AgentError {
    fn from(end: End) -> Self {
        match end {
            End::Judged(why) => Self::GaveUp(why),
            End::Dropped(why) => Self::Failed(why),
        }
    }
}
