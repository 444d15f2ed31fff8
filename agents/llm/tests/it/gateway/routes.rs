//! Several endpoints of one model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use agent_core::ModelError;
use llm::{ConnectError, EndpointConfig, ModelConfig, RetryConfig};
use prompts::Prompts;

use super::judge::{Judge, Reply, ask_each, connect, gateways, saying};
use crate::server::config;

fn over(judges: &[(&Judge, f64)]) -> ModelConfig {
    let endpoint = |(judge, weight): &(&Judge, f64)| EndpointConfig {
        base_url: Some(format!("{}/v1", judge.url())),
        weight: *weight,
        ..EndpointConfig::default()
    };
    let endpoints = judges.iter().map(endpoint).collect();
    ModelConfig { base_url: None, endpoints, ..config("") }
}

/// Returns how often each instance was asked about.
fn keys(judge: &Judge) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    judge.seen().into_iter().for_each(|seen| *keys.entry(seen.said).or_insert(0) += 1);
    keys
}

/// Asks once about each of `count` instances, and returns how many did not get an answer.
async fn ask_about(gateway: &llm::Gateway, count: usize, tasks: usize) -> usize {
    let gateway = gateway.clone();
    let answers = ask_each(tasks, count, move |number| {
        let key = format!("repo__name-{number}");
        let model = gateway.model(&key);
        Box::pin(async move { model.complete(&saying(&key)).await })
    })
    .await;
    answers.iter().filter(|answer| answer.is_err()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_keep_to_their_endpoint_and_are_shared_out_by_weight() {
    let (light, heavy) = (Judge::start(|_, _| Reply::ok(0)), Judge::start(|_, _| Reply::ok(0)));
    let spare = Judge::start(|_, _| Reply::ok(0));
    let config = over(&[(&light, 1.0), (&heavy, 3.0), (&spare, 0.0)]);
    for _ in 0..3 {
        // Another process comes to the same order.
        let gateway = connect(&gateways(Duration::from_secs(60)), &config);
        assert_eq!(ask_about(&gateway, 400, 16).await, 0);
    }
    let (of_light, of_heavy) = (keys(&light), keys(&heavy));
    assert!(of_light.values().chain(of_heavy.values()).all(|asked| *asked == 3), "an instance moved");
    assert_eq!(of_light.len() + of_heavy.len(), 400);
    assert!((70..130).contains(&of_light.len()), "{} of 400, not about a quarter", of_light.len());
    assert_eq!(spare.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_an_endpoint_is_gone_the_next_is_asked_until_it_is_back() {
    let (one, other) = (Judge::start(|_, _| Reply::ok(0)), Judge::start(|_, _| Reply::ok(0)));
    let gateway = connect(&gateways(Duration::from_secs(60)), &over(&[(&one, 1.0), (&other, 1.0)]));
    assert_eq!(ask_about(&gateway, 100, 8).await, 0);
    let (at_home, address) = (keys(&one), one.address);
    assert!((20..80).contains(&at_home.len()));
    drop(one);
    let started = Instant::now();
    assert_eq!(ask_about(&gateway, 100, 8).await, 0);
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(other.seen().len(), 200 - at_home.len());
    let one = Judge::start_at(address, |_, _| Reply::ok(0));
    // It is tried now and then.
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(ask_about(&gateway, 100, 8).await, 0);
        if !one.seen().is_empty() {
            break;
        }
    }
    let before = one.seen().len();
    assert_eq!(ask_about(&gateway, 100, 8).await, 0);
    assert_eq!(one.seen().len() - before, at_home.len(), "its instances are back");
    assert!(keys(&one).keys().all(|key| at_home.contains_key(key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_fails_or_hangs_is_left_alone_but_for_a_probe() {
    for hangs in [false, true] {
        let is_broken = Arc::new(AtomicBool::new(true));
        let broken = is_broken.clone();
        let bad = Judge::start(move |_, _| match (broken.load(Ordering::Relaxed), hangs) {
            (true, false) => Reply::status(500, ""),
            (true, true) => Reply::ok(60_000),
            (false, _) => Reply::ok(0),
        });
        let good = Judge::start(|_, _| Reply::ok(0));
        let config = ModelConfig { timeout: 0.3, ..over(&[(&bad, 1.0), (&good, 1.0)]) };
        let gateway = connect(&gateways(Duration::from_secs(60)), &config);
        assert_eq!(ask_about(&gateway, 100, 4).await, 0);
        // Three in a row, those in flight with them, and a probe or two.
        assert!((3..=12).contains(&bad.seen().len()), "{} requests", bad.seen().len());
        is_broken.store(false, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(ask_about(&gateway, 100, 1).await, 0);
        assert!(bad.seen().iter().rev().take(20).all(|seen| seen.status == 200));
        assert!(bad.seen().len() > 30, "{} requests", bad.seen().len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_asks_for_a_long_pause_is_passed_over() {
    let busy = Judge::start(|_, _| Reply::status(429, "retry-after: 60\r\n"));
    let free = Judge::start(|_, _| Reply::ok(0));
    let gateway = connect(&gateways(Duration::from_secs(60)), &over(&[(&busy, 1.0), (&free, 1.0)]));
    let started = Instant::now();
    assert_eq!(ask_about(&gateway, 50, 4).await, 0);
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!((1..=4).contains(&busy.seen().len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_no_reason_to_ask_another_endpoint() {
    let (one, other) = (Judge::start(|_, _| Reply::status(401, "")), Judge::start(|_, _| Reply::status(401, "")));
    let gateway = connect(&gateways(Duration::from_secs(60)), &over(&[(&one, 1.0), (&other, 1.0)]));
    let err = gateway.model("i").complete(&saying("a")).await.unwrap_err();
    assert!(matches!(err, ModelError::Permanent(_)), "{err:?}");
    assert_eq!(one.seen().len() + other.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_are_down_patience_ends() {
    let (one, other) = (Judge::start(|_, _| Reply::status(500, "")), Judge::start(|_, _| Reply::status(500, "")));
    let retry = RetryConfig { max_elapsed: 1.5, base: 0.01, cap: 0.1 };
    let config = ModelConfig { retry, ..over(&[(&one, 1.0), (&other, 1.0)]) };
    let gateway = connect(&gateways(Duration::from_secs(60)), &config);
    let started = Instant::now();
    let err = gateway.model("i").complete(&saying("a")).await.unwrap_err();
    assert!(matches!(err, ModelError::Transient { .. }), "{err:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(one.seen().len() + other.seen().len() < 20);
}

#[test]
fn endpoints_that_cannot_work_are_refused() {
    let refused = |config: ModelConfig| {
        let prices = llm::Prices::new(None).unwrap();
        let err = gateways(Duration::from_secs(60))
            .connect_in(&config, &prices, &Prompts::new(BTreeMap::new()).unwrap(), |_| None)
            .unwrap_err();
        assert!(matches!(err, ConnectError::BadEndpoint(_)), "{err}");
        err.to_string()
    };
    let one = |endpoint: EndpointConfig| ModelConfig { base_url: None, endpoints: vec![endpoint], ..config("") };
    assert!(refused(one(EndpointConfig::default())).contains("number 1 has no `base_url`"));
    let there = EndpointConfig { base_url: Some("http://127.0.0.1:9/v1".to_owned()), ..EndpointConfig::default() };
    assert!(refused(one(EndpointConfig { weight: f64::NAN, ..there.clone() })).contains("weight"));
    assert!(refused(ModelConfig { endpoints: vec![there], ..config("http://127.0.0.1:9") }).contains("base_url"));
}
