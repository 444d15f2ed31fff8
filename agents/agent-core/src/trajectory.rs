//! The record of an episode.

use env_core::{Audited, Patch};
use repo::LeftOut;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tool_core::Observation;

use crate::{Completion, Limit, Message, ToolCall, ToolSpec, Usage};

/// Records the lines of a trajectory; each line is on disk before the next begins.
pub trait Recorder: Send {
    /// Appends a line and flushes it.
    ///
    /// # Errors
    /// When the line may not have been kept; the episode then ends.
    fn append(&mut self, record: &Record) -> std::io::Result<()>;
}

/// One line of `trajectory.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "an episode has one header")]
pub enum Record {
    /// The first line: what the episode runs with.
    Header(Header),
    /// A message that the agent put into the conversation.
    Message {
        /// Number of the agent's step, from 0 for what it did to start.
        step: u64,
        /// The message.
        message: Message,
        /// Further fields of another program's record, for imported episodes.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        extra: Map<String, Value>,
        /// Whether it was restored from the record of a killed attempt, or of the episode that this one continues.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
    /// A new conversation begins: what came before is no longer shown to the model.
    Conversation {
        /// Number of the agent's step.
        step: u64,
        /// What it is about, such as the state that the agent is in.
        name: String,
        /// Whether it was restored from the record of a killed attempt, or of the episode that this one continues.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
    /// The model refused a request as too long for its context.
    TooLong {
        /// Number of the agent's step.
        step: u64,
        /// Fingerprint of the request.
        request: String,
        /// Whether it was restored from the record of a killed attempt, or of the episode that this one continues.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
    /// The record of a killed attempt is not used from here on, because something differs from it.
    RecordCut {
        /// Number of the agent's step.
        step: u64,
        /// What differs.
        why: String,
    },
    /// An answer of the model.
    Completion {
        /// Number of the agent's step.
        step: u64,
        /// Fingerprint of the request, by which a replay knows that it is still on the recorded path.
        request: String,
        /// The answer.
        completion: Completion,
        /// Wall-clock seconds it took.
        seconds: f64,
        /// Which part of the conversation the request omitted; absent if it contained all of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        view: Option<View>,
        /// Whether it was restored from the record of a killed attempt, or of the episode that this one continues.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
    /// The observation of a tool call.
    Observation {
        /// Number of the agent's step.
        step: u64,
        /// The call.
        call: ToolCall,
        /// What it showed, before clipping.
        observation: Observation,
        /// The text that the model was shown; absent if that was the whole text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shown: Option<String>,
        /// Wall-clock seconds it took.
        seconds: f64,
        /// Further fields of another program's record, for imported episodes.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        extra: Map<String, Value>,
        /// Whether it was restored from the record of a killed attempt, or of the episode that this one continues.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restored: bool,
    },
    /// The last line.
    Outcome(Outcome),
}

/// Which part of a conversation a request omits, because the context is too small for all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct View {
    /// How many messages are omitted after the first user message.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: usize,
    /// How many of the latest observations are shown; `None` where none is masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observations: Option<usize>,
    /// The text that replaces the earlier ones.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub masked: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What an episode was started with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of this format: 1.
    pub version: u32,
    /// The instance.
    pub instance_id: String,
    /// The environment's name.
    pub environment: String,
    /// The agent's name.
    pub agent: String,
    /// The model's name.
    pub model: String,
    /// Fingerprint of the configuration; an unfinished trajectory continues only under the same one.
    pub config: String,
    /// Absolute path of the repository in the sandbox.
    pub root: String,
    /// The sandbox's provider.
    pub sandbox: String,
    /// Whether the sandbox keeps commands away from the host.
    pub isolated: bool,
    /// Whether the repository's history after the base commit was kept, by request.
    pub history_kept: bool,
    /// The tools the model may call.
    pub tools: Vec<ToolSpec>,
    /// What the episode depends on, as far as it is known.
    #[serde(default)]
    pub origin: Origin,
}

/// What an episode depends on. With different settings, instance text, prompts or image it would be a different
/// episode.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Version of Spotter. An episode may continue under another one: what the model is shown is in the record.
    pub spotter: String,
    /// When this attempt started, in seconds since 1970 (UTC).
    pub started: f64,
    /// The settings that can change what an episode does.
    pub settings: Value,
    /// Digest of what a solver may know of the instance.
    pub instance: String,
    /// Digest of the templates, `texts` aside.
    pub prompts: String,
    /// Digest of the texts of tools; absent in records of versions that had them in their code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub texts: Option<String>,
    /// The dataset as it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The dataset's revision: a commit of the hub, or a digest of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_revision: Option<String>,
    /// Digest of the image that the sandbox was started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What is known of leaks in the image; absent in records of versions that did not ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audited>,
    /// Number of the sample among those of one instance, from 0.
    pub sample: u32,
    /// The episode that this one continues; absent if it started from scratch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
}

/// The episode that another one continues from, and after which step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parent {
    /// The run.
    pub run: String,
    /// The cell of the run.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Number of the sample.
    pub sample: u32,
    /// How many of its steps were reused.
    pub step: u64,
}

impl std::fmt::Display for Parent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { run, cell, instance_id, sample, step } = self;
        write!(formatter, "{run}/{cell}/{instance_id}")?;
        if *sample > 0 {
            write!(formatter, "/{sample}")?;
        }
        write!(formatter, " after step {step}")
    }
}

