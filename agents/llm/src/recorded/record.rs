//! Records the requests of a model and its answers.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use agent_core::{Completion, Model, ModelError, Request};
use async_trait::async_trait;

use crate::recorded::answers::Line;

/// Wraps a model and appends every request with its answer or error to a JSON Lines file, which [`crate::Replay`]
/// reads.
pub struct Record {
    inner: Arc<dyn Model>,
    root: String,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Record {
    /// Records `inner` into `out`; `root` is the repository's place in the current sandbox.
    pub fn new(inner: Arc<dyn Model>, root: &str, out: Box<dyn Write + Send>) -> Self {
        Self { inner, root: root.to_owned(), out: Mutex::new(out) }
    }

    fn write(&self, line: &Line) -> std::io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        // One write for the whole line, so that two recorders of one file do not mix theirs.
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

#[async_trait]
impl Model for Record {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let answer = self.inner.complete(request).await;
        let line = Line {
            model: self.name().to_owned(),
            root: self.root.clone(),
            request: request.clone(),
            response: answer.as_ref().ok().cloned(),
            error: answer.as_ref().err().map(Into::into),
        };
        let write_failed = |err| ModelError::Permanent(format!("the recording could not be written: {err}"));
        self.write(&line).map_err(write_failed)?;
        answer
    }
}
