//! The conversations of an episode as its model saw them.

use crate::{Message, Record, Role, Trajectory, View};

/// A part of an episode in which the conversation only grew, so that a trainer can use it as one sequence.
///
/// A new segment begins with a new conversation, and when a request omits or masks what an earlier one contained. Each
/// answer was sampled in exactly one.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment<'a> {
    /// What the conversation is about, such as the state that the agent was in; empty for that of an agent that has
    /// one.
    pub name: &'a str,
    /// The messages, as the model was shown them, including those after the last answer, which would have been shown
    /// next.
    pub messages: Vec<Shown<'a>>,
}

/// A message of a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'a> {
    /// The message, as the model was shown it.
    pub message: Message,
    /// The record that it is from.
    pub record: &'a Record,
    /// Whether it is an answer that was sampled in this segment, and not in an earlier one.
    pub sampled: bool,
}

impl Trajectory {
    /// Returns the segments of the episode, in order; none for an empty conversation. Messages are as the model was
    /// shown them, except that observations are not clipped in records of versions that did not keep the clipped text.
    pub fn segments(&self) -> Vec<Segment<'_>> {
        let mut segments = Segments::default();
        self.records.iter().for_each(|record| segments.take(record));
        segments.close();
        segments.closed
    }
}

/// The segments up to a record.
#[derive(Default)]
struct Segments<'a> {
    closed: Vec<Segment<'a>>,
    name: &'a str,
    /// All of the conversation, whether it is shown or not.
    history: Vec<Message>,
    records: Vec<&'a Record>,
    /// What the last request of the conversation left out.
    view: Option<&'a View>,
    /// The segment under way.
    shown: Vec<Shown<'a>>,
}

impl<'a> Segments<'a> {
    fn take(&mut self, record: &'a Record) {
        match record {
            // The records of several attempts at one episode may follow one another.
            Record::Header(_) => self.begin(""),
            Record::Conversation { name, .. } => self.begin(name),
            Record::Message { message, .. } => self.say(message.clone(), record, false),
            Record::Completion { completion, view, .. } => {
                self.see(view.as_ref());
                self.say(completion.message.clone(), record, true);
            }
            Record::Observation { call, observation, shown, .. } => {
                let text = shown.as_ref().unwrap_or(&observation.text);
                self.say(Message::tool(call, text.as_str()), record, false);
            }
            Record::TooLong { .. } | Record::RecordCut { .. } | Record::Outcome(_) => {}
        }
    }

    fn begin(&mut self, name: &'a str) {
        self.close();
        self.history.clear();
        self.records.clear();
        self.view = None;
        self.name = name;
    }

    fn say(&mut self, message: Message, record: &'a Record, sampled: bool) {
        self.history.push(message.clone());
        self.records.push(record);
        self.shown.push(Shown { message, record, sampled });
    }

    /// Starts a segment where the request does not hold all that the last one held, as it was.
    fn see(&mut self, view: Option<&'a View>) {
        let masks = view.is_some_and(|view| view.observations.is_some());
        if view == self.view && !masks {
            return;
        }
        self.view = view;
        let all = View::default();
        let view = view.unwrap_or(&all);
        let message = |(index, masked): (usize, bool)| {
            let mut message = self.history[index].clone();
            if masked {
                message.content.clone_from(&view.masked);
            }
            Shown { message, record: self.records[index], sampled: false }
        };
        let shown: Vec<Shown<'a>> = view.kept(&self.history).map(message).collect();
        let grows =
            shown.len() == self.shown.len() && shown.iter().zip(&self.shown).all(|(a, b)| a.message == b.message);
        if !grows {
            self.close();
            self.shown = shown;
        }
    }

    /// Ends the segment under way; one without an answer counts only where there is no other.
    fn close(&mut self) {
        let messages = std::mem::take(&mut self.shown);
        if messages.iter().any(|shown| shown.sampled) || (self.closed.is_empty() && !messages.is_empty()) {
            self.closed.push(Segment { name: self.name, messages });
        }
    }
}

impl View {
    /// Returns what is shown of the messages.
    pub fn of(&self, messages: &[Message]) -> Vec<Message> {
        let shown = |(index, masked): (usize, bool)| {
            let mut message: Message = messages[index].clone();
            if masked {
                message.content.clone_from(&self.masked);
            }
            message
        };
        self.kept(messages).map(shown).collect()
    }