/// How an episode ended and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How it ended.
    pub exit_status: ExitStatus,
    /// The changes relative to the base commit; `None` when they could not be captured.
    pub patch: Option<Patch>,
    /// Files in the working tree that were left out of the patch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
    /// What it took.
    pub spending: Spending,
}

/// Why an episode ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStatus {
    /// The agent handed its work in.
    Submitted,
    /// A limit was reached.
    Limit(Limit),
    /// The agent found that it cannot solve the instance, and why.
    GaveUp(String),
    /// The model gave no answer.
    ModelFailed(String),
    /// The budget of the run was exhausted, so the episode is not finished.
    BudgetSpent(String),
    /// The sandbox broke.
    SandboxFailed(String),
    /// What the agent ran broke the sandbox.
    SandboxDamaged(String),
    /// The agent's own code or templates failed.
    AgentFailed(String),
}

/// What an outcome counts as before the patch is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeClass {
    /// The agent handed its work in.
    Submitted,
    /// A limit of the agent's was reached, it gave up, or it broke its sandbox.
    AgentLimit,
    /// Infrastructure failed; only these are retried.
    Infrastructure,
}

impl Record {
    /// Returns the number of the agent's step that it is of; `None` for the header and the outcome.
    pub fn step(&self) -> Option<u64> {
        match self {
            Self::Message { step, .. }
            | Self::Conversation { step, .. }
            | Self::TooLong { step, .. }
            | Self::RecordCut { step, .. }
            | Self::Completion { step, .. }
            | Self::Observation { step, .. } => Some(*step),
            Self::Header(_) | Self::Outcome(_) => None,
        }
    }
}

impl ExitStatus {
    /// Returns what the outcome counts as.
    pub fn class(&self) -> OutcomeClass {
        match self {
            Self::Submitted => OutcomeClass::Submitted,
            Self::Limit(_) | Self::GaveUp(_) | Self::SandboxDamaged(_) => OutcomeClass::AgentLimit,
            Self::ModelFailed(_) | Self::BudgetSpent(_) | Self::SandboxFailed(_) | Self::AgentFailed(_) => {
                OutcomeClass::Infrastructure
            }
        }
    }
}

