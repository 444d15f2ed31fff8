//! OpenHands' completions: each holds the whole request that was made, and the answer.

use std::collections::HashSet;

use agent_core::Role;
use serde_json::{Map, Value};

use crate::import::content::content;
use crate::import::conversation::Conversation;
use crate::import::foreign::{take_object, take_objects};
use crate::import::response::respond;

/// Says what the completions were asked and answered; returns their tools.
///
/// Where a request does not go on from the one before it, as the turns in between were condensed, a new conversation
/// begins, so that no turn is lost.
pub(super) fn completions(
    conversation: &mut Conversation,
    row: &mut Map<String, Value>,
    key: &str,
) -> Result<Vec<Value>, String> {
    let list = take_objects(row, key)?;
    if list.is_empty() {
        return Err(format!("`{key}` has no last object"));
    }
    row.insert("n_completions".to_owned(), list.len().into());
    let mut said = Said::default();
    let mut tools = Vec::new();
    for (index, mut completion) in list.into_iter().enumerate() {
        let messages = take_objects(&mut completion, "messages").map_err(|err| format!("`{key}[{index}]`: {err}"))?;
        said.hear(conversation, messages).map_err(|err| format!("`{key}[{index}].messages{err}"))?;
        if let Some(response) = completion.shift_remove("response").filter(|response| !response.is_null()) {
            let answer = response.pointer("/choices/0/message").and_then(Value::as_object);
            let answer = answer.map(mark).transpose();
            said.ever.extend(answer.map_err(|err| format!("`{key}[{index}].response`: {err}"))?);
            respond(conversation, response).map_err(|err| format!("`{key}[{index}].response`: {err}"))?;
            said.shown.push(None);
        }
        let kwargs = take_object(&mut completion, "kwargs")?;
        if let Some(Value::Array(listed)) = kwargs.get("tools") {
            tools.clone_from(listed);
        }
    }
    Ok(tools)
}

/// What tells a message from another: role, text, calls, and the call that it answers.
type Mark = (String, String, String, String);

/// What has been said.
#[derive(Default)]
struct Said {
    /// What the conversation holds; `None` for an answer, which the next request may show in another form.
    shown: Vec<Option<Mark>>,
    /// All of it in all conversations.
    ever: HashSet<Mark>,
}

impl Said {
    /// Says those messages of a request that are new.
    fn hear(&mut self, conversation: &mut Conversation, messages: Vec<Map<String, Value>>) -> Result<(), String> {
        let marks =
            messages.iter().map(mark).collect::<Result<Vec<Mark>, String>>().map_err(|err| format!("`: {err}"))?;
        let is_same = |(shown, mark): (&Option<Mark>, &Mark)| match shown {
            Some(shown) => shown == mark,
            None => mark.0 == "assistant",
        };
        let goes_on = marks.len() >= self.shown.len() && self.shown.iter().zip(&marks).all(is_same);
        let mut known = self.shown.len();
        if goes_on {
            // What the answers look like in a request.
            self.ever.extend(marks.iter().take(known).cloned());
        } else {
            conversation.begin(String::new());
            known = 0;
        }
        for (index, (message, mark)) in messages.into_iter().zip(&marks).enumerate().skip(known) {
            let is_copy = !goes_on && mark.0 == "assistant" && self.ever.contains(mark);
            let ended = if is_copy { conversation.tell(Role::Assistant, message) } else { conversation.say(message) };
            ended.map_err(|err| format!("[{index}]`: {err}"))?;
            self.ever.insert(mark.clone());
        }
        self.shown = marks.into_iter().map(Some).collect();
        Ok(())
    }
}

fn mark(message: &Map<String, Value>) -> Result<Mark, String> {
    let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let calls = message.get("tool_calls").filter(|calls| !calls.is_null()).map(Value::to_string).unwrap_or_default();
    Ok((text("role"), content(message.get("content").cloned())?.text, calls, text("tool_call_id")))
}
