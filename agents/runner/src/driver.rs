//! What drives an episode from outside: it asks for calls, and is told what they showed.
//!
//! [`driver`] returns both ends. The episode itself runs as any other, so that its limits, its record and the verdict on
//! its patch are those of any other.

use agent_core::{Message, ToolCall};
use tokio::sync::{mpsc, oneshot};

/// The end of whoever drives an episode.
#[derive(Debug)]
pub struct Driver {
    asks: mpsc::Sender<Ask>,
}

/// Tells when an episode has begun.
#[derive(Debug)]
pub struct Beginning(oneshot::Receiver<Vec<Message>>);

/// The end of the episode.
#[derive(Debug)]
pub struct Asks {
    begun: Option<oneshot::Sender<Vec<Message>>>,
    asks: mpsc::Receiver<Ask>,
}

/// What is asked of an episode.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A call of a tool.
    Call {
        call: ToolCall,
        /// Takes what it showed.
        shown: oneshot::Sender<Shown>,
        /// Is told when the episode waits for the next call.
        waiting: oneshot::Sender<()>,
    },
    /// Its end.
    End(End),
}

/// How an episode ends without a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// What is there is handed in and judged; with the reason.
    Judged(String),
    /// It comes to nothing and has no verdict; with the reason.
    Dropped(String),
}

/// What a call showed, as a model is to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The text, clipped as the limits say.
    pub text: String,
    /// Whether the call was refused or failed.
    pub is_error: bool,
    /// Exit code, where a command ran.
    pub exit_code: Option<i32>,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// What it showed; `None` where the episode ended before.
    pub shown: Option<Shown>,
    /// Whether the episode waits for another call, rather than that it has ended.
    pub goes_on: bool,
}

/// Returns both ends of what drives an episode, and what tells of its beginning.
pub fn driver() -> (Driver, Beginning, Asks) {
    let (begun, beginning) = oneshot::channel();
    let (sender, asks) = mpsc::channel(1);
    (Driver { asks: sender }, Beginning(beginning), Asks { begun: Some(begun), asks })
}

impl Beginning {
    /// Waits until the episode takes calls and returns its first messages; `None` when it has ended before.
    pub async fn wait(self) -> Option<Vec<Message>> {
        self.0.await.ok()
    }
}

impl Driver {
    /// Has a tool called and waits until the episode takes another call, or ends. Calls are run one after another.
    pub async fn call(&self, call: ToolCall) -> Called {
        let (shown, was_shown) = oneshot::channel();
        let (waiting, is_waiting) = oneshot::channel();
        if self.asks.send(Ask::Call { call, shown, waiting }).await.is_err() {
            return Called { shown: None, goes_on: false };
        }
        let shown = was_shown.await.ok();
        Called { shown, goes_on: is_waiting.await.is_ok() }
    }

    /// Has the episode end, once the call under way has.
    pub async fn end(&self, end: End) {
        // It may have ended by itself.
        let _ = self.asks.send(Ask::End(end)).await;
    }
}

impl Asks {
    /// Tells whoever drives it that the episode has begun.
    pub(crate) fn begin(&mut self, messages: &[Message]) {
        if let Some(begun) = self.begun.take() {
            // Nobody may be there any more, which the first step finds.
            let _ = begun.send(messages.to_vec());
        }
    }

    /// Waits for what is asked next; `None` when nobody can ask any more.
    pub(crate) async fn next(&mut self) -> Option<Ask> {
        self.asks.recv().await
    }
}
