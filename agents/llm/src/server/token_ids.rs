//! Token ids and log probabilities: kept only if they are consistent.
//!
//! A trainer that is given lists of different lengths trains on the wrong tokens. What does not fit is dropped, never
//! filled up, and the answer itself stays.

use agent_core::{Completion, Served};
use serde_json::Value;

use crate::ModelConfig;

/// Drops what does not fit together. Returns what the user is to be told, where there is something.
pub(crate) fn checked(completion: &mut Completion, config: &ModelConfig) -> Option<String> {
    let usage = completion.usage;
    let served = completion.served.as_deref_mut()?;
    let unequal = |ids: &Option<Vec<u64>>, tokens: u64| {
        let count = ids.as_ref().map(|ids| ids.len() as u64)?;
        (tokens > 0 && count != tokens).then_some((count, tokens))
    };
    let hint = if config.stream { "\nhint: with `model.stream=false` no piece of them can be missing" } else { "" };
    if let Some((count, tokens)) = unequal(&served.completion_token_ids, usage.completion_tokens) {
        (served.completion_token_ids, served.logprobs) = (None, None);
        return Some(format!("{count} token ids came for an answer of {tokens} tokens, and are dropped{hint}"));
    }
    if let Some((count, tokens)) = unequal(&served.prompt_token_ids, usage.prompt_tokens) {
        served.prompt_token_ids = None;
        return Some(format!("{count} token ids came for a prompt of {tokens} tokens, and are dropped"));
    }
    if let Some(why) = logprobs_misfit(served) {
        served.logprobs = None;
        return Some(format!("{why}, and the log probabilities are dropped{hint}"));
    }
    missing(served, config)
}

/// Returns in what the log probabilities do not belong to the tokens of the answer.
fn logprobs_misfit(served: &Served) -> Option<String> {
    let ids = served.completion_token_ids.as_ref()?;
    let listed = |value: &Value| value.get("content").unwrap_or(value).as_array().cloned();
    let logprobs = served.logprobs.as_ref().and_then(listed)?;
    if logprobs.len() != ids.len() {
        return Some(format!("{} log probabilities came for {} tokens", logprobs.len(), ids.len()));
    }
    // Some servers name tokens by their numbers.
    let number = |logprob: &Value| logprob.get("token")?.as_str()?.strip_prefix("token_id:")?.parse::<u64>().ok();
    let differs = |(logprob, id): (&Value, &u64)| number(logprob).is_some_and(|number| number != *id);
    let at = logprobs.iter().zip(ids).position(differs)?;
    Some(format!("the log probability of token {} is of another one", at + 1))
}

/// Returns what was asked for and did not come.
fn missing(served: &Served, config: &ModelConfig) -> Option<String> {
    let what = match () {
        () if config.token_ids && served.completion_token_ids.is_none() => "token_ids",
        () if config.token_ids && served.prompt_token_ids.is_none() => "token_ids",
        () if config.logprobs && served.logprobs.is_none() => "logprobs",
        () => return None,
    };
    let hint = if config.stream { "\nhint: some servers send them with `model.stream=false` only" } else { "" };
    Some(format!("`model.{what}` is set, and an answer came without some of them{hint}"))
}