/// What an episode took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    /// Steps of the agent.
    pub steps: u64,
    /// Queries to the model.
    pub queries: u64,
    /// Tokens over all queries.
    pub usage: Usage,
    /// US dollars over the queries of known price.
    pub cost: f64,
    /// Queries of unknown price, which `cost` does not hold.
    pub unpriced_queries: u64,
    /// Wall-clock seconds of the whole episode.
    pub seconds: f64,
    /// Of these, seconds waiting for the model.
    pub model_seconds: f64,
    /// Of these, seconds waiting for tools.
    pub tool_seconds: f64,
    /// Of these, what the reused steps of a parent took, which was paid for there.
    #[serde(default, skip_serializing_if = "Restored::is_none")]
    pub restored: Restored,
}

/// Answers that were reused from another episode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Restored {
    /// How many.
    pub queries: u64,
    /// Their tokens.
    pub usage: Usage,
    /// US dollars over those of known price.
    pub cost: f64,
    /// Those of unknown price.
    pub unpriced_queries: u64,
}

impl Restored {
    fn is_none(&self) -> bool {
        self.queries == 0
    }
}

impl Spending {
    /// Returns what the episode itself paid for: without the answers that were reused from a parent.
    #[must_use]
    pub fn paid(&self) -> Self {
        let Restored { queries, usage, cost, unpriced_queries } = self.restored;
        let less = u64::saturating_sub;
        Self {
            queries: less(self.queries, queries),
            usage: Usage {
                prompt_tokens: less(self.usage.prompt_tokens, usage.prompt_tokens),
                completion_tokens: less(self.usage.completion_tokens, usage.completion_tokens),
                cached_tokens: less(self.usage.cached_tokens, usage.cached_tokens),
            },
            cost: (self.cost - cost).max(0.0),
            unpriced_queries: less(self.unpriced_queries, unpriced_queries),
            restored: Restored::default(),
            ..*self
        }
    }
}

/// A trajectory as read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// Every whole line, in order.
    pub records: Vec<Record>,
    /// Whether the last line was incomplete, as a killed run leaves it.
    pub torn: bool,
}

impl Trajectory {
    /// Parses the text of a `trajectory.jsonl`. A last line that does not parse is left out and noted.
    ///
    /// # Errors
    /// The number of an earlier line that does not parse, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut records = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(line) {
                Ok(record) => records.push(record),
                Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => return Ok(Self { records, torn: true }),
                Err(err) => return Err(format!("line {}: {err}", index + 1)),
            }
        }
        Ok(Self { records, torn: false })
    }

    /// Returns the header, when the file got as far.
    pub fn header(&self) -> Option<&Header> {
        match self.records.first() {
            Some(Record::Header(header)) => Some(header),
            _ => None,
        }
    }

    /// Returns the outcome, when the episode got as far.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self.records.last() {
            Some(Record::Outcome(outcome)) => Some(outcome),
            _ => None,
        }
    }

    /// Returns how many steps the agent took.
    pub fn steps(&self) -> u64 {
        self.records.iter().filter_map(Record::step).max().unwrap_or_default()
    }

    /// Returns whether the model was queried, that is, not every answer was restored from an earlier record.
    pub fn asked(&self) -> bool {
        self.records.iter().any(|record| {
            matches!(record, Record::Completion { restored: false, .. } | Record::TooLong { restored: false, .. })
        })
    }

    /// Returns whether this contains an answer that the other one does not.
    pub fn holds_more_than(&self, other: &Self) -> bool {
        let mut theirs: Vec<&Completion> = other.completions().map(|(_, completion)| completion).collect();
        self.completions().any(|(_, completion)| match theirs.iter().position(|their| *their == completion) {
            Some(at) => {
                theirs.swap_remove(at);
                false
            }
            None => true,
        })
    }

    /// Returns the model's answers with the fingerprints of their requests.
    pub fn completions(&self) -> impl Iterator<Item = (&str, &Completion)> {
        self.records.iter().filter_map(|record| match record {
            Record::Completion { request, completion, .. } => Some((request.as_str(), completion)),
            _ => None,
        })
    }
}
