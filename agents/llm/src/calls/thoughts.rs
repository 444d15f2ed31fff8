//! Separates the thoughts of a model from its answer.

use std::borrow::Cow;

/// The tags between which models think aloud.
const TAGS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")];

/// Returns the thoughts at the start of a text, tags included, and the rest, in which later thoughts are blank.
///
/// A call may itself write such tags, as into a file: what is between `opening`, with which a call begins on its line,
/// and the end of that call is left alone. Chat templates that open the thoughts themselves leave only the closing tag
/// in the text. A thought without end continues to the end of the text.
pub(crate) fn split<'a>(text: &'a str, opening: &str) -> (&'a str, Cow<'a, str>) {
    let mut end = unopened(text, opening).unwrap_or(0);
    loop {
        let rest = &text[end..];
        let call = first_call(rest, opening);
        match first_thought(rest) {
            Some((from, to)) if call.is_none_or(|call| from < call) => end += to,
            _ => break,
        }
    }
    let (thought, rest) = text.split_at(end);
    (thought, blanked(rest, opening))
}

/// Returns where thoughts end that the text does not open: after the first closing tag that nothing before it opens.
fn unopened(text: &str, opening: &str) -> Option<usize> {
    let closing = TAGS.iter().filter_map(|(open, close)| {
        let at = text.find(close)?;
        (!text[..at].contains(open)).then_some((at, at + close.len()))
    });
    let (at, end) = closing.min()?;
    // A tag inside of a whole call is a part of what the call writes.
    let inside = first_call(&text[..at], opening).is_some_and(|call| {
        let after = &text[at..];
        let ends = if opening == "{" { after.contains('}') } else { after.contains("</function") };
        ends && !(text[call..at].contains("</function") && opening != "{") && !calls_again(&text[end..], opening)
    });
    (!inside).then_some(end)
}

fn calls_again(text: &str, opening: &str) -> bool {
    first_call(text, opening).is_some()
}

/// Returns where the first call of a text begins: at the start of a line.
fn first_call(text: &str, opening: &str) -> Option<usize> {
    text.match_indices(opening).map(|(at, _)| at).find(|at| {
        let line = text[..*at].rsplit('\n').next().unwrap_or_default();
        line.trim().is_empty()
    })
}

/// Returns where the first thought of a text begins and ends.
fn first_thought(text: &str) -> Option<(usize, usize)> {
    let starts = TAGS.iter().filter_map(|(open, close)| text.find(open).map(|at| (at, open, close)));
    let (from, open, close) = starts.min_by_key(|(at, ..)| *at)?;
    let inside = from + open.len();
    let to = text[inside..].find(close).map_or(text.len(), |length| inside + length + close.len());
    Some((from, to))
}

/// Returns the text with the thoughts between its calls blank, so that every other character keeps its place.
fn blanked<'a>(text: &'a str, opening: &str) -> Cow<'a, str> {
    if opening == "{" || !TAGS.iter().any(|(open, _)| text.contains(open)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((from, to)) = first_thought(rest) {
        let call = first_call(rest, opening).filter(|call| *call < from);
        let call_end = call.and_then(|call| rest[call..].find("</function").map(|end| call + end + "</function".len()));
        match (call, call_end) {
            (Some(_), Some(end)) => {
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            (Some(_), None) => break,
            (None, _) => {
                out.push_str(&rest[..from]);
                out.extend(rest[from..to].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
                rest = &rest[to..];
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn thoughts_are_told_from_calls_that_write_their_tags() {
        let call = "<function=a>\n</function>";
        let writes = "<function=w>\n<parameter=text>\n<think>x</think>\n</parameter>\n</function>";
        for (text, thought) in [
            (format!("<think>{call}</think>\n{call}"), format!("<think>{call}</think>")),
            (format!("so\n{call}\n</think>\n{call}"), format!("so\n{call}\n</think>")),
            (format!("<think>\n{call}"), format!("<think>\n{call}")),
            (format!("I write.\n{writes}"), String::new()),
            ("<function=w>\n<parameter=t>a</think>b</parameter>\n</function>".to_owned(), String::new()),
            (format!("<thinking>a</thinking>{writes}"), "<thinking>a</thinking>".to_owned()),
            (call.to_owned(), String::new()),
        ] {
            assert_eq!(split(&text, "<function=").0, thought, "{text}");
        }
    }

    #[test]
    fn a_thought_between_calls_is_blank() {
        let text = "<function=a>\n</function>\n<think>\n<function=b>\n</function>\n</think>\n<function=c>\n</function>";
        let (_, rest) = split(text, "<function=");
        assert!(!rest.contains("=b>") && rest.contains("=a>") && rest.contains("=c>"), "{rest}");
        assert_eq!(rest.len(), text.len());
    }

    #[test]
    fn a_json_object_that_is_thought_of_is_no_call() {
        let (thought, rest) = split("<think>\n{\"a\": 1}\n</think>\n{\"b\": \"<think>\"}", "{");
        assert_eq!((thought, &*rest), ("<think>\n{\"a\": 1}\n</think>", "\n{\"b\": \"<think>\"}"));
    }
}
