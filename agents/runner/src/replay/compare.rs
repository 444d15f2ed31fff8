//! Compares an episode that was run again with its record.

use agent_core::{ExitStatus, Message, Outcome, Record, ToolCall, Trajectory, moved, same_but_noise};
use env_core::Patch;
use journal::exit_status;
use serde::Serialize;
use tool_core::Observation;

use super::diff::diff;

/// The comparison of an episode with its record.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Whether nothing differs.
    pub equal: bool,
    /// Steps of the record.
    pub steps: u64,
    /// How many of its observations are equal, and how many there are.
    pub observations: [usize; 2],
    /// How many observations, messages of the agent and conversations differ or are missing.
    pub divergences: usize,
    /// The first of them.
    pub first: Option<Divergence>,
    /// Whether the patch is the same; `null` where the record or the replay has none.
    pub patch_equal: Option<bool>,
    /// How the patches differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch_diff: Option<String>,
    /// How it ended then, and now; `null` where it did not.
    pub exit_status: [Option<String>; 2],
}

/// A difference from the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// Number of the agent's step.
    pub step: u64,
    /// What it is.
    pub what: DivergenceKind,
    /// The tool that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What it was called with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// Why it differs.
    pub why: String,
    /// The lines in which the two texts differ, if there are two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<String>,
}

/// What can differ from the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DivergenceKind {
    /// What a tool call showed.
    Observation,
    /// A message that the agent put into the conversation.
    Message,
    /// The beginning of a conversation.
    Conversation,
}

/// What is between two answers, with the step of the first of these.
struct Turn<'a> {
    step: u64,
    events: Vec<&'a Record>,
}

/// Where the repository is in the two.
struct Roots<'a> {
    then: &'a str,
    now: &'a str,
}

/// Compares an episode that was run again with its record; of one that is under way, only what it has got to.
///
/// The sandbox's place, times, durations, addresses, long numbers and temporary names may differ in what was shown. The
/// patch may differ in nothing but the place.
pub fn compare(then: &Trajectory, now: &Trajectory) -> Comparison {
    let root = |of: &Trajectory| of.header().map(|header| header.root.clone()).unwrap_or_default();
    let (root_then, root_now) = (root(then), root(now));
    let roots = Roots { then: &root_then, now: &root_now };
    let (old, new) = (turns(then), turns(now));
    let (mut found, mut equal) = (Vec::new(), 0);
    for (index, turn) in old.iter().enumerate() {
        let Some(again) = new.get(index) else {
            if now.outcome().is_some() {
                found.extend(turn.events.iter().map(|event| lacking(event, turn.step, "the replay ended before it")));
            }
            continue;
        };
        let is_whole = index + 1 < new.len() || now.outcome().is_some();
        compare_turn(turn, again, &roots, is_whole, (&mut found, &mut equal));
    }
    let is_observation = |record: &&Record| matches!(record, Record::Observation { .. });
    let all = then.records.iter().filter(is_observation).count();
    let (patch_equal, patch_diff) = compare_patches(then.outcome(), now.outcome(), &roots);
    let ended = ended_alike(then, now);
    Comparison {
        equal: found.is_empty() && patch_equal != Some(false) && ended,
        steps: then.steps(),
        observations: [equal, all],
        divergences: found.len(),
        first: found.into_iter().next(),
        patch_equal,
        patch_diff,
        exit_status: [then, now].map(|one| one.outcome().map(exit_status)),
    }
}

/// Compares an episode that is run again record by record, with the same result as [`compare`].
#[derive(Debug)]
pub struct LiveComparison {
    then: Trajectory,
    /// The places in the record of what is between its answers.
    turns: Vec<Vec<usize>>,
    root_now: String,
    /// The turn that the episode is in, and how much there is of it.
    at: (usize, usize),
}

impl LiveComparison {
    /// Returns the comparison with an episode of which nothing is recorded yet.
    pub fn new(then: Trajectory) -> Self {
        let mut turns = vec![Vec::new()];
        for (index, record) in then.records.iter().enumerate() {
            match record {
                Record::Completion { .. } | Record::TooLong { .. } => turns.push(Vec::new()),
                Record::Message { .. } | Record::Conversation { .. } | Record::Observation { .. } => {
                    turns.last_mut().into_iter().for_each(|turn| turn.push(index));
                }
                Record::Header(_) | Record::Outcome(_) | Record::RecordCut { .. } => {}
            }
        }
        Self { then, turns, root_now: String::new(), at: (0, 0) }
    }

