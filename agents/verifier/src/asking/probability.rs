//! P(YES) out of the log probabilities of an answer.

use serde_json::Value;

use crate::conversation::OPENED;

/// Why there is no score where a server does not send what was asked for.
pub(crate) const NO_LOGPROBS: &str = "the answer has no log probabilities";

/// A token of an answer with its alternatives at that place, itself among them.
struct Token<'a> {
    text: &'a str,
    /// Texts with their log probabilities.
    choices: Vec<(&'a str, f64)>,
}

/// Returns the probability of YES against NO where an answer first judges, out of the `logprobs` of a chat completion.
/// `begun` says that the answer goes on right behind the opening tag.
///
/// All spellings count together: in any case, with or without blanks around, with the beginning of the closing tag behind,
/// and pieces of the words that a tokenizer may make of them. Where the server names one of the two only, the other one is
/// taken to have all that it can have: no more than the least that is named, and no more than what is left over.
///
/// # Errors
/// Why there is none, in words that count.
pub fn probability(logprobs: &Value, begun: bool) -> Result<f64, &'static str> {
    let listed = logprobs.get("content").unwrap_or(logprobs).as_array().ok_or(NO_LOGPROBS)?;
    let tokens: Vec<Token<'_>> = listed.iter().filter_map(token).collect();
    if tokens.is_empty() {
        return Err(NO_LOGPROBS);
    }
    let (place, before) = judgement(&tokens, begun).ok_or("the answer judges nothing")?;
    let token = tokens.get(place).ok_or("the answer judges nothing")?;
    let (mut yes, mut no, mut all, mut least) = (0.0, 0.0, 0.0, f64::INFINITY);
    for (text, logprob) in &token.choices {
        // Above 0 there is no log probability; rounding may lead there.
        let share = logprob.min(0.0).exp();
        (all, least) = (all + share, least.min(share));
        match text.strip_prefix(before).and_then(word) {
            Some(true) => yes += share,
            Some(false) => no += share,
            None => {}
        }
    }
    let rest = least.min((1.0 - all).max(0.0));
    let (yes, no) = match (yes > 0.0, no > 0.0) {
        (true, true) => (yes, no),
        (true, false) => (yes, rest),
        (false, true) => (rest, no),
        (false, false) => return Err("neither YES nor NO is likely where the answer judges"),
    };
    Ok(yes / (yes + no))
}

fn token(value: &Value) -> Option<Token<'_>> {
    let own = choice(value)?;
    let others = value.get("top_logprobs").and_then(Value::as_array).into_iter().flatten();
    let mut choices: Vec<(&str, f64)> = others.filter_map(choice).collect();
    // Some servers name the alternatives without the token that was drawn.
    if !choices.iter().any(|(text, _)| *text == own.0) {
        choices.push(own);
    }
    Some(Token { text: own.0, choices })
}

fn choice(value: &Value) -> Option<(&str, f64)> {
    Some((value.get("token")?.as_str()?, value.get("logprob")?.as_f64()?))
}

/// Returns the place of the token that judges last, and what of its text stands before the word.
fn judgement<'a>(tokens: &[Token<'a>], begun: bool) -> Option<(usize, &'a str)> {
    let mut said = String::new();
    let (mut opened, mut found) = (begun, None);
    for (place, token) in tokens.iter().enumerate() {
        if opened && !token.text.trim().is_empty() {
            (opened, found) = (false, Some((place, "")));
        }
        let start = said.len();
        said.push_str(token.text);
        let end = said.rfind(OPENED).map(|at| at + OPENED.len()).filter(|end| *end > start);
        let Some((before, after)) = end.and_then(|end| token.text.split_at_checked(end - start)) else { continue };
        // The tag ends in this token, and the word may begin in it.
        match after.trim().is_empty() {
            true => opened = true,
            false => found = Some((place, before)),
        }
    }
    // Without the tag the first word counts, where it is one of the two.
    let first = || tokens.iter().position(|token| !token.text.trim().is_empty());
    let is_word = |place: &usize| tokens.get(*place).is_some_and(|token| word(token.text).is_some());
    found.or_else(|| first().filter(is_word).map(|place| (place, "")))
}

/// Returns whether a text is YES or its beginning, or NO or its beginning.
fn word(text: &str) -> Option<bool> {
    // Some servers send tokens as their vocabulary writes a leading blank.
    let text = text.trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, 'Ġ' | '▁' | 'Ċ'));
    let text = text.split('<').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let is = |word: &str| !text.is_empty() && word.starts_with(&text);
    match () {
        () if is("YES") => Some(true),
        () if is("NO") => Some(false),
        () => None,
    }
}
