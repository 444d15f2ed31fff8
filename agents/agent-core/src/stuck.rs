//! Detects an agent that goes in circles.

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use tool_core::Observation;

use crate::ToolCall;

/// How an agent goes in circles: the four patterns of OpenHands' detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StuckPattern {
    /// The last four calls and what they showed are the same.
    Repeating,
    /// The last three calls are the same and each was refused or failed.
    RepeatingErrors,
    /// The last three answers are the same text with nothing done between.
    Monologue,
    /// The last six calls alternate between the same two.
    Alternating,
}

/// Detects an agent that goes in circles. Two results of one command are equal when their exit codes are.
#[derive(Debug, Clone, Default)]
pub struct StuckDetector {
    pairs: VecDeque<Pair>,
    texts: VecDeque<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    call: u64,
    shown: u64,
    is_error: bool,
}

/// Pairs of call and observation that the longest pattern looks at.
const WINDOW: usize = 6;

impl StuckDetector {
    /// Records a call and its observation.
    pub fn saw(&mut self, call: &ToolCall, observation: &Observation) {
        let shown = match observation.exit_code {
            Some(code) => hash(&code),
            None => hash(&observation.text),
        };
        let call = hash(&(&call.name, &call.arguments));
        push(&mut self.pairs, Pair { call, shown, is_error: observation.is_error }, WINDOW);
        self.texts.clear();
    }

    /// Records an answer without a call.
    pub fn said(&mut self, text: &str) {
        push(&mut self.texts, hash(&text), 3);
    }

    /// Returns the pattern that the latest events show.
    pub fn pattern(&self) -> Option<StuckPattern> {
        let pairs: Vec<Pair> = self.pairs.iter().rev().copied().collect();
        if let Some([first, rest @ ..]) = pairs.get(..4)
            && rest.iter().all(|pair| (pair.call, pair.shown) == (first.call, first.shown))
        {
            return Some(StuckPattern::Repeating);
        }
        // As in OpenHands, not before there are four pairs.
        if pairs.len() >= 4
            && let Some([first, rest @ ..]) = pairs.get(..3)
            && rest.iter().all(|pair| pair.call == first.call && pair.is_error)
            && first.is_error
        {
            return Some(StuckPattern::RepeatingErrors);
        }
        if self.texts.len() == 3 && self.texts.iter().all(|text| Some(text) == self.texts.front()) {
            return Some(StuckPattern::Monologue);
        }
        if let Some([a, b, c, d, e, f]) = pairs.get(..WINDOW)
            && [c, e].iter().all(|pair| *pair == a)
            && [d, f].iter().all(|pair| *pair == b)
        {
            return Some(StuckPattern::Alternating);
        }
        None
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, keep: usize) {
    if queue.len() == keep {
        queue.pop_front();
    }
    queue.push_back(item);
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds calls written as `name=exit code` (`!` for an error, `"` for a text) and returns the pattern at the end.
    fn check(events: &[&str]) -> Option<StuckPattern> {
        let mut detector = StuckDetector::default();
        for (index, event) in events.iter().enumerate() {
            if let Some(text) = event.strip_prefix('"') {
                detector.said(text);
                continue;
            }
            let (name, shown) = event.split_once('=').unwrap();
            let call = ToolCall { id: index.to_string(), name: "bash".to_owned(), arguments: name.to_owned() };
            let observation = match shown.parse() {
                Ok(code) => Observation { exit_code: Some(code), text: index.to_string(), is_error: false },
                Err(_) => Observation { is_error: shown.starts_with('!'), text: shown.to_owned(), exit_code: None },
            };
            detector.saw(&call, &observation);
        }
        detector.pattern()
    }

    #[test]
    fn the_four_patterns_and_what_is_none_of_them() {
        assert_eq!(check(&["a=0", "a=0", "a=0"]), None);
        assert_eq!(check(&["a=0", "a=0", "a=0", "a=0"]), Some(StuckPattern::Repeating));
        assert_eq!(check(&["a=0", "a=0", "a=1", "a=0"]), None);
        assert_eq!(check(&["a=!x", "a=!y", "a=!z"]), None);
        assert_eq!(check(&["b=0", "a=!x", "a=!y", "a=!z"]), Some(StuckPattern::RepeatingErrors));
        assert_eq!(check(&["b=0", "a=!x", "b=!y", "a=!z"]), None);
        assert_eq!(check(&["\"hi", "\"hi", "\"hi"]), Some(StuckPattern::Monologue));
        assert_eq!(check(&["\"hi", "a=0", "\"hi", "\"hi"]), None);
        assert_eq!(check(&["a=0", "b=1", "a=0", "b=1", "a=0", "b=1"]), Some(StuckPattern::Alternating));
        assert_eq!(check(&["a=0", "b=1", "a=0", "b=1", "a=0", "c=1"]), None);
    }
}
