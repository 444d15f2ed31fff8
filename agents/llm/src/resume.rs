//! Goes on where a killed episode ended.

use std::sync::{Arc, Mutex, PoisonError};

use agent_core::{Completion, Model, ModelError, Request, Trajectory};
use async_trait::async_trait;

use crate::answers::{Answer, Answers};
use crate::place::moved_completion;

/// Gives the answers of an unfinished trajectory again wherever a request is one that it answers, and asks another model
/// for the rest. Nothing that was paid for is paid for twice.
pub struct Resume {
    answers: Answers,
    root: String,
    live: Arc<dyn Model>,
    /// Which answers were given.
    given: Mutex<Vec<bool>>,
}

impl Resume {
    /// Resumes `trajectory` with `live`; `root` is the repository's place in the current sandbox.
    pub fn new(trajectory: &Trajectory, root: &str, live: Arc<dyn Model>) -> Self {
        let answers = Answers::of_trajectory(trajectory);
        let given = Mutex::new(vec![false; answers.list.len()]);
        Self { answers, root: root.to_owned(), live, given }
    }

    /// Returns how many answers were given again.
    pub fn reused(&self) -> usize {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|given| **given).count()
    }

    /// Takes the first answer to this request that was not given yet.
    fn recorded(&self, request: &Request) -> Option<&Answer> {
        let fingerprint = request.fingerprint(&self.root);
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pairs = self.answers.list.iter().zip(given.iter_mut());
        let (answer, given) = pairs.find(|(answer, given)| !**given && answer.fingerprint == fingerprint)?;
        *given = true;
        Some(answer)
    }
}

#[async_trait]
impl Model for Resume {
    fn name(&self) -> &str {
        self.live.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        match self.recorded(request) {
            None => self.live.complete(request).await,
            Some(answer) => match &answer.answer {
                Ok(completion) => Ok(moved_completion(completion, &answer.root, &self.root)),
                Err(err) => Err(err.clone().into()),
            },
        }
    }
}
