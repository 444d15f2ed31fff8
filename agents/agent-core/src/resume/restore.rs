//! Restores an episode that was killed.

use std::collections::VecDeque;

use tool_core::Observation;

use crate::resume::noise::same_but_noise;
use crate::{Completion, Message, Record, ToolCall, Trajectory};

/// The record of an unfinished episode, or of the first steps of another one, which is gone through again.
///
/// What it holds is the conversation, word for word: its messages, answers and observations are given again as they
/// were, and its commands are only run to bring the sandbox to the same state. Where a command now shows something that
/// differs by more than noise, or the agent does something else, the record ends before the next answer.
pub(crate) struct Restore {
    records: VecDeque<Record>,
    /// Where the repository was.
    root: String,
    /// How many answers were restored.
    answers: usize,
    /// Why the record ended before its last answer, where nobody has asked yet.
    cut: Option<String>,
}

/// What the record holds in place of an answer.
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
        let header = trajectory.header()?;
        let root = header.root.clone();
        // All that is in the steps of another episode was seen by the model there.
        let shared = header.origin.parent.as_ref().map_or(0, |parent| parent.step);
        let is_event =
            |record: &Record| !matches!(record, Record::Header(_) | Record::Outcome(_) | Record::RecordCut { .. });
        let mut records: VecDeque<Record> = trajectory.records.into_iter().filter(is_event).collect();
        // What is after the last answer was not seen by the model, unless it continues with that answer's calls.
        let is_kept = |record: &Record| {
            matches!(record, Record::Completion { .. } | Record::TooLong { .. })
                || record.step().is_some_and(|step| step <= shared)
        };
        let last = records.iter().rposition(is_kept);
        records.truncate(last.map_or(0, |last| last + 1));
        Some(Self { records, root, answers: 0, cut: None })
    }

    /// Returns where the repository was: the model was told so, and is told so from now on.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers
    }

    /// Returns why the rest of the record is not used, once.
    pub(crate) fn take_cut(&mut self) -> Option<String> {
        self.cut.take()
    }

    /// Returns the message that the agent put into the conversation then, if what it puts there now differs by noise
    /// alone.
    pub(crate) fn message(&mut self, now: &Message) -> Option<Message> {
        match self.records.pop_front()? {
            Record::Message { message, .. } if message.role == now.role => {
                if same_but_noise(&message.content, &now.content) {
                    return Some(message);
                }
                self.ends("the agent's message differs from the recorded one")
            }
            _ => self.ends("the record has no message of the agent here"),
        }
    }

    /// Returns whether a conversation of this name began then.
    pub(crate) fn conversation(&mut self, now: &str) -> bool {
        match self.records.pop_front() {
            Some(Record::Conversation { name, .. }) if name == now => true,
            Some(_) => self.ends::<()>(&format!("the record has no conversation `{now}` here")).is_some(),
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
            _ => self.ends("the record has no query here"),
        }
    }

    /// Returns what the model was shown of a call then and the seconds that it took, if what the call shows now differs
    /// by noise alone; else the record ends here.
    pub(crate) fn observation(&mut self, call: &ToolCall, now: &Observation) -> Option<(Observation, f64)> {
        match self.records.pop_front()? {
            Record::Observation { call: then, observation, seconds, .. }
                if then.name == call.name && then.arguments == call.arguments =>
            {
                if observation.is_error == now.is_error && same_but_noise(&observation.text, &now.text) {
                    return Some((observation, seconds));
                }
                self.ends(&format!("`{}` shows something other than in the record", call.name))
            }
            _ => self.ends(&format!("`{}` is not called here in the record", call.name)),
        }
    }

    /// Ends the record here.
    fn ends<T>(&mut self, why: &str) -> Option<T> {
        self.records.clear();
        self.cut = Some(why.to_owned());
        None
    }
}
