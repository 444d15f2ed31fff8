//! Answers given before, with what they answered.

use agent_core::{Completion, Message, ModelError, Record, Request, Trajectory};
use serde::{Deserialize, Serialize};

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The model's name.
    pub(crate) model: String,
    /// Absolute path of the repository in the sandbox.
    pub(crate) root: String,
    /// What was asked.
    pub(crate) request: Request,
    /// The answer, unless there was an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Completion>,
    /// The error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<RecordedError>,
}

/// Why there was no answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordedError {
    Transient(String),
    ContextLength(String),
    Permanent(String),
}

/// An answer given before.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// What it answered, as far as that is known.
    pub(crate) messages: Vec<Message>,
    /// Names of the tools that were offered, where they are known.
    pub(crate) tools: Option<Vec<String>>,
    /// Fingerprint of the request.
    pub(crate) fingerprint: String,
    /// The agent's step, where it is known.
    pub(crate) step: Option<u64>,
    pub(crate) answer: Result<Completion, RecordedError>,
    /// Where the repository was.
    pub(crate) root: String,
}

/// All answers of a recording or a trajectory, in order.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) model: String,
    pub(crate) list: Vec<Answer>,
}

impl Answers {
    /// Reads a recording or a trajectory, whichever the text is; a torn last line is left out.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let is_line = serde_json::from_str::<serde_json::Value>(first).is_ok_and(|line| line.get("request").is_some());
        if is_line {
            Self::of_recording(text)
        } else {
            Trajectory::parse(text).map(|whole| Self::of_trajectory(&whole))
        }
    }

    /// Returns the answers of a trajectory. The requests are put together from its lines, so that a message that was
    /// clipped or masked is not quite the one that was sent; the fingerprints are.
    pub(crate) fn of_trajectory(trajectory: &Trajectory) -> Self {
        let header = trajectory.header();
        let mut root = String::new();
        let mut messages = Vec::new();
        let mut list = Vec::new();
        for record in &trajectory.records {
            match record {
                // The records of several attempts at one episode may follow one another.
                Record::Header(header) => {
                    root.clone_from(&header.root);
                    messages.clear();
                }
                Record::Conversation { .. } => messages.clear(),
                Record::RecordCut { .. } | Record::Outcome(_) => {}
                Record::Message { message, .. } => messages.push(message.clone()),
                Record::Observation { call, observation, .. } => {
                    messages.push(Message::tool(call, observation.text.clone()));
                }
                Record::TooLong { step, request, .. } => {
                    let refused = RecordedError::ContextLength("the request was too long".to_owned());
                    list.push(answer(&messages, *step, request, Err(refused), &root));
                }
                Record::Completion { step, request, completion, .. } => {
                    list.push(answer(&messages, *step, request, Ok(completion.clone()), &root));
                    messages.push(completion.message.clone());
                }
            }
        }
        Self { model: header.map(|header| header.model.clone()).unwrap_or_default(), list }
    }

    fn of_recording(text: &str) -> Result<Self, String> {
        let lines: Vec<&str> = text.lines().collect();
        let mut model = String::new();
        let mut list = Vec::new();
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let parsed: Line = match serde_json::from_str(line) {
                Ok(parsed) => parsed,
                Err(_) if index + 1 == lines.len() => break,
                Err(err) => return Err(format!("line {}: {err}", index + 1)),
            };
            let answer = match (parsed.response, parsed.error) {
                (Some(completion), _) => Ok(completion),
                (None, Some(error)) => Err(error),
                (None, None) => return Err(format!("line {}: neither `response` nor `error`", index + 1)),
            };
            model = parsed.model;
            list.push(Answer {
                fingerprint: parsed.request.fingerprint(&parsed.root),
                tools: Some(parsed.request.tools.iter().map(|tool| tool.name.clone()).collect()),
                messages: parsed.request.messages,
                step: None,
                answer,
                root: parsed.root,
            });
        }
        Ok(Self { model, list })
    }
}

/// Returns an answer of a trajectory.
fn answer(
    messages: &[Message],
    step: u64,
    request: &str,
    answer: Result<Completion, RecordedError>,
    root: &str,
) -> Answer {
    Answer {
        messages: messages.to_vec(),
        tools: None,
        fingerprint: request.to_owned(),
        step: Some(step),
        answer,
        root: root.to_owned(),
    }
}

impl From<&ModelError> for RecordedError {
    fn from(err: &ModelError) -> Self {
        let message = err.to_string();
        match err {
            ModelError::Transient { .. } => Self::Transient(message),
            ModelError::ContextLength(_) => Self::ContextLength(message),
            // A replay has no budget, and no answer at this place.
            ModelError::Permanent(_) | ModelError::Budget(_) => Self::Permanent(message),
        }
    }
}

impl From<RecordedError> for ModelError {
    fn from(err: RecordedError) -> Self {
        match err {
            RecordedError::Transient(message) => Self::Transient { message, retry_after: None },
            RecordedError::ContextLength(message) => Self::ContextLength(message),
            RecordedError::Permanent(message) => Self::Permanent(message),
        }
    }
}
