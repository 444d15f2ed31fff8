//! Tokens and prices.

use agent_core::Usage;
use llm::{ModelConfig, Prices};
use serde_json::{Value, json};

use crate::server::{answer, config, hello, model, ok, prompts, serve};

/// Returns the usage and the cost of an answer with this `usage`, in millionths of a dollar.
async fn billed(name: &str, usage: Value) -> (Usage, Option<f64>) {
    let mut body = answer("hi");
    body["usage"] = usage;
    let server = serve(vec![ok(body)]).await;
    let model = model(&ModelConfig { name: Some(name.to_owned()), ..config(&server.uri()) });
    let completion = model.complete(&hello()).await.unwrap();
    (completion.usage, completion.cost.map(|cost| (cost * 1e9).round() / 1e3))
}

#[tokio::test]
async fn cached_tokens_are_priced_apart() {
    let usage =
        json!({ "prompt_tokens": 1000, "completion_tokens": 100, "prompt_tokens_details": { "cached_tokens": 600 } });
    let (counted, cost) = billed("gpt-4o-2024-08-06", usage).await;
    assert_eq!(counted, Usage { prompt_tokens: 1000, completion_tokens: 100, cached_tokens: 600 });
    assert_eq!(cost, Some(400.0 * 2.5 + 600.0 * 1.25 + 100.0 * 10.0));
    let deepseek = json!({ "prompt_tokens": 1000, "completion_tokens": 0, "prompt_cache_hit_tokens": 1000 });
    assert_eq!(billed("deepseek-chat", deepseek).await.1, Some(28.0));
}

#[tokio::test]
async fn names_are_known_with_prefix_and_date() {
    let usage = json!({ "prompt_tokens": 1000, "completion_tokens": 0 });
    for name in ["openai/gpt-4o", "openrouter/openai/GPT-4o-2024-11-20", "gpt-4o", "azure/gpt-4o-latest"] {
        assert_eq!(billed(name, usage.clone()).await.1, Some(2500.0), "{name}");
    }
    assert_eq!(billed("gpt-4o-2024-05-13", usage.clone()).await.1, Some(5000.0));
    assert_eq!(billed("anthropic/claude-3.5-sonnet-20241022", usage.clone()).await.1, Some(3000.0));
    assert_eq!(billed("claude-sonnet-4@20250514", usage).await.1, Some(3000.0));
}

#[tokio::test]
async fn what_is_unknown_is_not_free() {
    let usage = json!({ "prompt_tokens": 1000, "completion_tokens": 0 });
    for name in ["SWE-Gym/OpenHands-32B-Agent", "gpt-4o:free", "gpt-4o-audio-preview"] {
        assert_eq!(billed(name, usage.clone()).await.1, None, "{name}");
    }
    assert_eq!(billed("gpt-4o", json!(null)).await, (Usage::default(), None));
}

#[tokio::test]
async fn what_the_provider_reports_goes_first() {
    let usage = json!({ "prompt_tokens": 1000, "completion_tokens": 0, "cost": 0.000123 });
    assert_eq!(billed("gpt-4o", usage.clone()).await.1, Some(123.0));
    assert_eq!(billed("unknown", usage).await.1, Some(123.0));
}

#[tokio::test]
async fn own_prices_go_before_the_embedded_ones() {
    let prices =
        Prices::new(Some("[{model: gpt-4o, input: 1, output: 1}, {model: 'me/*', input: 7, output: 1}]")).unwrap();
    let server = serve(vec![ok(answer("hi"))]).await;
    for (name, expected) in [("gpt-4o", 110.0), ("me/any-model", 710.0), ("gpt-4o-mini", 21.0)] {
        let config = ModelConfig { name: Some(name.to_owned()), ..config(&server.uri()) };
        let model = llm::connect_in(&config, &prices, &prompts(), |_| None).unwrap();
        let cost = model.complete(&hello()).await.unwrap().cost.unwrap();
        assert_eq!((cost * 1e6).round(), expected, "{name}");
    }
    assert!(Prices::new(Some("[{model: x, inptu: 1, output: 1}]")).unwrap_err().contains("inptu"));
}
