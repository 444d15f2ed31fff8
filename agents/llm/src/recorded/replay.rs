//! Answers from a recording or a trajectory.

use std::sync::{Mutex, PoisonError};

use agent_core::{Completion, Message, Model, ModelError, Request, Trajectory, moved_message};
use async_trait::async_trait;

use crate::OnDivergence;
use crate::recorded::answers::{Answer, Answers};

/// Characters shown before and after the place at which two texts part.
const AROUND: (usize, usize) = (60, 140);

/// Replays the answers of a recording or a trajectory, offline.
///
/// A request is matched by its fingerprint; what the answers say of the recorded repository's place is moved to the
/// current one.
#[derive(Debug)]
pub struct Replay {
    answers: Answers,
    root: String,
    on_divergence: OnDivergence,
    used: Mutex<Used>,
}

#[derive(Debug)]
struct Used {
    /// Which answers were given.
    given: Vec<bool>,
    /// The answer given last, from which a divergence is searched.
    last: Option<usize>,
}

impl Replay {
    /// Reads a recording or a `trajectory.jsonl`; `root` is the repository's place in the current sandbox.
    ///
    /// # Errors
    /// The number of a line that does not parse, and why; or that there is no answer in it.
    pub fn parse(text: &str, root: &str, on_divergence: OnDivergence) -> Result<Self, String> {
        let answers = Answers::parse(text)?;
        if answers.list.is_empty() {
            return Err("it holds no answers".to_owned());
        }
        Ok(Self::of(answers, root, on_divergence))
    }

    /// Replays a trajectory.
    pub fn of_trajectory(trajectory: &Trajectory, root: &str, on_divergence: OnDivergence) -> Self {
        Self::of(Answers::of_trajectory(trajectory), root, on_divergence)
    }

    fn of(answers: Answers, root: &str, on_divergence: OnDivergence) -> Self {
        let used = Mutex::new(Used { given: vec![false; answers.list.len()], last: None });
        Self { answers, root: root.to_owned(), on_divergence, used }
    }

    /// Picks the next answer; a recording of several episodes may hold others' before it.
    fn pick(&self, request: &Request) -> Result<usize, ModelError> {
        let fingerprint = request.fingerprint(&self.root);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let free = |index: &usize| !used.given[*index];
        let mut left = (0..used.given.len()).filter(free);
        let next =
            left.clone().find(|index| used.last.is_none_or(|last| *index > last)).or_else(|| left.clone().next());
        let same = left.find(|index| self.answers.list[*index].fingerprint == fingerprint);
        // So many messages were found equal before.
        let known = used.last.map_or(0, |last| self.answers.list[last].messages.len());
        let chosen = match (same, next, self.on_divergence) {
            (Some(same), _, _) => same,
            (None, Some(next), OnDivergence::Ignore) => next,
            (None, Some(next), OnDivergence::Fail) => {
                let answer = &self.answers.list[next];
                return Err(ModelError::Permanent(divergence(answer, next, request, &self.root, known)));
            }
            (None, None, _) => {
                let count = self.answers.list.len();
                return Err(ModelError::Permanent(format!("the replay has no more answers, all {count} were used")));
            }
        };
        if let Some(same) = same {
            for difference in tolerated(&self.answers.list[same], request, &self.root, known) {
                tracing::info!("the replay ignores a difference: {difference}");
            }
        }
        used.given[chosen] = true;
        used.last = Some(chosen);
        Ok(chosen)
    }
}

#[async_trait]
impl Model for Replay {
    fn name(&self) -> &str {
        if self.answers.model.is_empty() { "replay" } else { &self.answers.model }
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        let answer = &self.answers.list[self.pick(request)?];
        match &answer.answer {
            Ok(completion) => {
                let message = moved_message(&completion.message, &answer.root, &self.root);
                Ok(Completion { message, ..completion.clone() })
            }
            Err(err) => Err(err.clone().into()),
        }
    }
}

