//! Which part of a long conversation is sent to the model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::segments::head_length;
use crate::{Message, Role, View};

/// How a conversation is kept within the model's context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContextConfig {
    /// What to do when the conversation does not fit: `fail`, `drop-oldest` or `mask-observations`. Default fail.
    pub strategy: ContextStrategy,
    /// Tokens of a query (read and written) from which the next one is assumed not to fit; `null` waits until the model
    /// refuses a request. Default null.
    pub max_tokens: Option<u64>,
    /// For `mask-observations`: how many of the latest observations are shown in full. Default 10.
    pub keep_observations: usize,
}

impl Default for ContextConfig {
    fn default() -> Self {
        Self { strategy: ContextStrategy::Fail, max_tokens: None, keep_observations: 10 }
    }
}

/// What to do when the conversation does not fit the model's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContextStrategy {
    /// End the episode.
    Fail,
    /// Drop the older half of what follows the first user message; a call and its results go together.
    DropOldest,
    /// Show only the latest observations in full, and fewer of them each time it does not fit.
    MaskObservations,
}

/// What is currently omitted from the conversation.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    strategy: ContextStrategy,
    max_tokens: Option<u64>,
    keep_observations: usize,
    /// How many messages after the head are dropped.
    dropped: usize,
}

impl Context {
    pub(crate) fn new(config: &ContextConfig) -> Self {
        Self {
            strategy: config.strategy,
            max_tokens: config.max_tokens,
            keep_observations: config.keep_observations.max(1),
            dropped: 0,
        }
    }

    /// Returns whether a query that took this many tokens leaves no room for another.
    pub(crate) fn overflows(&self, tokens: u64) -> bool {
        self.max_tokens.is_some_and(|max| tokens >= max)
    }

    /// Returns whether observations may be masked.
    pub(crate) fn masks(&self) -> bool {
        self.strategy == ContextStrategy::MaskObservations
    }

    /// Returns which of `messages` are omitted, with `masked` as the text of masked observations; `None` if all are
    /// sent.
    pub(crate) fn view(&self, messages: &[Message], masked: &str) -> Option<View> {
        let shown = || messages.iter().filter(|message| message.role == Role::Tool).count();
        let masks = self.masks() && shown() > self.keep_observations;
        if masks {
            let observations = Some(self.keep_observations);
            Some(View { dropped: self.dropped, observations, masked: masked.to_owned() })
        } else {
            (self.dropped > 0).then(|| View { dropped: self.dropped, ..View::default() })
        }
    }

    /// Omits more of `messages`; returns whether there was anything left to omit.
    pub(crate) fn shrink(&mut self, messages: &[Message]) -> bool {
        match self.strategy {
            ContextStrategy::Fail => false,
            ContextStrategy::DropOldest => self.drop_older_half(messages),
            ContextStrategy::MaskObservations => {
                let shown = messages.iter().filter(|message| message.role == Role::Tool).count();
                let next = self.keep_observations.min(shown) / 2;
                let shrunk = next >= 1;
                if shrunk {
                    self.keep_observations = next;
                }
                shrunk
            }
        }
    }

    fn drop_older_half(&mut self, messages: &[Message]) -> bool {
        let body = messages.get(head_length(messages)..).unwrap_or_default();
        let remaining = body.len().saturating_sub(self.dropped);
        let mut cut = self.dropped + remaining.div_ceil(2);
        // A result without its call is refused by every provider, so the cut moves past results.
        while body.get(cut).is_some_and(|message| message.role == Role::Tool) {
            cut += 1;
        }
        if cut >= body.len() {
            return false;
        }
        self.dropped = cut;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCall;

    /// Returns system, user, and `pairs` calls with results `r0`, `r1`, ...
    fn conversation(pairs: usize) -> Vec<Message> {
        let mut messages = vec![Message::system("s"), Message::user("u")];
        for index in 0..pairs {
            let call = ToolCall { id: index.to_string(), name: "bash".to_owned(), arguments: "{}".to_owned() };
            messages.push(Message::assistant(format!("a{index}"), vec![call.clone()]));
            messages.push(Message::tool(&call, format!("r{index}")));
        }
        messages
    }

    fn check(strategy: ContextStrategy, pairs: usize, shrinks: usize) -> String {
        let config = ContextConfig { strategy, keep_observations: 4, ..ContextConfig::default() };
        let (mut context, messages) = (Context::new(&config), conversation(pairs));
        let shrunk: Vec<bool> = (0..shrinks).map(|_| context.shrink(&messages)).collect();
        let view = context.view(&messages, "-").unwrap_or_default().of(&messages);
        let texts: Vec<&str> = view.iter().map(|message| message.content.as_str()).collect();
        format!("{shrunk:?} {}", texts.join(" "))
    }

    #[test]
    fn drop_oldest_keeps_the_first_user_message_and_whole_pairs() {
        let drop = ContextStrategy::DropOldest;
        assert_eq!(check(drop, 3, 0), "[] s u a0 r0 a1 r1 a2 r2");
        assert_eq!(check(drop, 3, 1), "[true] s u a2 r2");
        assert_eq!(check(drop, 4, 2), "[true, true] s u a3 r3");
        assert_eq!(check(drop, 1, 1), "[false] s u a0 r0");
    }

    #[test]
    fn masking_shows_the_latest_observations_and_halves_them() {
        let mask = ContextStrategy::MaskObservations;
        assert_eq!(check(mask, 5, 0), "[] s u a0 - a1 r1 a2 r2 a3 r3 a4 r4");
        assert_eq!(check(mask, 5, 2), "[true, true] s u a0 - a1 - a2 - a3 - a4 r4");
        assert_eq!(check(mask, 5, 3), "[true, true, false] s u a0 - a1 - a2 - a3 - a4 r4");
    }

    #[test]
    fn fail_never_shrinks() {
        assert_eq!(check(ContextStrategy::Fail, 1, 1), "[false] s u a0 r0");
    }

    #[test]
    fn all_of_a_conversation_is_sent_while_nothing_has_to_be_omitted() {
        let view = |strategy, pairs| {
            let config = ContextConfig { strategy, keep_observations: 4, ..ContextConfig::default() };
            Context::new(&config).view(&conversation(pairs), "-")
        };
        for strategy in [ContextStrategy::Fail, ContextStrategy::DropOldest] {
            assert_eq!(view(strategy, 9), None, "{strategy:?}");
        }
        let masks = |pairs| view(ContextStrategy::MaskObservations, pairs);
        assert_eq!([masks(0), masks(3), masks(4)], [None, None, None]);
        assert_eq!(masks(5), Some(View { dropped: 0, observations: Some(4), masked: "-".to_owned() }));
    }

    #[test]
    fn fewer_observations_than_could_be_shown_are_halved_by_how_many_there_are() {
        // Of 3 observations 1 is left, though 4 could be shown, and none of a single one.
        let mask = ContextStrategy::MaskObservations;
        assert_eq!(check(mask, 3, 1), "[true] s u a0 - a1 - a2 r2");
        assert_eq!(check(mask, 1, 1), "[false] s u a0 r0");
    }

    #[test]
    fn a_query_overflows_from_its_limit_on_and_never_without_one() {
        let overflows = |max_tokens: Option<u64>, tokens: u64| {
            Context::new(&ContextConfig { max_tokens, ..ContextConfig::default() }).overflows(tokens)
        };
        assert_eq!([99, 100, 101].map(|tokens| overflows(Some(100), tokens)), [false, true, true]);
        assert!(!overflows(None, u64::MAX));
    }
}