    /// Adds the next record; returns whether the episode differs so far.
    pub fn differs(&mut self, now: &Record) -> bool {
        let (turn, event) = self.at;
        // Steps beyond the record have nothing to differ from.
        let then = self.turns.get(turn);
        match now {
            Record::Header(header) => {
                self.root_now.clone_from(&header.root);
                false
            }
            Record::Completion { .. } | Record::TooLong { .. } => {
                self.at = (turn + 1, 0);
                then.is_some_and(|then| event < then.len())
            }
            Record::Message { .. } | Record::Conversation { .. } | Record::Observation { .. } => {
                self.at = (turn, event + 1);
                let Some(then) = then else { return false };
                let then = then.get(event).and_then(|index| self.then.records.get(*index));
                let root_then = self.then.header().map_or("", |header| header.root.as_str());
                let roots = Roots { then: root_then, now: &self.root_now };
                then.is_none_or(|then| compare_event(then, now, &roots).is_some())
            }
            Record::Outcome(_) | Record::RecordCut { .. } => false,
        }
    }
}

/// Cuts a record into what is between its answers.
fn turns(trajectory: &Trajectory) -> Vec<Turn<'_>> {
    let mut turns = vec![Turn { step: 0, events: Vec::new() }];
    for record in &trajectory.records {
        match record {
            Record::Header(_) | Record::Outcome(_) | Record::RecordCut { .. } => {}
            Record::Completion { step, .. } | Record::TooLong { step, .. } => {
                turns.push(Turn { step: *step, events: Vec::new() });
            }
            Record::Message { .. } | Record::Conversation { .. } | Record::Observation { .. } => {
                if let Some(turn) = turns.last_mut() {
                    turn.events.push(record);
                }
            }
        }
    }
    turns
}

fn compare_turn(
    then: &Turn<'_>,
    now: &Turn<'_>,
    roots: &Roots<'_>,
    is_whole: bool,
    (found, equal): (&mut Vec<Divergence>, &mut usize),
) {
    for index in 0..then.events.len().max(now.events.len()) {
        match (then.events.get(index), now.events.get(index)) {
            (Some(event), Some(again)) => match compare_event(event, again, roots) {
                Some(divergence) => found.push(divergence),
                None if matches!(event, Record::Observation { .. }) => *equal += 1,
                None => {}
            },
            (Some(event), None) if is_whole => found.push(lacking(event, then.step, "it is missing in the replay")),
            (None, Some(again)) => found.push(lacking(again, then.step, "it is not in the record")),
            (_, None) => {}
        }
    }
}

fn compare_event(then: &Record, now: &Record, roots: &Roots<'_>) -> Option<Divergence> {
    let other = || Some(lacking(then, then.step().unwrap_or_default(), "the agent makes another call"));
    match (then, now) {
        (
            Record::Observation { step, call, observation, .. },
            Record::Observation { call: call_now, observation: again, .. },
        ) => {
            if call.name != call_now.name || !same(&call.arguments, &call_now.arguments, roots) {
                return other();
            }
            let (why, diff) = compare_observations(observation, again, roots)?;
            Some(Divergence { diff, ..of_call(*step, call, why) })
        }
        (Record::Message { step, message, .. }, Record::Message { message: again, .. }) => {
            let diff = compare_messages(message, again, roots)?;
            let why = "the agent's message differs".to_owned();
            Some(Divergence {
                step: *step,
                what: DivergenceKind::Message,
                tool: None,
                arguments: None,
                why,
                diff: Some(diff),
            })
        }
        (Record::Conversation { name, .. }, Record::Conversation { name: again, .. }) if name == again => None,
        _ => other(),
    }
}

fn compare_observations(then: &Observation, now: &Observation, roots: &Roots<'_>) -> Option<(String, Option<String>)> {
    let why = match (then.exit_code, now.exit_code) {
        _ if then.is_error && !now.is_error => "it was refused in the record and is not now".to_owned(),
        _ if now.is_error && !then.is_error => "it is refused".to_owned(),
        (Some(then), Some(now)) if then != now => format!("its exit code was {then} and is {now}"),
        _ if same(&then.text, &now.text, roots) => return None,
        _ => "it shows something other than in the record".to_owned(),
    };
    let is_same = same(&then.text, &now.text, roots);
    Some((why, (!is_same).then(|| diff(&placed(&then.text, roots.then), &placed(&now.text, roots.now)))))
}

