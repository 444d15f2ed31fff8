//! What a step took.

use agent_core::{Completion, Usage};
use serde_json::{Map, Value, json};

use crate::counts::Counts;

/// Returns the metrics of an answer; `None` where nothing is known. `before` is what a file of this format said.
pub(super) fn metrics(completion: &Completion, before: Option<&Value>, losses: &mut Counts) -> Option<Value> {
    let served = completion.served.as_deref();
    let mut metrics = match before {
        Some(Value::Object(before)) => before.clone(),
        _ => counted(completion),
    };
    if let Some(served) = served {
        let ids =
            [("prompt_token_ids", &served.prompt_token_ids), ("completion_token_ids", &served.completion_token_ids)];
        metrics.extend(ids.into_iter().filter_map(|(key, ids)| Some((key.to_owned(), json!(ids.as_ref()?)))));
        if let Some(logprobs) = &served.logprobs {
            match plain(logprobs) {
                Some(numbers) => {
                    losses.count(
                        "lists of log probabilities without their texts and alternatives",
                        usize::from(!logprobs.is_array()),
                    );
                    metrics.insert("logprobs".to_owned(), numbers);
                }
                None => losses.count("log probabilities that are no list of one number a token", 1),
            }
        }
        if let Some(usage) = served.usage.as_ref().filter(|_| before.is_none()) {
            metrics.insert("extra".to_owned(), json!({ "usage": usage }));
        }
    }
    (!metrics.is_empty()).then_some(Value::Object(metrics))
}

fn counted(completion: &Completion) -> Map<String, Value> {
    let Usage { prompt_tokens, completion_tokens, cached_tokens } = completion.usage;
    let mut metrics = Map::new();
    if completion.usage.total() > 0 {
        let counts = [
            ("prompt_tokens", prompt_tokens),
            ("completion_tokens", completion_tokens),
            ("cached_tokens", cached_tokens),
        ];
        metrics.extend(counts.into_iter().map(|(key, count)| (key.to_owned(), count.into())));
    }
    metrics.extend(completion.cost.map(|cost| ("cost_usd".to_owned(), cost.into())));
    metrics
}

/// Returns log probabilities as a list of one number a token.
fn plain(logprobs: &Value) -> Option<Value> {
    if let Value::Array(list) = logprobs {
        return list.iter().all(Value::is_number).then(|| logprobs.clone());
    }
    let tokens = logprobs.get("content")?.as_array()?;
    tokens.iter().map(|token| token.get("logprob").filter(|number| number.is_number()).cloned()).collect()
}
