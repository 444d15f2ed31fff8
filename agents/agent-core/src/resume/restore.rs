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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::{FinishReason, Role, Usage};

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
    }

    fn said(step: u64, text: &str) -> Record {
        Record::Message { step, message: Message::user(text), extra: Map::new(), restored: false }
    }

    fn answered(step: u64, text: &str) -> Record {
        let completion = Completion {
            message: Message::assistant(text, Vec::new()),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            cost: None,
            malformed: None,
            served: None,
        };
        Record::Completion { step, request: format!("r{step}"), completion, seconds: 2.0, view: None, restored: false }
    }

    fn observed(step: u64, call: ToolCall, observation: Observation) -> Record {
        let (shown, extra) = (None, Map::new());
        Record::Observation { step, call, observation, shown, seconds: 3.0, extra, restored: false }
    }

    fn conversation(name: &str) -> Record {
        Record::Conversation { step: 1, name: name.to_owned(), restored: false }
    }

    /// Returns what is restored from the record of a killed episode.
    fn restore(records: Vec<Record>) -> Option<Restore> {
        let header = json!({
            "type": "header", "version": 1, "instance_id": "i", "environment": "e", "agent": "a", "model": "m",
            "config": "c", "root": "/testbed", "sandbox": "local", "isolated": false, "history_kept": false,
            "tools": [],
        });
        let header: Record = serde_json::from_value(header).unwrap();
        Restore::new(Trajectory { records: [vec![header], records].concat(), torn: false })
    }

    /// Returns a record that ends with an answer, after `record`.
    fn with(record: Record) -> Restore {
        restore(vec![record, answered(1, "a")]).unwrap()
    }

    /// Checks that the record ends here, for this reason, which is told once.
    fn is_cut(mut restore: Restore, why: &str) {
        assert_eq!(restore.take_cut().as_deref(), Some(why));
        assert_eq!(restore.take_cut(), None);
        assert!(restore.answer().is_none() && !restore.conversation("x"));
        assert_eq!(restore.take_cut(), None, "that a record has ended is no difference");
    }

    #[test]
    fn what_was_answered_is_answered_again_and_counted() {
        let mut restore = restore(vec![
            said(0, "u"),
            Record::TooLong { step: 1, request: "long".to_owned(), restored: false },
            answered(1, "one"),
            Record::RecordCut { step: 2, why: "of an earlier attempt".to_owned() },
            answered(2, "two"),
            said(2, "what no answer was given to"),
        ])
        .unwrap();
        assert_eq!((restore.root(), restore.answers()), ("/testbed", 0));
        assert_eq!(restore.message(&Message::user("u")), Some(Message::user("u")));
        assert!(matches!(restore.answer(), Some(Answered::TooLong(request)) if request == "long"));
        for (step, text) in [(1, "one"), (2, "two")] {
            let Some(Answered::Completion(request, completion, seconds)) = restore.answer() else { panic!("{step}") };
            assert_eq!((request, completion.message.content.as_str(), seconds), (format!("r{step}"), text, 2.0));
            assert_eq!(restore.answers(), step);
        }
        assert!(restore.answer().is_none() && restore.message(&Message::user("u")).is_none());
        assert_eq!((restore.answers(), restore.take_cut()), (2, None));
    }

    #[test]
    fn without_an_answer_there_is_nothing_to_restore() {
        assert!(restore(Vec::new()).is_none());
        assert!(restore(vec![said(0, "u")]).is_none());
    }

    #[test]
    fn a_message_is_that_of_the_record_where_it_differs_by_noise_alone() {
        let recorded = || with(said(0, "took 0.51s, 3 passed"));
        let now = |text: &str| recorded().message(&Message::user(text));
        assert_eq!(now("took 0.74s, 3 passed"), Some(Message::user("took 0.51s, 3 passed")));
        let mut restore = recorded();
        assert_eq!(restore.message(&Message::user("took 0.51s, 2 passed")), None);
        is_cut(restore, "the agent's message differs from the recorded one");
        let mut restore = recorded();
        assert_eq!(restore.message(&Message { role: Role::System, ..Message::user("took 0.51s, 3 passed") }), None);
        is_cut(restore, "the record has no message of the agent here");
    }

    #[test]
    fn a_conversation_is_known_by_its_name() {
        let mut same = with(conversation("edit"));
        assert!(same.conversation("edit"));
        assert_eq!(same.take_cut(), None);
        assert!(same.answer().is_some());
        for record in [conversation("search"), said(1, "edit")] {
            let mut restore = with(record);
            assert!(!restore.conversation("edit"));
            is_cut(restore, "the record has no conversation `edit` here");
        }
    }

    #[test]
    fn an_answer_is_not_taken_from_elsewhere() {
        let mut restore = with(said(0, "u"));
        assert!(restore.answer().is_none());
        assert_eq!(restore.answers(), 0);
        is_cut(restore, "the record has no query here");
    }

    #[test]
    fn an_observation_is_that_of_the_record_where_the_same_call_shows_the_same() {
        let recorded = || {
            let (call, shown) = (call("1", "bash", "{\"a\": 1}"), Observation::text("took 0.51s, 3 passed"));
            restore(vec![answered(1, "a"), observed(1, call, shown), answered(2, "b")]).map(|mut restore| {
                assert!(restore.answer().is_some());
                restore
            })
        };
        let now = Observation::text("took 0.74s, 3 passed");
        // The id of a call says nothing of what it does.
        let mut same = recorded().unwrap();
        let found = same.observation(&call("2", "bash", "{\"a\": 1}"), &now);
        assert_eq!(found, Some((Observation::text("took 0.51s, 3 passed"), 3.0)));
        assert_eq!(same.take_cut(), None);
        for (name, arguments) in [("edit", "{\"a\": 1}"), ("bash", "{\"a\": 2}"), ("edit", "{}")] {
            let mut restore = recorded().unwrap();
            assert_eq!(restore.observation(&call("1", name, arguments), &now), None);
            is_cut(restore, &format!("`{name}` is not called here in the record"));
        }
        for other in [Observation::text("took 0.51s, 2 passed"), Observation { is_error: true, ..now.clone() }] {
            let mut restore = recorded().unwrap();
            assert_eq!(restore.observation(&call("1", "bash", "{\"a\": 1}"), &other), None);
            is_cut(restore, "`bash` shows something other than in the record");
        }
    }
}
