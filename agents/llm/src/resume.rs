//! Goes on where a killed episode ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use agent_core::{Completion, Model, ModelError, Request, Trajectory};
use async_trait::async_trait;

use crate::answers::Answers;
use crate::place::moved_completion;

/// Gives the answers of an unfinished trajectory again for as long as the requests are the recorded ones, then asks
/// another model. Nothing that was paid for is paid for twice.
pub struct Resume {
    answers: Answers,
    root: String,
    live: Arc<dyn Model>,
    reused: AtomicUsize,
    handed_over: AtomicBool,
}

impl Resume {
    /// Resumes `trajectory` with `live`; `root` is the repository's place in the current sandbox.
    pub fn new(trajectory: &Trajectory, root: &str, live: Arc<dyn Model>) -> Self {
        Self {
            answers: Answers::of_trajectory(trajectory),
            root: root.to_owned(),
            live,
            reused: AtomicUsize::new(0),
            handed_over: AtomicBool::new(false),
        }
    }

    /// Returns how many answers were given again.
    pub fn reused(&self) -> usize {
        self.reused.load(Ordering::Relaxed)
    }

    /// Returns the next answer, when the request is the one that it answered.
    fn recorded(&self, request: &Request) -> Option<Result<Completion, ModelError>> {
        if self.handed_over.load(Ordering::Relaxed) {
            return None;
        }
        let answer = self.answers.list.get(self.reused())?;
        if answer.fingerprint != request.fingerprint(&self.root) {
            return None;
        }
        Some(match &answer.answer {
            Ok(completion) => Ok(moved_completion(completion, &answer.root, &self.root)),
            Err(err) => Err(err.clone().into()),
        })
    }
}

#[async_trait]
impl Model for Resume {
    fn name(&self) -> &str {
        self.live.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        if let Some(answer) = self.recorded(request) {
            self.reused.fetch_add(1, Ordering::Relaxed);
            return answer;
        }
        let completion = self.live.complete(request).await?;
        if !self.handed_over.swap(true, Ordering::Relaxed) {
            let (reused, all) = (self.reused(), self.answers.list.len());
            match all.saturating_sub(reused) {
                0 => tracing::info!("went on after all {all} recorded answers"),
                lost => tracing::warn!("went on after {reused} recorded answers, {lost} no longer fit"),
            }
        }
        Ok(completion)
    }
}