/// Says at which step a request is not the recorded one, and which message differs first. The `known` first messages
/// were found equal before.
pub(crate) fn divergence(answer: &Answer, index: usize, request: &Request, root: &str, known: usize) -> String {
    let step = answer.step.map(|step| format!(" (step {step})")).unwrap_or_default();
    let start = format!("the replay diverges at answer {}{step}", index + 1);
    let hint = "hint: `model.on_divergence=ignore` continues regardless";
    let recorded: Vec<Message> =
        answer.messages.iter().map(|message| moved_message(message, &answer.root, root)).collect();
    let print = |message: &Message| Request { messages: vec![message.clone()], tools: Vec::new() }.fingerprint(root);
    let same_line = |was: &str, is: &str| print(&Message::user(was)) == print(&Message::user(is));
    let pairs = recorded.iter().zip(&request.messages).enumerate();
    let different = |(_, (was, is)): &(usize, (&Message, &Message))| print(was) != print(is);
    let from = known.min(recorded.len()).min(request.messages.len());
    if let Some((number, (was, is))) =
        pairs.clone().skip(from).find(different).or_else(|| pairs.clone().find(different))
    {
        let (was, is) = parting(&shown(was), &shown(is), same_line);
        let role = format!("{:?}", request.messages[number].role).to_lowercase();
        return format!("{start}: message {} ({role}) differs\nrecorded: `{was}`\nnow: `{is}`\n{hint}", number + 1);
    }
    if recorded.len() != request.messages.len() {
        let (was, is) = (recorded.len(), request.messages.len());
        return format!("{start}: {was} messages were recorded, now there are {is}\n{hint}");
    }
    let tools = |names: &[String]| names.join("`, `");
    match &answer.tools {
        Some(was) => {
            let is: Vec<String> = request.tools.iter().map(|tool| tool.name.clone()).collect();
            format!("{start}: the tools differ\nrecorded: `{}`\nnow: `{}`\n{hint}", tools(was), tools(&is))
        }
        None => format!("{start}: the tools, or messages cut to fit, differ\n{hint}"),
    }
}

/// Returns what differs between a request and the recorded one that counts as the same, from the message `known` on.
fn tolerated(answer: &Answer, request: &Request, root: &str, known: usize) -> Vec<String> {
    let pairs = answer.messages.iter().zip(&request.messages).enumerate().skip(known);
    let differing = pairs.filter_map(|(number, (was, is))| {
        let (was, now) = (shown(&moved_message(was, &answer.root, root)), shown(is));
        let role = format!("{:?}", is.role).to_lowercase();
        (was != now).then(|| {
            let (was, now) = parting(&was, &now, |was, now| was == now);
            format!("message {} ({role})\nrecorded: `{was}`\nnow: `{now}`", number + 1)
        })
    });
    differing.collect()
}

/// Returns all that a message says.
fn shown(message: &Message) -> String {
    let calls = message.tool_calls.iter().map(|call| format!(" {}({})", call.name, call.arguments));
    std::iter::once(message.content.clone()).chain(calls).collect()
}

/// Returns what two texts say around the place at which they part: in the first line that is not the `same`.
fn parting(was: &str, is: &str, same: impl Fn(&str, &str) -> bool) -> (String, String) {
    let equal_lines = was.lines().zip(is.lines()).take_while(|(was, is)| same(was, is)).count();
    let tail = |text: &str| text.lines().skip(equal_lines).collect::<Vec<_>>().join("\\n");
    let (was, is) = (tail(was), tail(is));
    let common = was.chars().zip(is.chars()).take_while(|(was, is)| was == is).count();
    let from = common.saturating_sub(AROUND.0);
    let window = |text: &str| {
        let before = if from + equal_lines > 0 { "…" } else { "" };
        let cut: String = text.chars().skip(from).take(AROUND.0 + AROUND.1).collect();
        let after = if text.chars().nth(from + AROUND.0 + AROUND.1).is_some() { "…" } else { "" };
        format!("{before}{cut}{after}")
    };
    (window(&was), window(&is))
}
