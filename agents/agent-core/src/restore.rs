//! Brings an episode that was killed back to where it was.

use std::collections::VecDeque;

use tool_core::Observation;

use crate::noise::same_but_noise;
use crate::{Completion, Message, Record, ToolCall, Trajectory};

/// The record of an unfinished episode, which is gone through again.
///
/// What it holds is the conversation, word for word: its messages, answers and observations are given again as they were,
/// and its commands are only run to bring the sandbox to the same state. Where a command now shows something that differs
/// by more than noise, or the agent does something else, the record ends before the next answer.
pub(crate) struct Restore {
    records: VecDeque<Record>,
    /// Where the repository was.
    root: String,
    /// How many answers were given again.
    answers: usize,
}

/// What the record holds in the place of an answer.
pub(crate) enum Answered {
    /// The request was refused as too long.
    TooLong(String),
    /// An answer: the fingerprint of its request, itself, and the seconds it took.
    Completion(String, Box<Completion>, f64),
}

impl Restore {
    /// Takes in an unfinished trajectory; `None` where nothing was answered in it.
    pub(crate) fn new(trajectory: Trajectory) -> Option<Self> {
        trajectory.completions().next()?;
        let root = trajectory.header()?.root.clone();
        let is_event = |record: &Record| !matches!(record, Record::Header(_) | Record::Outcome(_));
        let mut records: VecDeque<Record> = trajectory.records.into_iter().filter(is_event).collect();
        // What stands behind the last answer was not seen by the model, unless it goes on with that answer's calls.
        let last =
            records.iter().rposition(|record| matches!(record, Record::Completion { .. } | Record::TooLong { .. }));
        records.truncate(last.map_or(0, |last| last + 1));
        Some(Self { records, root, answers: 0 })
    }

    /// Returns where the repository was: the model was told so, and is told so from now on.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    /// Returns the message that the agent put into the conversation then.
    pub(crate) fn message(&mut self, now: &Message) -> Option<Message> {
        match self.records.pop_front()? {
            Record::Message { message, .. } if message.role == now.role => Some(message),
            other => self.ends_with(other),
        }
    }

    /// Returns whether a conversation of this name began then.
    pub(crate) fn conversation(&mut self, now: &str) -> bool {
        match self.records.pop_front() {
            Some(Record::Conversation { name, .. }) if name == now => true,
            Some(other) => self.ends_with::<()>(other).is_some(),
            None => false,
        }
    }

    /// Returns what was answered then.
    pub(crate) fn answer(&mut self) -> Option<Answered> {
        match self.records.pop_front()? {
            Record::TooLong { request, .. } => Some(Answered::TooLong(request)),
            Record::Completion { request, completion, seconds, .. } => {
                self.answers += 1;
                Some(Answered::Completion(request, Box::new(completion), seconds))
            }
            other => self.ends_with(other),
        }
    }

    /// Returns what the model was shown of a call then, if what the call shows now differs by noise alone; else the record
    /// ends here, and why is said.
    pub(crate) fn observation(&mut self, call: &ToolCall, now: &Observation) -> Result<Option<Observation>, String> {
        match self.records.pop_front() {
            None => Ok(None),
            Some(Record::Observation { call: then, observation, .. })
                if then.name == call.name && then.arguments == call.arguments =>
            {
                if observation.is_error == now.is_error && same_but_noise(&observation.text, &now.text) {
                    return Ok(Some(observation));
                }
                self.records.clear();
                Err(format!("`{}` shows something else than it did then", call.name))
            }
            Some(_) => {
                self.records.clear();
                Err(format!("`{}` was not called then", call.name))
            }
        }
    }

    /// Ends the record where the agent does not do what it did then.
    fn ends_with<T>(&mut self, _: Record) -> Option<T> {
        self.records.clear();
        None
    }
}