    /// Returns the places of the messages that are shown, and whether the mask stands in for their text.
    fn kept<'m>(&self, messages: &'m [Message]) -> impl Iterator<Item = (usize, bool)> + use<'m> {
        let head = head_length(messages);
        let resumed = head.saturating_add(self.dropped);
        let observations = messages.iter().enumerate().filter(|(_, message)| message.role == Role::Tool);
        let observations: Vec<usize> = observations.map(|(index, _)| index).collect();
        let keep = self.observations.unwrap_or(usize::MAX).min(observations.len());
        let first_shown = observations.get(observations.len() - keep).copied().unwrap_or(messages.len());
        let kept = (0..messages.len()).filter(move |index| *index < head || *index >= resumed);
        kept.map(move |index| (index, messages[index].role == Role::Tool && index < first_shown))
    }
}

/// Returns the number of messages that are never dropped: all up to the first user message.
pub(crate) fn head_length(messages: &[Message]) -> usize {
    messages.iter().position(|message| message.role == Role::User).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Completion, FinishReason, ToolCall};
    use serde_json::Map;
    use tool_core::Observation;

    fn call(number: usize) -> ToolCall {
        ToolCall { id: format!("c{number}"), name: "bash".to_owned(), arguments: "{}".to_owned() }
    }

    fn said(text: &str) -> Record {
        Record::Message { step: 0, message: Message::user(text), extra: Map::new(), restored: false }
    }

    fn answered(number: usize, view: Option<View>) -> Record {
        let completion = Completion {
            message: Message::assistant(format!("a{number}"), vec![call(number)]),
            finish_reason: FinishReason::ToolCalls,
            usage: crate::Usage::default(),
            cost: None,
            malformed: None,
            served: None,
        };
        Record::Completion { step: 1, request: String::new(), completion, seconds: 0.0, view, restored: false }
    }

    fn observed(number: usize, shown: Option<&str>) -> Record {
        Record::Observation {
            step: 1,
            call: call(number),
            observation: Observation::text(format!("o{number}")),
            shown: shown.map(str::to_owned),
            seconds: 0.0,
            extra: Map::new(),
            restored: false,
        }
    }

    /// Returns the texts of each segment, sampled ones with a star.
    fn texts(records: Vec<Record>) -> Vec<String> {
        let trajectory = Trajectory { records, torn: false };
        let text = |shown: &Shown<'_>| format!("{}{}", shown.message.content, if shown.sampled { "*" } else { "" });
        let segment = |segment: &Segment<'_>| segment.messages.iter().map(text).collect::<Vec<_>>().join(" ");
        trajectory.segments().iter().map(segment).collect()
    }

    #[test]
    fn a_conversation_that_only_grows_is_one_segment_as_it_was_shown() {
        let records =
            vec![said("u"), answered(1, None), observed(1, Some("cut")), answered(2, None), observed(2, None)];
        assert_eq!(texts(records), ["u a1* cut a2* o2"]);
        assert_eq!(texts(vec![said("u")]), ["u"]);
        assert!(texts(Vec::new()).is_empty());
    }

    #[test]
    fn what_is_dropped_or_masked_begins_a_segment_and_no_answer_is_sampled_twice() {
        let dropped = Some(View { dropped: 2, ..View::default() });
        let records = || vec![said("u"), answered(1, None), observed(1, None), answered(2, None), observed(2, None)];
        let more = |view: Option<View>| {
            let mut records = records();
            records.extend([answered(3, view.clone()), observed(3, None), answered(4, view)]);
            texts(records)
        };
        assert_eq!(more(None), ["u a1* o1 a2* o2 a3* o3 a4*"]);
        assert_eq!(more(dropped), ["u a1* o1 a2* o2", "u a2 o2 a3* o3 a4*"]);
        let masked = Some(View { dropped: 0, observations: Some(1), masked: "-".to_owned() });
        assert_eq!(more(masked), ["u a1* o1 a2* o2", "u a1 - a2 o2 a3* o3", "u a1 - a2 - a3 o3 a4*"]);
    }

    #[test]
    fn each_conversation_has_its_segments() {
        let began = |name: &str| Record::Conversation { step: 1, name: name.to_owned(), restored: false };
        let records = vec![began("Search"), said("u"), answered(1, None), began("Plan"), said("v"), answered(2, None)];
        assert_eq!(texts(records), ["u a1*", "v a2*"]);
    }
}
