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
        let conversation = Conversation { template: self, turns, messages: values(turns), tools: described(tools) };
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

#[cfg(test)]
mod tests {
    use agent_core::{Message, ToolCall};

    use super::*;

    const PLAIN: &str = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% for call in m.tool_calls or [] %}\
                         <call>{{ call.function.arguments | tojson }}</call>{% endfor %}<|end|>\n{% endfor %}\
                         {% if add_generation_prompt %}<|assistant|>\n{% endif %}";

    /// The system message before the loop, results in a row under one head, and a look at what comes next.
    const GROUPED: &str = "{%- if messages[0].role == 'system' %}\n<|system|>{{ messages[0].content }}<|end|>\n\
        {%- set rest = messages[1:] %}\n{%- else %}\n{%- set rest = messages %}\n{%- endif %}\n\
        {%- for message in messages %}\n{%- if message.role == 'system' %}{% elif message.role == 'tool' %}\n\
        {%- if loop.index0 == 0 or messages[loop.index0 - 1].role != 'tool' %}\n<|user|>{% endif %}\n\
        <r>{{ message.content }}</r>\n\
        {%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}<|end|>\n{% endif %}\n\
        {%- else %}\n<|{{ message.role }}|>{{ message.content.strip() }}<|end|>\n{% endif %}\n{%- endfor %}\n\
        {%- if add_generation_prompt %}\n<|assistant|>{% endif %}";

    /// Thoughts before the last words of the user are not shown again.
    const FORGETFUL: &str = "{% set last = namespace(user=0) %}{% for message in messages[::-1] %}\
        {% if message.role == 'user' and last.user == 0 %}{% set last.user = messages | length - loop.index0 %}{% endif %}\
        {% endfor %}{% for message in messages %}<|{{ message.role }}|>\
        {% if message.role == 'assistant' and '</think>' in message.content and loop.index < last.user %}\
        {{ message.content.split('</think>')[1] }}{% else %}{{ message.content }}{% endif %}<|end|>{% endfor %}\
        {% if add_generation_prompt %}<|assistant|>{% endif %}";

    fn turns(rng: &mut fastrand::Rng, texts: &[&str]) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut say = |message: Message, trained: bool| turns.push(Turn { message, trained, reasoning: None });
        if rng.bool() {
            say(Message::system("Rules."), false);
        }
        say(Message::user("Repair."), false);
        for _ in 0..rng.usize(1..7) {
            let text = rng.choice(texts).copied().unwrap_or_default();
            let calls: Vec<ToolCall> = (0..rng.usize(0..3))
                .map(|number| ToolCall {
                    id: number.to_string(),
                    name: "bash".to_owned(),
                    arguments: format!("{{\"n\":{number}}}"),
                })
                .collect();
            say(Message::assistant(text, calls.clone()), rng.u8(0..5) > 0);
            calls.iter().for_each(|call| say(Message::tool(call, "shown"), false));
            if calls.is_empty() {
                say(Message::user("Go on."), false);
            }
        }
        turns
    }

    /// Returns how many conversations were read at once, and how many are refused.
    fn compared(source: &str, texts: &[&str]) -> [usize; 2] {
        let template = ChatTemplate::new(source.to_owned(), None).unwrap();
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut quick, mut refused) = (0, 0);
        for _ in 0..300 {
            let turns = turns(&mut rng, texts);
            let conversation =
                Conversation { template: &template, turns: &turns, messages: values(&turns), tools: None };
            let safe = conversation.safely().ok();
            quick += usize::from(conversation.quickly().is_some());
            refused += usize::from(safe.is_none());
            assert_eq!(template.spans(&turns, &[]).ok(), safe, "{turns:?}");
        }
        [quick, refused]
    }

    #[test]
    fn one_rendering_finds_what_many_find_or_gives_way_to_them() {
        assert_eq!(compared(PLAIN, &["a", "b b", " c\n"]), [300, 0]);
        assert_eq!(compared(PLAIN, &["a", "\u{fdd0}0\u{fdd0}"])[1], 0);
        let [quick, refused] = compared(GROUPED, &["a", "b b"]);
        assert_eq!((quick, refused), (300, 0));
        let [quick, refused] = compared(FORGETFUL, &["a", "<think>why</think>b", "</think>c"]);
        assert!(refused > 100 && quick > 20 && quick + refused <= 300, "{quick} {refused}");
        assert_eq!(compared(FORGETFUL, &["a", "b"]), [300, 0]);
    }

    #[test]
    fn a_template_without_a_loop_is_rendered_again_and_again() {
        let source = "{{ messages[0].content }}|{% if messages | length > 1 or add_generation_prompt %}A:{% endif %}\
                      {% if messages | length > 1 %}{{ messages[1].content }}{% endif %}";
        let template = ChatTemplate::new(source.to_owned(), None).unwrap();
        let said = [(Message::user("u"), false), (Message::assistant("a", Vec::new()), true)];
        let turns = said.map(|(message, trained)| Turn { message, trained, reasoning: None });
        let (text, spans) = template.spans(&turns, &[]).unwrap();
        let trained: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
        assert_eq!((text.as_str(), trained.as_slice()), ("u|A:a", ["a"].as_slice()));
    }
}
