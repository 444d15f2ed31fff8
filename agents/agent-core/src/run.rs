//! The loop.

use tokio::time::timeout;

use crate::{Agent, AgentError, Episode, ExitStatus, Flow, Limit, Outcome};

/// Drives an agent to the end of its episode and takes the patch, however it ended.
pub async fn run<A: Agent>(mut agent: A, mut episode: Episode) -> Outcome {
    let ended = match episode.remaining() {
        None => drive(&mut agent, &mut episode).await,
        Some(remaining) => match timeout(remaining, drive(&mut agent, &mut episode)).await {
            Ok(ended) => ended,
            Err(_) => Err(AgentError::Limit(Limit::Time)),
        },
    };
    let exit_status = match ended {
        Ok(()) => ExitStatus::Submitted,
        Err(err) => ExitStatus::from(err),
    };
    episode.finish(exit_status).await
}

async fn drive<A: Agent>(agent: &mut A, episode: &mut Episode) -> Result<(), AgentError> {
    agent.start(episode)?;
    loop {
        episode.next_step()?;
        match agent.step(episode).await? {
            Flow::Continue => {}
            Flow::Submit => return Ok(()),
        }
    }
}
