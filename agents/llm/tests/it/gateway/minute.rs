//! The limits of a minute in one process. A minute is 3 seconds here, and a real one where `SPOTTER_LONG` is set.

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_core::Model;
use llm::{ModelConfig, RateConfig, RetryConfig};
use serde_json::json;

use super::judge::{Judge, Reply, ask_many, connect, gateways, limited, saying};

pub(super) fn minute() -> Duration {
    let is_long = std::env::var_os("SPOTTER_LONG").is_some();
    Duration::from_secs(if is_long { 60 } else { 3 })
}

/// Returns some milliseconds that differ from request to request.
fn some(number: usize, most: usize) -> u64 {
    ((number * 7919) % (most + 1)) as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn no_minute_holds_more_requests_than_the_limit_and_few_less() {
    let judge = Judge::start(|_, number| Reply::ok(some(number, 100)));
    let rate = RateConfig { rpm: Some(40), ..RateConfig::default() };
    let model = connect(&gateways(minute()), &limited(&judge, rate)).model("i");
    let started = Instant::now();
    let answers = ask_many(&model, 64, 130).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(judge.seen().len(), 130);
    assert!(judge.most(minute(), |_| 1) <= 40, "{}", judge.most(minute(), |_| 1));
    // Three minutes pass before the last ones may be sent.
    let least = minute() * 3;
    assert!((least..least * 3 / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_minute_holds_more_tokens_than_the_limit() {
    let judge = Judge::start(|_, number| {
        let mut reply = Reply::ok(some(number, 50));
        let (prompt, output) = (20 + some(number, 4), 10 + some(number, 54));
        let total = prompt + output;
        reply.body["usage"] = json!({ "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": total });
        reply
    });
    let rate = RateConfig { tpm: Some(2000), ..RateConfig::default() };
    let config = ModelConfig { max_output_tokens: Some(64), ..limited(&judge, rate) };
    let model = connect(&gateways(minute()), &config).model("i");
    let started = Instant::now();
    let answers = ask_many(&model, 64, 100).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let tokens: u64 = judge.seen().iter().map(|seen| seen.tokens).sum();
    assert!(judge.most(minute(), |seen| seen.tokens) <= 2000, "{}", judge.most(minute(), |seen| seen.tokens));
    assert!(tokens > 5000, "{tokens}");
    // What was reserved and not used went back: else the answers' 64 tokens would count whole.
    assert!(started.elapsed() < minute() * 5, "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_larger_than_the_limit_is_sent_alone() {
    let judge = Judge::start(|_, _| Reply::ok(0));
    let rate = RateConfig { tpm: Some(50), ..RateConfig::default() };
    let model = connect(&gateways(Duration::from_millis(300)), &limited(&judge, rate)).model("i");
    assert!(ask_many(&model, 4, 3).await.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_go_in_order_and_those_given_up_take_nothing() {
    let judge = Judge::start(|_, _| Reply::ok(0));
    let rate = RateConfig { rpm: Some(4), ..RateConfig::default() };
    let model = connect(&gateways(Duration::from_secs(1)), &limited(&judge, rate)).model("i");
    let mut asking = Vec::new();
    for number in 0..20 {
        let model = model.clone();
        asking.push(tokio::spawn(async move {
            model.complete(&saying(&number.to_string())).await.unwrap();
        }));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Of those that wait, every third gives up.
    for number in (6..20).step_by(3) {
        asking[number].abort();
    }
    let started = Instant::now();
    for one in asking {
        let _ = one.await;
    }
    let said: Vec<usize> = judge.seen().iter().map(|seen| seen.said.parse().unwrap()).collect();
    let in_order: Vec<usize> = (0..20).filter(|number| *number < 6 || number % 3 != 0).collect();
    // Those that go at almost the same time may arrive in another order.
    for (at, number) in in_order.iter().enumerate() {
        let arrived = said.iter().position(|said| said == number).unwrap();
        assert!(arrived.abs_diff(at) < 4, "{said:?}");
    }
    assert_eq!(said.len(), in_order.len(), "{said:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_for_ones_turn_is_no_patience_with_the_server() {
    let judge = Judge::start(|_, number| if number == 3 { Reply::status(500, "") } else { Reply::ok(0) });
    let rate = RateConfig { rpm: Some(2), ..RateConfig::default() };
    let retry = RetryConfig { max_elapsed: 0.5, base: 0.01, cap: 0.01 };
    let config = ModelConfig { retry, ..limited(&judge, rate) };
    let model = connect(&gateways(Duration::from_secs(1)), &config).model("i");
    let answers = ask_many(&model, 6, 6).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(judge.seen().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_takes_nothing_of_the_minute() {
    let judge = Judge::start(|_, _| Reply::ok(0));
    let rate = RateConfig { rpm: Some(2), ..RateConfig::default() };
    let retry = RetryConfig { max_elapsed: 0.3, base: 0.001, cap: 0.001 };
    let config = ModelConfig { retry, ..limited(&judge, rate) };
    let address = judge.address;
    drop(judge);
    let model = connect(&gateways(Duration::from_secs(600)), &config).model("i");
    assert!(model.complete(&saying("a")).await.is_err());
    let judge = Judge::start_at(address, |_, _| Reply::ok(0));
    let model: Arc<dyn Model> = model;
    assert!(ask_many(&model, 2, 2).await.iter().all(Result::is_ok));
    assert_eq!(judge.seen().len(), 2);
}