fn compare_messages(then: &Message, now: &Message, roots: &Roots<'_>) -> Option<String> {
    let is_same = then.role == now.role && same(&then.content, &now.content, roots);
    (!is_same).then(|| diff(&placed(&then.content, roots.then), &placed(&now.content, roots.now)))
}

fn compare_patches(then: Option<&Outcome>, now: Option<&Outcome>, roots: &Roots<'_>) -> (Option<bool>, Option<String>) {
    let patch = |outcome: Option<&Outcome>, root| outcome?.patch.as_ref().map(|Patch(text)| placed(text, root));
    let (Some(then), Some(now)) = (patch(then, roots.then), patch(now, roots.now)) else { return (None, None) };
    let is_equal = then == now;
    (Some(is_equal), (!is_equal).then(|| diff(&then, &now)))
}

/// Returns whether both ended in the same way. A record that no agent ended, as one that ran out of time, is followed
/// to its end, where no more answers are to be had.
fn ended_alike(then: &Trajectory, now: &Trajectory) -> bool {
    let (Some(old), Some(new)) = (then.outcome(), now.outcome()) else { return then.outcome().is_none() };
    let (old, new) = (&old.exit_status, &new.exit_status);
    let kind = std::mem::discriminant::<ExitStatus>;
    let by_itself = matches!(old, ExitStatus::Submitted | ExitStatus::GaveUp(_));
    let went_through = then.completions().count() == now.completions().count();
    match (old, new) {
        (ExitStatus::Limit(one), ExitStatus::Limit(other)) => one == other,
        (_, ExitStatus::ModelFailed(_)) if !by_itself && went_through => true,
        _ => kind(old) == kind(new),
    }
}

/// Returns an event that the other side lacks.
fn lacking(event: &Record, step: u64, why: &str) -> Divergence {
    let why = why.to_owned();
    match event {
        Record::Observation { call, .. } => of_call(step, call, why),
        Record::Conversation { .. } => {
            Divergence { step, what: DivergenceKind::Conversation, tool: None, arguments: None, why, diff: None }
        }
        _ => Divergence { step, what: DivergenceKind::Message, tool: None, arguments: None, why, diff: None },
    }
}

fn of_call(step: u64, call: &ToolCall, why: String) -> Divergence {
    let (tool, arguments) = (Some(call.name.clone()), Some(call.arguments.clone()));
    Divergence { step, what: DivergenceKind::Observation, tool, arguments, why, diff: None }
}

fn same(then: &str, now: &str, roots: &Roots<'_>) -> bool {
    same_but_noise(&placed(then, roots.then), &placed(now, roots.now))
}

