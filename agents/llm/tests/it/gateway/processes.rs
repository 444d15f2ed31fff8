//! The limits of a minute over several processes.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use llm::{BudgetLimits, Gateways, RateConfig, RetryConfig};

use super::judge::{Judge, Reply, ask_many, connect, limited};
use super::minute::minute;

const RATE: RateConfig = RateConfig { rpm: Some(60), tpm: None, max_parallel_requests: None };
/// Tells this very test, run as another process, what to do.
const CHILD: &str = "GATEWAY_TEST_CHILD";

fn shared(folder: &Path) -> Gateways {
    Gateways::with_minute(Some(folder.to_owned()), BudgetLimits::default(), minute()).unwrap()
}

/// Asks as another process does, until it is told to stop.
async fn ask_as_child(url: &str, folder: &Path, requests: usize) {
    let retry = RetryConfig { max_elapsed: 60.0, base: 0.001, cap: 0.01 };
    let config = llm::ModelConfig { rate: RATE, retry, ..crate::server::config(url) };
    let model = connect(&shared(folder), &config).model("i");
    assert!(ask_many(&model, 16, requests).await.iter().all(Result::is_ok));
}

fn child(judge: &Judge, folder: &Path, requests: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "gateway::processes::processes_never_ask_more_than_the_limit_even_when_one_is_killed"])
        .env(CHILD, format!("{} {requests} {}", judge.url(), folder.display()))
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_never_ask_more_than_the_limit_even_when_one_is_killed() {
    if let Ok(child) = std::env::var(CHILD) {
        let [url, requests, folder] = child.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
        return ask_as_child(url, Path::new(folder), requests.parse().unwrap()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let judge = Judge::start(|_, number| Reply::ok(number as u64 % 40));
    let mut children: Vec<Child> = (0..2).map(|_| child(&judge, folder.path(), 110)).collect();
    // One is killed in the middle, and another one started in its place.
    let mut doomed = child(&judge, folder.path(), 10_000);
    tokio::time::sleep(minute() * 2).await;
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    children.push(child(&judge, folder.path(), 30));
    for mut child in children {
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(status.success());
    }
    assert!(judge.seen().len() >= 250, "{}", judge.seen().len());
    assert!(judge.most(minute(), |_| 1) <= 60, "{}", judge.most(minute(), |_| 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_has_all_while_another_is_idle_and_half_while_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let judge = Judge::start(|_, _| Reply::ok(5));
    let (one, other) = (shared(folder.path()), shared(folder.path()));
    let (first, second) = (connect(&one, &limited(&judge, RATE)), connect(&other, &limited(&judge, RATE)));
    let (first, second) = (first.model("i"), second.model("i"));
    // Both at once.
    let started = Instant::now();
    let (of_one, of_other) = tokio::join!(ask_many(&first, 16, 90), ask_many(&second, 16, 90));
    assert!(of_one.iter().chain(&of_other).all(Result::is_ok));
    let both = started.elapsed();
    assert!(both < minute() * 3, "{both:?}");
    // The second is idle from now on.
    tokio::time::sleep(minute() + Duration::from_millis(500)).await;
    let started = Instant::now();
    assert!(ask_many(&first, 16, 180).await.iter().all(Result::is_ok));
    let alone = started.elapsed();
    println!(
        "180 requests at 60 a minute of {:?}: {both:?} by two processes, {alone:?} by one beside an idle one",
        minute()
    );
    assert!((minute() * 2..minute() * 3).contains(&alone), "{alone:?}");
    assert!(judge.most(minute(), |_| 1) <= 60, "{}", judge.most(minute(), |_| 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_shared_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let judge = Judge::start(|_, _| Reply::ok(5));
    let rate = RateConfig { tpm: Some(3000), ..RateConfig::default() };
    let config = llm::ModelConfig { max_output_tokens: Some(50), ..limited(&judge, rate) };
    let (one, other) = (shared(folder.path()), shared(folder.path()));
    let (first, second) = (connect(&one, &config).model("i"), connect(&other, &config).model("i"));
    let (of_one, of_other) = tokio::join!(ask_many(&first, 16, 40), ask_many(&second, 16, 40));
    assert!(of_one.iter().chain(&of_other).all(Result::is_ok));
    assert!(judge.most(minute(), |seen| seen.tokens) <= 3000, "{}", judge.most(minute(), |seen| seen.tokens));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_an_error_and_no_limit_that_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let judge = Judge::start(|_, _| Reply::ok(0));
    let retry = RetryConfig { max_elapsed: 0.2, base: 0.01, cap: 0.01 };
    let config = llm::ModelConfig { retry, ..limited(&judge, RATE) };
    let gateways = shared(folder.path());
    let model = connect(&gateways, &config).model("i");
    let held = folder.path().join("held");
    let inside = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    std::fs::rename(&inside, &held).unwrap();
    std::fs::write(&inside, "a file in its place").unwrap();
    let err = model.complete(&super::judge::saying("a")).await.unwrap_err();
    assert!(err.to_string().contains("the limits that processes share"), "{err}");
    assert_eq!(judge.seen().len(), 0);
}
