//! What a verifier's reward files say.

use serde_json::Value;

use crate::grader::{INFRASTRUCTURE, REWARD};

/// What a verifier says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reward {
    /// The reward.
    Is(f64),
    /// The verifier of this project could not judge, through no fault of the patch.
    Infrastructure,
}

/// Returns what the files `reward.json` and `reward.txt` say, of which the former comes first.
///
/// # Errors
/// A text that names the file when there is none, it is not valid, or the two disagree.
pub(crate) fn reward(json: Option<&[u8]>, text: Option<&[u8]>) -> Result<Reward, String> {
    let of_text = text.map(of_text).transpose();
    let Some(json) = json else {
        let number = of_text?.ok_or("the verifier wrote neither `reward.json` nor `reward.txt`")?;
        return Ok(Reward::Is(number));
    };
    let reward = of_json(json)?;
    match (reward, of_text?) {
        (Reward::Is(number), Some(other)) if number != other => {
            Err(format!("`reward.json` says {number} and `reward.txt` says {other}"))
        }
        _ => Ok(reward),
    }
}

fn of_text(text: &[u8]) -> Result<f64, String> {
    let text = String::from_utf8_lossy(text);
    let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    number.ok_or_else(|| format!("`reward.txt` holds no number: `{}`", start(&text)))
}

fn of_json(json: &[u8]) -> Result<Reward, String> {
    let value: Value = serde_json::from_slice(json).map_err(|err| format!("`reward.json` is not valid: {err}"))?;
    let number = |value: &Value| value.as_f64().or_else(|| value.as_bool().map(|is| f64::from(u8::from(is))));
    let refused = || format!("`reward.json` holds no reward: `{}`", start(&value.to_string()));
    let Value::Object(rewards) = &value else {
        return number(&value).map(Reward::Is).ok_or_else(refused);
    };
    if rewards.get(INFRASTRUCTURE).and_then(number).is_some_and(|number| number != 0.0) {
        return Ok(Reward::Infrastructure);
    }
    let only = (rewards.len() == 1).then(|| rewards.values().next()).flatten();
    rewards.get(REWARD).or(only).and_then(number).map(Reward::Is).ok_or_else(refused)
}

fn start(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_file_comes_first_and_the_two_have_to_agree() {
        for (json, text, expected) in [
            (Some(r#"{"reward": 1}"#), None, Ok(Reward::Is(1.0))),
            (Some("0.5"), None, Ok(Reward::Is(0.5))),
            (Some(r#"{"score": true}"#), None, Ok(Reward::Is(1.0))),
            (Some(r#"{"reward": 0, "infrastructure": 1}"#), None, Ok(Reward::Infrastructure)),
            (Some(r#"{"reward": 1}"#), Some("1.0\n"), Ok(Reward::Is(1.0))),
            (None, Some(" 0 "), Ok(Reward::Is(0.0))),
            (None, None, Err("neither `reward.json` nor `reward.txt`")),
            (Some(r#"{"reward": 1}"#), Some("0"), Err("`reward.json` says 1 and `reward.txt` says 0")),
            (Some(""), None, Err("`reward.json` is not valid")),
            (Some(r#"{"a": 1, "b": 1}"#), None, Err("`reward.json` holds no reward")),
            (Some(r#"{"reward": "1"}"#), None, Err("`reward.json` holds no reward")),
            (None, Some("nan"), Err("`reward.txt` holds no number")),
            (None, Some(""), Err("`reward.txt` holds no number")),
        ] {
            let said = reward(json.map(str::as_bytes), text.map(str::as_bytes));
            match (&said, expected) {
                (Ok(is), Ok(expected)) => assert_eq!(*is, expected, "{json:?} {text:?}"),
                (Err(is), Err(expected)) => assert!(is.contains(expected), "{is}"),
                (is, expected) => panic!("{json:?} {text:?}: {is:?}, not {expected:?}"),
            }
        }
    }
}
