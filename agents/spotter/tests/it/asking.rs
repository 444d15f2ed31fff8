//! `verify --by llm` and `--by judge` with a server on loopback, and `export verifier`.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::program::{Program, Ran};

/// Episodes of the run: of each instance one that is resolved and one that is not.
const EPISODES: usize = 12;

/// What a server does with a request: the number of those before it, and whether the episode that it shows is right.
type Rule = dyn Fn(usize, bool, &str) -> ResponseTemplate + Send + Sync;

struct Scripted {
    seen: Arc<AtomicUsize>,
    rule: Box<Rule>,
}

impl Respond for Scripted {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let text = String::from_utf8_lossy(&request.body);
        (self.rule)(self.seen.fetch_add(1, Ordering::SeqCst), text.contains("it is right"), &text)
    }
}

/// A server on loopback that runs as long as this lives.
struct Server {
    seen: Arc<AtomicUsize>,
    server: MockServer,
    runtime: Runtime,
}

impl Server {
    fn start(rule: impl Fn(usize, bool, &str) -> ResponseTemplate + Send + Sync + 'static) -> Self {
        let (runtime, seen) = (Runtime::new().unwrap(), Arc::new(AtomicUsize::new(0)));
        let scripted = Scripted { seen: seen.clone(), rule: Box::new(rule) };
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(method("POST")).and(path("/v1/chat/completions")).respond_with(scripted).mount(&server).await;
            server
        });
        Self { seen, server, runtime }
    }

    /// Returns how many requests came since it was last asked.
    fn took(&self) -> usize {
        self.seen.swap(0, Ordering::SeqCst)
    }

    /// Returns the arguments that rate the run by a scorer.
    fn verify(&self, scorer: &str) -> Vec<String> {
        let url = format!("model.base_url={}/v1", self.server.uri());
        let words = ["verify", "r", "--by", scorer, "-c", "model.name=m", "-c", &url];
        let quick = ["-c", "model.retry.base=0.01", "-c", "model.retry.max_elapsed=0.3", "--requests", "1"];
        words.iter().chain(&quick).map(|word| (*word).to_owned()).collect()
    }
}