/// Returns a text with a word in place of the sandbox's root.
fn placed(text: &str, root: &str) -> String {
    moved(text, root, "{root}")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Returns a trajectory of events: `?` an answer, `+text` a message, `tool text` an observation, `.` the end with a
    /// patch, `!` the end with none.
    fn trajectory(root: &str, events: &str) -> Trajectory {
        let mut step = 0;
        let mut line = |event: &str| -> Value {
            step += u64::from(event == "?");
            let spending = json!({
                "steps": step, "queries": step, "usage": { "prompt_tokens": 0, "completion_tokens": 0 }, "cost": 0.0,
                "unpriced_queries": 0, "seconds": 0.0, "model_seconds": 0.0, "tool_seconds": 0.0,
            });
            let message = |role: &str, text: &str| json!({ "role": role, "content": text });
            match event.split_at(1) {
                ("?", _) => json!({
                    "type": "completion", "step": step, "request": "r", "seconds": 0.0,
                    "completion": { "message": message("assistant", ""), "finish_reason": "stop",
                        "usage": { "prompt_tokens": 0, "completion_tokens": 0 } },
                }),
                ("+", text) => json!({ "type": "message", "step": step, "message": message("user", text) }),
                (".", patch) => {
                    json!({ "type": "outcome", "exit_status": "submitted", "patch": patch, "spending": spending })
                }
                ("!", why) => json!({
                    "type": "outcome", "exit_status": { "model_failed": why }, "patch": null, "spending": spending,
                }),
                _ => {
                    let (tool, text) = event.split_once(' ').unwrap_or((event, ""));
                    json!({
                        "type": "observation", "step": step, "seconds": 0.0, "observation": { "text": text },
                        "call": { "id": "c", "name": tool, "arguments": format!("{{\"in\":\"{root}\"}}") },
                    })
                }
            }
        };
        let header = json!({
            "type": "header", "version": 1, "instance_id": "i", "environment": "e", "agent": "a", "model": "m",
            "config": "c", "root": root, "sandbox": "local", "isolated": false, "history_kept": false, "tools": [],
        });
        let lines = std::iter::once(header).chain(events.split(" | ").map(&mut line));
        Trajectory::parse(&lines.map(|line| line.to_string() + "\n").collect::<String>()).unwrap()
    }

    fn check(then: &str, now: &str, expected: &str) {
        let found = compare(&trajectory("/testbed", then), &trajectory("/tmp/x/testbed", now));
        let first = found.first.map(|first| {
            let tool = first.tool.unwrap_or_else(|| format!("{:?}", first.what));
            let diff = first.diff.unwrap_or_default().replace('\n', " ");
            format!("step {} {tool}: {} {diff}", first.step, first.why)
        });
        let [equal, all] = found.observations;
        let (is, count, patch) = (found.equal, found.divergences, found.patch_equal);
        let shown = format!("{is} {equal}/{all} {count} {patch:?} {}", first.unwrap_or_default());
        assert_eq!(shown.trim_end(), expected, "{now}");
        check_following(then, now);
    }

    /// Checks that record by record is found what is found in all that there is until then.
    fn check_following(then: &str, now: &str) {
        let (then, mut now) = (trajectory("/testbed", then), trajectory("/tmp/x/testbed", now));
        now.records.retain(|record| !matches!(record, Record::Outcome(_)));
        let mut following = LiveComparison::new(then.clone());
        let mut has_differed = false;
        for count in 1..=now.records.len() {
            let records = now.records[..count].to_vec();
            has_differed |= following.differs(&records[count - 1]);
            let whole = compare(&then, &Trajectory { records, torn: false });
            assert_eq!(has_differed, whole.first.is_some(), "after {count} records");
        }
    }

    #[test]
    fn an_episode_is_compared_turn_by_turn() {
        let then = "+fix /testbed/x | ? | bash at /testbed in 1.2s | ? | bash b | edit c | ? | finish  | .p /testbed/x";
        let start = "+fix /tmp/x/testbed/x | ? | bash at /tmp/x/testbed in 9.9s";
        for (now, expected) in [
            (" | ? | bash b | edit c | ? | finish  | .p /tmp/x/testbed/x", "true 4/4 0 Some(true)"),
            (
                " | ? | bash x | edit c | ? | finish  | .p /tmp/x/testbed/x",
                "false 3/4 1 Some(true) step 2 bash: it shows something other than in the record line 1: - b + x",
            ),
            (
                " | ? | edit b | edit c | ? | finish  | .q",
                "false 3/4 1 Some(false) step 2 bash: the agent makes another call",
            ),
            (" | ? | bash b | .p", "false 2/4 2 Some(false) step 2 edit: it is missing in the replay"),
            (" | +more | ? | bash b | edit c", "false 3/4 1 None step 1 Message: it is not in the record"),
            (" | ? | bash b", "false 2/4 0 None"),
            (" | ? | bash b | !no more answers", "false 2/4 2 None step 2 edit: it is missing in the replay"),
        ] {
            check(then, &format!("{start}{now}"), expected);
        }
        let message = "false 0/0 1 None step 0 Message: the agent's message differs line 1: - {root}/x + /testbed/x";
        check("+/testbed/x | ?", "+/testbed/x | ?", message);
        // One that failed then is followed to its end.
        check("? | bash a | !503", "? | bash a | !no more answers", "true 1/1 0 None");
        check("? | bash a", "? | bash a | !no more answers", "true 1/1 0 None");
        check("? | bash a | .p", "? | bash a | !no more answers", "false 1/1 0 None");
    }
}
