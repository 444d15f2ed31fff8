//! What a server says about too many requests.

use std::time::{Duration, Instant};

use llm::{ModelConfig, RateConfig, RetryConfig};

use super::judge::{Judge, Reply, Seen, ask_many, connect, gateways, limited};

/// Returns the times of the requests after the first with this status, in milliseconds after it.
fn after(seen: &[Seen], status: u16) -> Vec<u128> {
    let first = seen.iter().position(|one| one.status == status).unwrap();
    seen[first + 1..].iter().map(|one| (one.at - seen[first].at).as_millis()).collect()
}

/// Asks with 8 tasks a server whose 20th answer has this status and these headers, after which nothing is to come for
/// 1500 ms but what was in flight.
async fn pauses(status: u16, headers: &'static str) {
    let judge = Judge::start(move |_, number| match number {
        20 if status == 200 => Reply { headers: headers.to_owned(), ..Reply::ok(0) },
        20 => Reply::status(status, headers),
        _ => Reply::ok(5),
    });
    let retry = RetryConfig { max_elapsed: 30.0, base: 0.001, cap: 0.001 };
    let config = ModelConfig { retry, ..limited(&judge, RateConfig::default()) };
    let model = connect(&gateways(Duration::from_secs(60)), &config).model("i");
    let answers = ask_many(&model, 8, 60).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let mut seen = judge.seen();
    seen[20].status = 1;
    let after = after(&seen, 1);
    let early = after.iter().filter(|after| **after < 500).count();
    let paused = after.iter().filter(|after| (500..1490).contains(*after)).count();
    assert!(early <= 16, "{headers}: {early} requests in the moment after: {after:?}");
    assert_eq!(paused, 0, "{headers}: {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_answer_that_asks_to_wait_pauses_all() {
    tokio::join!(
        pauses(429, "retry-after: 1.5\r\n"),
        pauses(503, "retry-after-ms: 1500\r\n"),
        pauses(200, "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1500ms\r\n"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_longer_than_ones_patience_is_an_error_for_all_at_once() {
    let judge = Judge::start(|_, _| Reply::status(429, "retry-after: 3600\r\n"));
    let retry = RetryConfig { max_elapsed: 1.0, base: 0.001, cap: 0.001 };
    let rate = RateConfig { max_parallel_requests: Some(1), ..RateConfig::default() };
    let config = ModelConfig { retry, ..limited(&judge, rate) };
    let model = connect(&gateways(Duration::from_secs(60)), &config).model("i");
    let started = Instant::now();
    let answers = ask_many(&model, 8, 20).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(judge.seen().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_in_flight_comes_down_to_what_the_server_bears_and_up_again() {
    const BEARS: usize = 8;
    let judge = Judge::start(|seen, _| if seen.in_flight > BEARS { Reply::status(429, "") } else { Reply::ok(10) });
    let retry = RetryConfig { max_elapsed: 60.0, base: 0.001, cap: 0.05 };
    let config = ModelConfig { retry, ..limited(&judge, RateConfig::default()) };
    let model = connect(&gateways(Duration::from_secs(60)), &config).model("i");
    let answers = ask_many(&model, 64, 1200).await;
    assert!(answers.iter().all(Result::is_ok));
    let seen = judge.seen();
    let late = &seen[seen.len() / 2..];
    let refused = late.iter().filter(|one| one.status == 429).count();
    assert!(refused * 5 < late.len(), "{refused} of {}", late.len());
    let mean = late.iter().map(|one| one.in_flight).sum::<usize>() as f64 / late.len() as f64;
    assert!((2.5..=BEARS as f64 + 2.0).contains(&mean), "{mean} in flight");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_are_in_flight_than_the_settings_say() {
    let judge = Judge::start(|_, _| Reply::ok(10));
    let rate = RateConfig { max_parallel_requests: Some(5), ..RateConfig::default() };
    let model = connect(&gateways(Duration::from_secs(60)), &limited(&judge, rate)).model("i");
    assert!(ask_many(&model, 32, 200).await.iter().all(Result::is_ok));
    assert_eq!(judge.seen().iter().map(|one| one.in_flight).max(), Some(5));
}
