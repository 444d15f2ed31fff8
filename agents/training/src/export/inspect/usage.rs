//! Tokens and cost.

use agent_core::Usage;
use serde_json::{Value, json};

/// Returns tokens and cost as the format counts them: what is read from a cache is not among the tokens read.
pub(super) fn usage(usage: Usage, cost: Option<f64>) -> Value {
    let Usage { prompt_tokens, completion_tokens, cached_tokens } = usage;
    json!({
        "input_tokens": prompt_tokens.saturating_sub(cached_tokens), "output_tokens": completion_tokens,
        "total_tokens": usage.total(), "input_tokens_cache_read": cached_tokens, "total_cost": cost,
    })
}
