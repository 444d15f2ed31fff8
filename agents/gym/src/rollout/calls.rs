//! The tokens of each call of a model.

use agent_core::{Completion, Record, Served, Trajectory, Usage};
use serde::Serialize;
use serde_json::{Value, json};

/// One call of a model, with its tokens as the server sent them. None is ever made here from text, and what does not fit
/// together is left out and said so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Call {
    /// An id that no other call of the rollout has.
    pub(crate) call_id: String,
    /// Number of the agent's step.
    pub(crate) step: u64,
    /// Number of the stretch in which the conversation only grew, from 0.
    pub(crate) segment: usize,
    /// The model, as its server names it.
    pub(crate) model: Option<String>,
    /// Tokens of the whole prompt.
    pub(crate) prompt_token_ids: Option<Vec<u64>>,
    /// Tokens that were sampled.
    pub(crate) completion_token_ids: Option<Vec<u64>>,
    /// One log probability for each token that was sampled.
    pub(crate) logprobs: Option<Vec<f64>>,
    /// For each token of prompt and answer whether it counts: 0 for the prompt, and 1 for what was sampled, or 0 where its
    /// log probabilities are lacking in a rollout that has them elsewhere.
    pub(crate) loss_mask: Option<Vec<u8>>,
    /// Why the answer ended, in the server's own word.
    pub(crate) finish_reason: Option<String>,
    /// The version of the weights, where the server sends one.
    pub(crate) weight_version: Option<Value>,
    /// Whether the prompt begins with the tokens of the call before, prompt and answer; `None` for the first of a segment,
    /// and where tokens are lacking.
    pub(crate) continues: Option<bool>,
    /// Tokens as the server counts them.
    pub(crate) usage: Usage,
    /// Seconds that it took.
    pub(crate) seconds: f64,
    /// What the server did not send, or sent in a form that does not fit.
    pub(crate) lacks: Vec<String>,
}

/// Returns the calls of an episode, each in its segment.
pub(crate) fn calls(id: &str, trajectory: &Trajectory) -> Vec<Call> {
    let mut calls = Vec::new();
    for (segment, shown) in trajectory.segments().iter().enumerate() {
        for shown in shown.messages.iter().filter(|shown| shown.sampled) {
            if let Record::Completion { step, completion, seconds, .. } = shown.record {
                let call_id = format!("{id}/{}", calls.len());
                calls.push(Call { step: *step, segment, seconds: *seconds, ..call(call_id, completion) });
            }
        }
    }
    finish(&mut calls);
    calls
}

/// Returns one call by itself.
pub(crate) fn call(call_id: String, completion: &Completion) -> Call {
    let served = completion.served.as_deref();
    let mut lacks = Vec::new();
    let prompt_token_ids = served.and_then(|served| served.prompt_token_ids.clone());
    let completion_token_ids = served.and_then(|served| served.completion_token_ids.clone());
    for (name, is_there) in
        [("prompt_token_ids", prompt_token_ids.is_some()), ("completion_token_ids", completion_token_ids.is_some())]
    {
        if !is_there {
            lacks.push(name.to_owned());
        }
    }
    let logprobs = match (served.and_then(|served| served.logprobs.as_ref()), &completion_token_ids) {
        (None, _) => Err("logprobs".to_owned()),
        (Some(sent), ids) => numbers(sent, ids.as_deref()),
    };
    let logprobs = logprobs.map_err(|why| lacks.push(why)).ok();
    Call {
        call_id,
        step: 0,
        segment: 0,
        model: served.and_then(|served| served.model.clone()),
        prompt_token_ids,
        completion_token_ids,
        logprobs,
        loss_mask: None,
        finish_reason: served.and_then(|served| served.finish_reason.clone()),
        weight_version: served.and_then(weight_version),
        continues: None,
        usage: completion.usage,
        seconds: 0.0,
        lacks,
    }
}

/// Fills in what a call has only beside the others.
pub(crate) fn finish(calls: &mut [Call]) {
    let some_have = calls.iter().any(|call| call.logprobs.is_some());
    let mut before: Option<(usize, Vec<u64>)> = None;
    for call in calls {
        let (Some(prompt), Some(sampled)) = (&call.prompt_token_ids, &call.completion_token_ids) else {
            before = None;
            continue;
        };
        call.continues = match &before {
            Some((segment, tokens)) if *segment == call.segment => Some(prompt.starts_with(tokens)),
            _ => None,
        };
        let counts = u8::from(call.logprobs.is_some() || !some_have);
        let of_prompt = std::iter::repeat_n(0, prompt.len());
        call.loss_mask = Some(of_prompt.chain(std::iter::repeat_n(counts, sampled.len())).collect());
        before = Some((call.segment, prompt.iter().chain(sampled).copied().collect()));
    }
}

/// Returns log probabilities as numbers, one for each token, or why they are none.
fn numbers(sent: &Value, ids: Option<&[u64]>) -> Result<Vec<f64>, String> {
    let listed = sent.get("content").unwrap_or(sent).as_array().ok_or("logprobs: no list")?;
    let number = |one: &Value| one.get("logprob").unwrap_or(one).as_f64().filter(|number| *number <= 0.0);
    let numbers: Option<Vec<f64>> = listed.iter().map(number).collect();
    let numbers = numbers.ok_or("logprobs: one is no number up to 0")?;
    match ids {
        Some(ids) if ids.len() != numbers.len() => Err(format!("logprobs: {} for {} tokens", numbers.len(), ids.len())),
        _ => Ok(numbers),
    }
}

