//! Conversations as tokens.

use std::ops::Range;

use agent_core::Served;

use super::digits::add_array;

/// The label of a token that does not count in the loss, as PyTorch's cross entropy ignores it.
pub const NOT_TRAINED: i64 = -100;

/// A sequence of tokens, each trained or not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Twice the id of each token, and one more where it is trained.
    marked: Vec<u32>,
}

impl Encoded {
    /// Returns tokens, each with the bytes of the text that it stands for, of which those within `spans` are trained. Both
    /// are in the order of the text.
    pub(super) fn new(tokens: impl Iterator<Item = (u32, Range<usize>)>, mut spans: &[Range<usize>]) -> Self {
        let mut encoded = Self { marked: Vec::with_capacity(tokens.size_hint().0) };
        for (id, place) in tokens {
            while let Some((_, rest)) = spans.split_first().filter(|(span, _)| span.end <= place.start) {
                spans = rest;
            }
            let within = |span: &Range<usize>| span.start <= place.start && place.end <= span.end;
            encoded.push(id, !place.is_empty() && spans.first().is_some_and(within));
        }
        encoded
    }

    /// Returns how many tokens there are.
    pub fn len(&self) -> usize {
        self.marked.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.marked.is_empty()
    }

    /// Returns how many tokens are trained.
    pub fn trained(&self) -> usize {
        self.marked.iter().filter(|marked| **marked & 1 == 1).count()
    }

    /// Returns the tokens.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = u32> {
        self.marked.iter().map(|marked| marked >> 1)
    }

    /// Returns the tokens in another form, of four bytes each, that [`Self::from_bytes`] reads.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.marked.iter().map(|marked| marked.to_le_bytes()).collect::<Vec<_>>().into_flattened()
    }

    /// Reads what [`Self::to_bytes`] returned.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self { marked: bytes.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect() }
    }

    /// Returns the row that a trainer reads: `input_ids`, and `labels`, which are [`NOT_TRAINED`] for those that are not.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut json = br#"{"input_ids":"#.to_vec();
        add_array(&mut json, self.ids().map(Some), b"-100");
        json.extend(br#","labels":"#);
        add_array(&mut json, self.marked.iter().map(|marked| (marked & 1 == 1).then_some(marked >> 1)), b"-100");
        json.push(b'}');
        json
    }

    fn push(&mut self, id: u32, trained: bool) {
        self.marked.push(id << 1 | u32::from(trained));
    }

    /// Adds what a prompt has behind the tokens, and its answer.
    fn extend(&mut self, prompt: &[u64], answer: &[u64]) -> Result<(), &'static str> {
        let rest = prompt.iter().skip(self.len()).map(|id| (id, false));
        for (id, trained) in rest.chain(answer.iter().map(|id| (id, true))) {
            let id = u32::try_from(*id).ok().filter(|id| *id <= u32::MAX >> 1);
            self.push(id.ok_or("a recorded token is none that a vocabulary has")?, trained);
        }
        Ok(())
    }

    /// Returns whether a prompt begins with the tokens.
    fn goes_on_in(&self, prompt: &[u64]) -> bool {
        prompt.len() >= self.len() && self.ids().map(u64::from).eq(prompt.iter().take(self.len()).copied())
    }
}

/// Returns the tokens of answers as their server recorded them: one sequence, and a further one where a prompt does not
/// go on from the tokens before. `None` where an answer has none.
///
/// # Errors
/// When a token is no id of a vocabulary.
pub fn recorded<'a>(answers: impl Iterator<Item = Option<&'a Served>>) -> Result<Option<Vec<Encoded>>, &'static str> {
    let mut sequences: Vec<Encoded> = Vec::new();
    for served in answers {
        let ids = served.and_then(|one| one.prompt_token_ids.as_ref().zip(one.completion_token_ids.as_ref()));
        let Some((prompt, answer)) = ids else { return Ok(None) };
        if !sequences.last().is_some_and(|last| last.goes_on_in(prompt)) {
            sequences.push(Encoded::default());
        }
        if let Some(last) = sequences.last_mut() {
            last.extend(prompt, answer)?;
        }
    }
    Ok((!sequences.is_empty()).then_some(sequences))
}
