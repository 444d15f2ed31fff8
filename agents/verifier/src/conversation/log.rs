//! An episode as text.

use agent_core::{Message, Record, Role, Trajectory};
use prompts::{PromptError, Prompts};
use serde::Serialize;

/// The line between two turns: 100 dashes.
const RULE: &str =
    "----------------------------------------------------------------------------------------------------";

/// Around the example that some agents show before the task.
const EXAMPLE: [&str; 2] = ["START OF EXAMPLE", "END OF EXAMPLE"];

/// An episode as the text that a verifier reads, in the form of SWE-Gym: the rules, then each message below a line of
/// dashes with the number of its turn and who said it, where an answer has the number of what it answers.
///
/// It holds all that was said, also what a later request had no room for, with calls as text, one a message, and what
/// they showed as the user's words; what the user says in a row is one message. It has neither the tools' descriptions nor
/// any name of who made the episode.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    system: String,
    turns: Vec<Turn>,
    /// How many messages in the middle are left out, and behind how many.
    cut: Option<(usize, usize)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Turn {
    role: Role,
    content: String,
}

/// A turn as the template shows it.
#[derive(Serialize)]
struct Shown<'a> {
    number: usize,
    role: &'static str,
    content: &'a str,
    left_out: usize,
}

impl Log {
    /// Returns the text of an episode; `None` where nothing was answered in it.
    ///
    /// # Errors
    /// As [`llm::to_text`].
    pub fn of(trajectory: &Trajectory, prompts: &Prompts) -> Result<Option<Self>, PromptError> {
        let messages = llm::to_text(&llm::split_calls(&said(trajectory)), &[], false, prompts)?;
        let mut log = Self::default();
        for message in messages {
            match message.role {
                Role::System if log.turns.is_empty() && log.system.is_empty() => log.system = message.content,
                // The rules of later conversations of the same agent.
                Role::System => {}
                role => log.say(role, message.content),
            }
        }
        let is_answered = log.turns.iter().any(|turn| turn.role == Role::Assistant);
        Ok(is_answered.then_some(log))
    }

    fn say(&mut self, role: Role, content: String) {
        let content = if self.turns.is_empty() { without_example(content) } else { content };
        match self.turns.last_mut().filter(|last| last.role == Role::User && role == Role::User) {
            Some(last) => last.content = format!("{}\n\n{content}", last.content),
            None => self.turns.push(Turn { role, content }),
        }
    }

    /// Returns what the agent was asked for: the first message of the user.
    pub fn task(&self) -> Option<&str> {
        self.turns.first().filter(|turn| turn.role == Role::User).map(|turn| turn.content.as_str())
    }

    /// Returns how many messages it has, the rules aside.
    pub fn messages(&self) -> usize {
        self.turns.len()
    }

    /// Returns how many messages are left out in the middle.
    pub fn left_out(&self) -> usize {
        self.cut.map_or(0, |(_, left_out)| left_out)
    }

    /// Returns the text.
    ///
    /// # Errors
    /// When the template is one of the user's and does not render.
    pub fn render(&self, prompts: &Prompts) -> Result<String, PromptError> {
        #[derive(Serialize)]
        struct Variables<'a> {
            system: &'a str,
            rule: &'static str,
            turns: Vec<Shown<'a>>,
        }
        let mut turns: Vec<Shown<'_>> = Vec::with_capacity(self.turns.len());
        let (behind, left_out) = self.cut.unwrap_or((usize::MAX, 0));
        for (index, turn) in self.turns.iter().enumerate() {
            if index == behind && left_out > 0 {
                turns.push(Shown { number: 0, role: "", content: "", left_out });
            }
            if index >= behind && index < behind.saturating_add(left_out) {
                continue;
            }
            let role = if turn.role == Role::Assistant { "ASSISTANT" } else { "USER" };
            turns.push(Shown { number: index / 2 + 1, role, content: &turn.content, left_out: 0 });
        }
        prompts.render("verifier/log.md", Variables { system: &self.system, rule: RULE, turns })
    }

    /// Returns the log without as many messages in its middle as it takes to fit: the task and the end stay, as they
    /// tell the most. `None` where not even the task and the last message fit.
    ///
    /// # Errors
    /// When `fits` fails.
    pub fn cut(&self, fits: impl Fn(&Self) -> anyhow::Result<bool>) -> anyhow::Result<Option<Self>> {
        let mut log = self.clone();
        if fits(&log)? {
            return Ok(Some(log));
        }
        let most = log.turns.len().saturating_sub(2);
        let fits_without = |log: &mut Self, left_out: usize| {
            log.cut = Some((1, left_out));
            fits(log)
        };
        if most == 0 || !fits_without(&mut log, most)? {
            return Ok(None);
        }
        // What is left out in `low` is too little, in `high` enough.
        let (mut low, mut high) = (0, most);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if fits_without(&mut log, middle)? { high = middle } else { low = middle }
        }
        log.cut = Some((1, high));
        Ok(Some(log))
    }
}

/// Returns all messages of an episode in their order; of several attempts one behind another those of the last.
fn said(trajectory: &Trajectory) -> Vec<Message> {
    let mut messages = Vec::new();
    for record in &trajectory.records {
        match record {
            Record::Header(_) => messages.clear(),
            Record::Message { message, .. } => messages.push(message.clone()),
            Record::Completion { completion, .. } => messages.push(completion.message.clone()),
            Record::Observation { call, observation, shown, .. } => {
                messages.push(Message::tool(call, shown.as_ref().unwrap_or(&observation.text).as_str()));
            }
            Record::Conversation { .. } | Record::TooLong { .. } | Record::RecordCut { .. } | Record::Outcome(_) => {}
        }
    }
    messages
}

/// Takes out the example that some agents show before the task, with the lines that frame it.
fn without_example(content: String) -> String {
    let lines: Vec<&str> = content.lines().collect();
    let at = |word: &str| lines.iter().position(|line| line.contains(word));
    match (at(EXAMPLE[0]), at(EXAMPLE[1])) {
        (Some(start), Some(end)) if start < end => {
            let kept: Vec<&str> = lines[..start].iter().chain(&lines[end + 1..]).copied().collect();
            kept.join("\n").trim().to_owned()
        }
        _ => content,
    }
}