/// Returns a program with a run of [`EPISODES`] episodes.
fn program() -> Program {
    let program = Program::new();
    let mut rows = String::new();
    for number in 0..EPISODES {
        let (instance, resolved) = (number / 2, number % 2 == 0);
        let answer = format!("number {number}: {}", if resolved { "it is right" } else { "it is wrong" });
        let messages = json!([
            { "role": "system", "content": "Rules." },
            { "role": "user", "content": format!("Repair {instance}.") },
            { "role": "assistant", "content": answer },
        ]);
        let patch = format!("diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b{number}\n");
        let instance_id = format!("owner__repo{}-{instance}", instance % 3);
        let row = json!({ "instance_id": instance_id, "messages": messages, "patch": patch, "resolved": resolved });
        writeln!(rows, "{row}").unwrap();
    }
    fs::write(program.path("rows.jsonl"), rows).unwrap();
    let ran = program.run(&["import", "rows.jsonl", "--run", "r"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    program
}

fn answer(text: &str, logprobs: &Value) -> ResponseTemplate {
    let message = json!({ "role": "assistant", "content": text });
    ResponseTemplate::new(200).set_body_json(json!({
        "id": "i", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{ "index": 0, "message": message, "finish_reason": "stop", "logprobs": logprobs }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12 },
    }))
}

/// Returns an answer of YES with this share, in spellings that differ from request to request.
fn judged(number: usize, yes: f64) -> ResponseTemplate {
    let [small, large] = [["YES", "NO"], [" Yes", " no"], ["\nyes", "No"]][number % 3];
    let choices = json!([
        { "token": small, "logprob": (yes * 0.9).ln() }, { "token": "yes</", "logprob": (yes * 0.1).ln() },
        { "token": large, "logprob": (1.0 - yes).ln() },
    ]);
    let tag = json!({ "token": "<judgement>", "logprob": 0.0, "top_logprobs": [] });
    let word = json!({ "token": small, "logprob": (yes * 0.9).ln(), "top_logprobs": choices });
    answer(&format!("<judgement>{small}</judgement>"), &json!({ "content": [tag, word] }))
}

fn knows(number: usize, is_right: bool) -> ResponseTemplate {
    judged(number, if is_right { 0.8 } else { 0.3 })
}

fn scores(program: &Program, scorer: &str) -> Vec<Option<f64>> {
    let text = fs::read_to_string(program.path(&format!(".runs/r/scores.{scorer}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["score"].as_f64()).collect()
}

fn check(ran: &Ran, code: i32, said: &[&str]) {
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for words in said {
        assert!(ran.stdout.contains(words) || ran.stderr.contains(words), "`{words}` is not in {ran:?}");
    }
}

/// Returns the AUC that was printed of a scorer, in the table whose second column it is.
fn auc(ran: &Ran, scorer: &str) -> String {
    let table = ran.stdout.split("scorer  AUC").nth(1).unwrap_or_else(|| panic!("{ran:?}"));
    let row = table.lines().find(|line| line.split_whitespace().next() == Some(scorer));
    row.and_then(|row| row.split_whitespace().nth(1)).unwrap_or_else(|| panic!("{ran:?}")).to_owned()
}

#[test]
fn a_server_that_knows_tells_right_from_wrong_in_all_spellings_and_is_asked_once() {
    let (program, server) = (program(), Server::start(|number, is_right, _| knows(number, is_right)));
    let ran = program.run(&server.verify("llm"));
    check(&ran, 0, &[]);
    assert_eq!(server.took(), EPISODES);
    for score in scores(&program, "llm") {
        let score = score.unwrap();
        assert!((score - 0.8).abs() < 1e-9 || (score - 0.3).abs() < 1e-9, "{score}");
    }
    let with = |words: &[&str]| {
        let words = words.iter().map(|word| (*word).to_owned());
        program.run(&server.verify("llm").into_iter().chain(words).collect::<Vec<_>>())
    };
    let again = with(&["--by", "oracle"]);
    assert_eq!(server.took(), 0, "what was answered is not asked again");
    assert_eq!(auc(&again, "llm"), "1.000", "{again:?}");
    // Where it is part of a rule as well, its answers are those that are kept.
    check(&with(&["--by", "majority", "--fit", "--out", "mix.json"]), 0, &[]);
    check(&with(&["--by", "hybrid", "--weights", "mix.json"]), 0, &[]);
    assert_eq!(server.took(), 0);
}

#[test]
fn without_log_probabilities_it_ends_with_a_hint_and_a_judge_does_without() {
    let (program, server) = (
        program(),
        Server::start(|_, is_right, text| {
            let rating = if is_right { 9 } else { 2 };
            match text.contains("does not end with a rating") || !text.contains("number 3") {
                true => answer(&format!("So and so.\n<rating>{rating}</rating>"), &Value::Null),
                false => answer("So and so.", &Value::Null),
            }
        }),
    );
    check(&program.run(&server.verify("llm")), 1, &["the answer has no log probabilities", "hint: ", "`--by judge`"]);
    server.took();
    let ran = program.run(&server.verify("judge"));
    check(&ran, 0, &[]);
    // One answer had no rating.
    assert_eq!(server.took(), EPISODES + 1);
    assert!(scores(&program, "judge").iter().all(|score| [Some(0.9), Some(0.2)].contains(score)));
    check(&program.run(&["verify", "r", "--by", "judge"]), 2, &["none is named", "hint: `-c model.name=NAME"]);
}

#[test]
fn a_server_that_is_busy_is_waited_for_and_what_it_cannot_do_is_missing() {
    let (program, server) = (
        program(),
        Server::start(|number, is_right, text| match () {
            () if number == 2 => ResponseTemplate::new(429).insert_header("Retry-After", "1"),
            () if text.contains("number 5:") => ResponseTemplate::new(500),
            () => knows(number, is_right),
        }),
    );
    let arguments = server.verify("llm");
    let patient: Vec<String> = arguments.iter().map(|word| word.replace("elapsed=0.3", "elapsed=3")).collect();
    let begun = Instant::now();
    let ran = program.run(&patient);
    check(&ran, 0, &["without a score, episodes: 1: the model's server gave no answer"]);
    assert!(begun.elapsed() >= Duration::from_secs(1), "it did not wait");
    assert_eq!(scores(&program, "llm").iter().filter(|score| score.is_none()).count(), 1);
    server.took();
    // Only what has no answer is asked again.
    check(&program.run(&arguments), 0, &["without a score, episodes: 1"]);
    let requests = server.runtime.block_on(server.server.received_requests()).unwrap();
    let again = requests[requests.len() - server.took()..].iter();
    assert!(again.clone().count() > 0);
    again.for_each(|one| assert!(String::from_utf8_lossy(&one.body).contains("number 5:")));
}

#[test]
fn a_server_that_dies_ends_the_command_and_the_next_one_goes_on() {
    let (program, server) = (
        program(),
        Server::start(|number, is_right, _| match number {
            5.. => ResponseTemplate::new(503),
            _ => knows(number, is_right),
        }),
    );
    let arguments = [server.verify("llm"), vec!["-c".to_owned(), "model.retry.max_elapsed=0".to_owned()]].concat();
    check(&program.run(&arguments), 1, &["5 answers are kept, and the same command goes on from them"]);
    // Five in a row failed.
    assert_eq!(server.took(), 10);
    drop(server);
    let dead = [
        "verify",
        "r",
        "--by",
        "llm",
        "-c",
        "model.name=m",
        "-c",
        "model.base_url=http://127.0.0.1:9/v1",
        "-c",
        "model.retry.max_elapsed=0",
    ];
    check(&program.run(&dead), 1, &["answers are kept"]);
    let server = Server::start(|number, is_right, _| knows(number, is_right));
    check(&program.run(&server.verify("llm")), 0, &[]);
    assert_eq!(server.took(), EPISODES - 5);
}

#[test]
fn what_is_killed_loses_no_more_than_the_request_under_way() {
    let (program, server) =
        (program(), Server::start(|number, is_right, _| knows(number, is_right).set_delay(Duration::from_millis(60))));
    let kept = program.path(".runs/r/asked.llm.jsonl");
    for least in [2, 5] {
        let mut child = program.command(&server.verify("llm")).spawn().unwrap();
        let begun = Instant::now();
        while fs::read_to_string(&kept).unwrap_or_default().lines().count() < least {
            assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    check(&program.run(&server.verify("llm")), 0, &[]);
    let took = server.took();
    assert!((EPISODES..=EPISODES + 2).contains(&took), "{took} requests");
    assert!(scores(&program, "llm").iter().all(Option::is_some));
}

#[test]
fn judged_episodes_are_exported_for_verifiers_with_the_texts_that_they_are_asked_with() {
    let (program, server) = (program(), Server::start(|number, is_right, _| knows(number, is_right)));
    fs::create_dir_all(program.path("texts/verifier")).unwrap();
    fs::write(program.path("texts/verifier/system.md"), "Be a judge of my own.\n").unwrap();
    let ran = program.run(&[
        "export",
        "verifier",
        "r",
        "--for",
        "trl",
        "--validation",
        "0.34",
        "-c",
        "prompts=texts",
        "--out",
        "out",
    ]);
    check(&ran, 0, &["training: 8 rows, 4 resolved and 4 not, on 4 instances", "validation: 4 rows"]);
    let text = fs::read_to_string(program.path("out/train.jsonl")).unwrap();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let said = |at: usize| row["messages"][at]["content"].as_str().unwrap();
        assert_eq!(said(0), "Be a judge of my own.");
        let word = if said(1).contains("it is right") { "YES" } else { "NO" };
        assert_eq!(said(2), format!("<judgement>{word}</judgement>"));
    }
    let card: Value = serde_json::from_str(&fs::read_to_string(program.path("out/card.json")).unwrap()).unwrap();
    assert_eq!((&card["train"]["resolved"], &card["episodes_read"]), (&json!(4), &json!(EPISODES)));
    // Asked is with the same text.
    let asked = [server.verify("llm"), vec!["-c".to_owned(), "prompts=texts".to_owned()]].concat();
    check(&program.run(&asked), 0, &[]);
    let requests = server.runtime.block_on(server.server.received_requests()).unwrap();
    let shown: Vec<Value> = requests.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let is_asked = |body: &Value| body["messages"][1]["content"] == row["messages"][1]["content"];
        assert!(shown.iter().any(is_asked), "{line}");
    }
    let none = program.run(&["export", "verifier", "r", "--out", "none", "--max-tokens", "1"]);
    check(&none, 1, &["no row is left of 12 episodes", "12 more than 1 tokens"]);
}
