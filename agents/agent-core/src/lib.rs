//! Agents, episodes, models, trajectories, limits and the loop.
//!
//! [`Agent`] decides, one step at a time, through an [`Episode`]: `render` a prompt, `push` a message, `query` the
//! [`Model`], `act` on a tool call. Limits, cost, context, clipping, stuck detection and recording live inside `query`
//! and `act`. [`run`] drives an agent to its [`Outcome`]. This crate does no IO: models and recorders are given to it.

mod conversation;
mod resume;

mod agent;
mod episode;
mod fresh_sandbox;
mod run;

mod message;
mod model;
mod trajectory;

mod episode_texts;
mod limits;
mod secrets;
mod stuck;
mod surrogates;

pub use agent::{Agent, AgentError, Flow};
pub use conversation::clip::clip;
pub use conversation::context::{ContextConfig, ContextStrategy};
pub use conversation::segments::{Segment, Shown};
pub use episode::{Episode, EpisodeParts};
pub use episode_texts::EpisodeTexts;
pub use fresh_sandbox::FreshSandbox;
pub use limits::{Limit, Limits};
pub use message::{CallExtras, Extras, Message, Role, ToolCall};
pub use model::{Completion, FinishReason, Model, ModelError, Request, Served, ToolSpec, Usage};
pub use resume::noise::same_but_noise;
pub use resume::place::{escaped, moved, moved_message};
pub use run::run;
pub use secrets::Secrets;
pub use stuck::{StuckDetector, StuckPattern};
pub use surrogates::without_lone_surrogates;
pub use trajectory::{
    ExitStatus, Header, Origin, Outcome, OutcomeClass, Parent, Record, Recorder, Restored, Spending, Trajectory, View,
};
