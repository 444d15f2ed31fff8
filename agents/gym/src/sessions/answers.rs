//! The answers to the latest calls of a session, for clients that lost theirs on the way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// How many are kept.
const KEPT: usize = 8;

/// An answer, once it is there.
pub(crate) type Coming = watch::Receiver<Option<Arc<str>>>;

/// The answers to the latest calls of a session, by the ids of their tasks.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<VecDeque<(String, Coming)>>);

impl Answers {
    /// Returns the answer to a call, where it is kept.
    pub(crate) fn find(&self, id: &str) -> Option<Coming> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().find(|(of, _)| of == id).map(|(_, answer)| answer.clone())
    }

    /// Keeps the answer to one more call, and returns what it is put into.
    pub(crate) fn add(&self, id: &str) -> (watch::Sender<Option<Arc<str>>>, Coming) {
        let (sender, coming) = watch::channel(None);
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= KEPT {
            answers.pop_front();
        }
        answers.push_back((id.to_owned(), coming.clone()));
        (sender, coming)
    }
}