/// Returns the version of the weights, where a server has put it.
fn weight_version(served: &Served) -> Option<Value> {
    const NAME: &str = "weight_version";
    let below = |map: &serde_json::Map<String, Value>| {
        let nested = ["meta_info", "metadata"].into_iter().find_map(|name| map.get(name)?.get(NAME).cloned());
        map.get(NAME).cloned().or(nested)
    };
    below(&served.choice).or_else(|| below(&served.body)).filter(|version| !version.is_null())
}

/// Returns the calls as Harbor's readers take them: for each segment three lists of the same length. A segment of which a
/// token is lacking is left out, and log probabilities are there where every call has them.
pub(crate) fn details(calls: &[Call]) -> Vec<Value> {
    let last = calls.last().map_or(0, |call| call.segment + 1);
    let of_segment = (0..last).map(|segment| calls.iter().filter(move |call| call.segment == segment));
    let detail = of_segment.filter_map(|calls| {
        let calls: Vec<&Call> = calls.collect();
        let prompts: Option<Vec<_>> = calls.iter().map(|call| call.prompt_token_ids.as_ref()).collect();
        let sampled: Option<Vec<_>> = calls.iter().map(|call| call.completion_token_ids.as_ref()).collect();
        let logprobs: Option<Vec<_>> = calls.iter().map(|call| call.logprobs.as_ref()).collect();
        let mut detail = json!({ "prompt_token_ids": prompts?, "completion_token_ids": sampled? });
        if let Some(logprobs) = logprobs {
            detail["logprobs"] = json!(logprobs);
        }
        Some(detail)
    });
    detail.collect()
}

/// Returns the calls as OpenEnv and TRL take them; those that lack something are left out.
pub(crate) fn training_trace(calls: &[Call]) -> Value {
    let turn = |call: &Call| {
        Some(json!({
            "node_id": call.call_id,
            "prompt_token_ids": call.prompt_token_ids.as_ref()?,
            "completion_token_ids": call.completion_token_ids.as_ref()?,
            "per_token_logps": call.logprobs.as_ref()?,
            "loss_mask": call.loss_mask.as_ref()?,
            "metadata": { "step": call.step, "segment": call.segment, "weight_version": call.weight_version },
        }))
    };
    json!({ "schema_version": 1, "turns": calls.iter().filter_map(turn).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use agent_core::{FinishReason, Message};

    use super::*;

    fn completion(prompt: Option<Vec<u64>>, sampled: Option<Vec<u64>>, logprobs: Value) -> Completion {
        let served = Served {
            prompt_token_ids: prompt,
            completion_token_ids: sampled,
            logprobs: (!logprobs.is_null()).then_some(logprobs),
            choice: serde_json::from_value(json!({ "meta_info": { "weight_version": "7" } })).unwrap(),
            ..Served::default()
        };
        Completion {
            message: Message::assistant("", Vec::new()),
            finish_reason: FinishReason::Stop,
            usage: Usage::default(),
            cost: None,
            malformed: None,
            served: Some(Box::new(served)),
        }
    }

    fn of(logprobs: &[f64]) -> Value {
        json!({ "content": logprobs.iter().map(|one| json!({ "token": "x", "logprob": one })).collect::<Vec<_>>() })
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_masked_and_said() {
        let mut calls = vec![
            call("a/0".to_owned(), &completion(Some(vec![1, 2]), Some(vec![3]), of(&[-0.5]))),
            call("a/1".to_owned(), &completion(Some(vec![1, 2, 3, 4]), Some(vec![5, 6]), of(&[-0.5]))),
            call("a/2".to_owned(), &completion(Some(vec![1, 9]), Some(vec![7]), of(&[0.5]))),
            call("a/3".to_owned(), &completion(None, Some(vec![7]), Value::Null)),
        ];
        finish(&mut calls);
        let masks: Vec<_> = calls.iter().map(|call| call.loss_mask.clone()).collect();
        let expected = vec![Some(vec![0, 0, 1]), Some(vec![0, 0, 0, 0, 0, 0]), Some(vec![0, 0, 0]), None];
        assert_eq!(masks, expected);
        let continues: Vec<_> = calls.iter().map(|call| call.continues).collect();
        assert_eq!(continues, [None, Some(true), Some(false), None]);
        let lacks: Vec<_> = calls.iter().map(|call| call.lacks.join("; ")).collect();
        let expected =
            ["", "logprobs: 1 for 2 tokens", "logprobs: one is no number up to 0", "prompt_token_ids; logprobs"];
        assert_eq!(lacks, expected);
        assert_eq!(calls[0].weight_version, Some(json!("7")));
        assert!(details(&calls).is_empty());
        assert_eq!(details(&calls[..1]).len(), 1);
        assert_eq!(details(&calls[..2])[0].get("logprobs"), None);
        assert_eq!(training_trace(&calls)["turns"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn without_any_logprobs_all_that_was_sampled_counts() {
        let mut calls = vec![call("a/0".to_owned(), &completion(Some(vec![1]), Some(vec![3, 4]), Value::Null))];
        finish(&mut calls);
        assert_eq!(calls[0].loss_mask, Some(vec![0, 1, 1]));
        assert_eq!(calls[0].lacks, ["logprobs"]);
    }
}
