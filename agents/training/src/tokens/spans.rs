//! Which bytes of a conversation are trained.

use std::collections::BTreeMap;
use std::ops::Range;

use agent_core::{Role, ToolSpec};
use anyhow::bail;
use minijinja::Value as Jinja;

use super::chat_template::{described, values};
use super::marks::{Marked, has_mark};
use super::{ChatTemplate, Turn};

impl ChatTemplate {
    /// Renders a conversation and returns the bytes of it that are trained: each answer from behind what opens it to the
    /// mark that ends it.
    ///
    /// # Errors
    /// When the template refuses it, or shows earlier answers otherwise once more is said, so that what was sampled is
    /// not what would be trained.
    pub(super) fn spans(&self, turns: &[Turn], tools: &[ToolSpec]) -> anyhow::Result<(String, Vec<Range<usize>>)> {
        let conversation =
            Conversation { template: self, turns, messages: values(turns), tools: described(tools) };
        if let Some(found) = conversation.quickly() {
            return Ok(found);
        }
        conversation.safely()
    }
}

/// A conversation as its template takes it.
struct Conversation<'a> {
    template: &'a ChatTemplate,
    turns: &'a [Turn],
    messages: Vec<Jinja>,
    tools: Option<Jinja>,
}

/// What a template may tell one answer from another by: the role before it, whether it says anything, calls and reasoning,
/// and which of the texts are in it that the template looks for.
type Kind = (Option<Role>, bool, usize, bool, Vec<bool>);

impl Conversation<'_> {
    fn trained(&self) -> impl DoubleEndedIterator<Item = usize> {
        self.turns.iter().enumerate().filter(|(_, turn)| turn.trained).map(|(index, _)| index)
    }

    /// Renders up to each answer, and again with it.
    fn safely(&self) -> anyhow::Result<(String, Vec<Range<usize>>)> {
        let whole = self.template.render_values(&self.messages, &self.tools, false)?;
        let spans = self.trained().map(|index| self.span(index, &whole)).collect::<anyhow::Result<_>>()?;
        Ok((whole, spans))
    }

    /// Returns the bytes of an answer, from what is shown when it is the next, and when it is the last.
    fn span(&self, index: usize, whole: &str) -> anyhow::Result<Range<usize>> {
        let before = self.template.render_values(&self.messages[..index], &self.tools, true)?;
        let through = match index + 1 == self.turns.len() {
            true => None,
            false => Some(self.template.render_values(&self.messages[..=index], &self.tools, false)?),
        };
        let through = through.as_deref().unwrap_or(whole);
        let end = through.trim_end().len();
        if !through.starts_with(&before) || !whole.starts_with(&through[..end]) || end <= before.len() {
            bail!("the chat template shows an answer otherwise once more is said");
        }
        Ok(before.len()..end)
    }

    /// Renders once, and finds the answers by where their rounds begin. The first and the last answer of each kind are found
    /// in the safe way too; `None` where these are not at the same place, or another one does not begin as they do.
    fn quickly(&self) -> Option<(String, Vec<Range<usize>>)> {
        let texts = self.turns.iter().flat_map(|turn| {
            let calls = turn.message.tool_calls.iter().flat_map(|call| [&call.name, &call.arguments]);
            calls.chain([&turn.message.content]).chain(&turn.reasoning)
        });
        if texts.into_iter().any(|text| has_mark(text)) {
            return None;
        }
        let whole = self.template.render_marked(&self.messages, &self.tools)?;
        let mut kinds: BTreeMap<usize, usize> = BTreeMap::new();
        let mut known: Vec<(Kind, Vec<usize>)> = Vec::new();
        for index in self.trained() {
            let kind = self.kind(index);
            let at = known.iter().position(|(one, _)| *one == kind).unwrap_or_else(|| {
                known.push((kind, Vec::new()));
                known.len() - 1
            });
            known[at].1.push(index);
            kinds.insert(index, at);
        }
        let mut openings = Vec::with_capacity(known.len());
        for (_, answers) in &known {
            let (first, last) = (*answers.first()?, *answers.last()?);
            let opening = self.checked(first, &whole)?;
            if last != first && self.checked(last, &whole)? != opening {
                return None;
            }
            openings.push(opening);
        }
        let spans = kinds.iter().map(|(index, kind)| {
            let (start, end) = whole.place(*index)?;
            let opening = openings.get(*kind)?;
            let inner = whole.text.get(start..end)?.trim_end().strip_prefix(opening)?;
            (!inner.is_empty()).then(|| start + opening.len()..start + opening.len() + inner.len())
        });
        let spans = spans.collect::<Option<Vec<_>>>()?;
        Some((whole.text, spans))
    }

    /// Returns what opens an answer, where it is found at the same place in the safe way.
    fn checked<'w>(&self, index: usize, whole: &'w Marked) -> Option<&'w str> {
        let (start, end) = whole.place(index)?;
        let span = self.span(index, &whole.text).ok()?;
        let is_same = whole.text.get(..end)?.trim_end().len() == span.end;
        whole.text.get(start..span.start).filter(|_| is_same)
    }

    fn kind(&self, index: usize) -> Kind {
        let turn = &self.turns[index];
        let message = &turn.message;
        let before = index.checked_sub(1).and_then(|before| self.turns.get(before));
        let has = |text: &String| message.content.contains(text.as_str());
        (
            before.map(|turn| turn.message.role),
            message.content.trim().is_empty(),
            message.tool_calls.len(),
            turn.reasoning.is_some(),
            self.template.looked_for.iter().map(has).collect(),
        )
    }
}
