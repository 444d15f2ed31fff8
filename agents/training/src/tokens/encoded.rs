//! Conversations as tokens.

use std::ops::Range;

use agent_core::Served;
use serde::Serialize;

/// The label of a token that does not count in the loss, as PyTorch's cross entropy ignores it.
pub const NOT_TRAINED: i64 = -100;

/// A sequence of tokens with a label for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Encoded {
    /// The tokens.
    pub input_ids: Vec<u64>,
    /// The tokens that are trained, and [`NOT_TRAINED`] in the place of the others.
    pub labels: Vec<i64>,
}

impl Encoded {
    /// Returns tokens with the labels that spans of their text ask for.
    pub(super) fn new(ids: &[u32], offsets: &[(usize, usize)], spans: &[Range<usize>]) -> Self {
        let trained = |(start, end): &(usize, usize)| {
            let after = spans.partition_point(|span| span.end <= *start);
            end > start && spans.get(after).is_some_and(|span| span.start <= *start && *end <= span.end)
        };
        let label = |(id, place): (&u32, &(usize, usize))| if trained(place) { i64::from(*id) } else { NOT_TRAINED };
        Self {
            input_ids: ids.iter().map(|id| u64::from(*id)).collect(),
            labels: ids.iter().zip(offsets).map(label).collect(),
        }
    }

    /// Returns how many tokens are trained.
    pub fn trained(&self) -> usize {
        self.labels.iter().filter(|label| **label != NOT_TRAINED).count()
    }

    fn extend(&mut self, prompt: &[u64], answer: &[u64]) {
        let rest = &prompt[self.input_ids.len()..];
        self.input_ids.extend(rest);
        self.labels.extend(rest.iter().map(|_| NOT_TRAINED));
        self.input_ids.extend(answer);
        self.labels.extend(answer.iter().map(|id| i64::try_from(*id).unwrap_or(NOT_TRAINED)));
    }
}

/// Returns the tokens of answers as their server recorded them: one sequence, and a further one where a prompt does not
/// go on from the tokens before. `None` where an answer has none.
pub fn recorded<'a>(answers: impl Iterator<Item = Option<&'a Served>>) -> Option<Vec<Encoded>> {
    let mut sequences: Vec<Encoded> = Vec::new();
    for served in answers {
        let (prompt, answer) =
            served.and_then(|one| one.prompt_token_ids.as_ref().zip(one.completion_token_ids.as_ref()))?;
        match sequences.last_mut().filter(|last| prompt.starts_with(&last.input_ids)) {
            Some(last) => last.extend(prompt, answer),
            None => {
                let mut next = Encoded { input_ids: Vec::new(), labels: Vec::new() };
                next.extend(prompt, answer);
                sequences.push(next);
            }
        }
    }
    (!sequences.is_empty()).then_some(sequences)
}
