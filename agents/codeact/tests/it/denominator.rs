//! A run of twenty instances in containers, some of which end in every way that an episode can: each is counted, and
//! the rate is of all that were asked for.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::program::{Program, Ran, require};

const BASE: &str = "spotter/registry-base:latest";

/// A repository of one commit, with what the tests look for.
const DOCKERFILE: &str = "\
FROM spotter/registry-base:latest
ENV GIT_AUTHOR_DATE=2024-01-01T00:00:00Z GIT_COMMITTER_DATE=2024-01-01T00:00:00Z
RUN rm -rf /opt/miniconda3 && mkdir /testbed && cd /testbed && git init -q -b main && echo one > code.txt && git add -A \\
 && git -c user.name=a -c user.email=a@b commit -qm base
";

/// The tests: what the code holds decides, and some code keeps them from a result.
const SCRIPT: &str = "\
cd /testbed
[ ! -e hang ] || sleep 1000
[ ! -e excuse ] || { echo 'Could not resolve host: example.org'; exit 1; }
[ ! -e bomb ] || python3 bomb
set -x
: '>>>>> Start Test Output'
if grep -q two code.txt; then echo PASSED f; else echo FAILED f; fi
echo PASSED p
: '>>>>> End Test Output'
";

/// What the model has done in so many instances; the first word tells them apart.
type Scenario = (&'static str, usize, &'static str);

/// Forks without end, whatever it is told.
macro_rules! forks {
    () => {
        "python3 -c 'import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n'"
    };
}

const SCENARIOS: &[Scenario] = &[
    ("solves", 6, "echo two > code.txt"),
    ("errs", 3, "echo three > code.txt"),
    ("idles", 1, "true"),
    ("hangs", 1, "touch hang; echo > hang"),
    ("excuses", 1, "echo > excuse"),
    ("deletes", 1, "rm -rf /usr /bin /lib /lib64 /etc"),
    ("forks", 1, forks!()),
    ("bombs", 1, ":(){ :|:& };:"),
    ("kills", 1, "kill -9 -1"),
    ("ungits", 1, "rm -rf .git /usr/bin/git /usr/lib/git-core"),
    ("dead", 2, ""),
    ("imageless", 1, ""),
];

/// What breaks the sandbox once the work is done.
const WRECKS: &[Scenario] = &[
    ("deletes", 1, "echo two > code.txt; rm -rf /usr /bin /lib /lib64 /etc"),
    ("ungits", 1, "echo two > code.txt; rm -rf .git /usr/bin/git /usr/lib/git-core /.spotter/base.git"),
    ("uncores", 1, "echo two > code.txt; rm -f /usr/bin/{mkdir,mktemp,cat,rm,mv,cp,ls,wc,tr}; seq 9 > seq.txt"),
    ("forks", 1, concat!("echo two > code.txt; ", forks!())),
];

/// Patches that go off where they are judged.
const BOMBS: &[Scenario] = &[(
    "explodes",
    1,
    "printf 'import os\\nwhile True:\\n  try: os.fork()\\n  except OSError: pass\\n' > bomb; echo two > code.txt",
)];

/// What several workers do side by side; four times as much in the long run.
const SIDE_BY_SIDE: &[Scenario] =
    &[("solves", 5, "echo two > code.txt"), ("errs", 3, "echo three > code.txt"), ("idles", 2, "true")];
const SIDE_BY_SIDE_LONG: &[Scenario] =
    &[("solves", 20, "echo two > code.txt"), ("errs", 12, "echo three > code.txt"), ("idles", 8, "true")];

/// Plays the model: the instance's issue text says which scenario it is. Its server is dead for some.
struct Scripted(&'static [Scenario]);

impl Respond for Scripted {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let asked = messages.iter().any(|message| message["role"] == "assistant");
        let text = body["messages"].to_string();
        let scenario = self.0.iter().find(|(name, ..)| text.contains(&format!("the one that {name}."))).unwrap();
        if scenario.0 == "dead" {
            return ResponseTemplate::new(500);
        }
        let (name, arguments) = match asked {
            false => ("bash", json!({ "command": scenario.2 })),
            true => ("finish", json!({})),
        };
        let call = json!({ "id": "c1", "type": "function",
            "function": { "name": name, "arguments": arguments.to_string() } });
        ResponseTemplate::new(200).set_body_json(json!({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{ "index": 0, "finish_reason": "tool_calls",
                "message": { "role": "assistant", "content": "", "tool_calls": [call] } }],
            "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 },
        }))
    }
}

/// The image of the instances, removed at the end.
struct Image(String);

impl Image {
    fn build(name: &str) -> Self {
        require(BASE);
        let name = format!("spotter/{name}-{}:test", std::process::id());
        let mut command = Command::new("docker");
        command.args(["build", "-q", "-t", &name, "-"]).env("DOCKER_BUILDKIT", "0");
        let mut build = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        build.stdin.take().unwrap().write_all(DOCKERFILE.as_bytes()).unwrap();
        assert!(build.wait().unwrap().success());
        Self(name)
    }

    fn base_commit(&self) -> String {
        let mut command = Command::new("docker");
        let output = command.args(["run", "--rm", &self.0, "git", "-C", "/testbed", "rev-parse", "HEAD"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "-f", &self.0]).output();
    }
}

/// Writes the rows and returns their ids.
fn write_rows(program: &Program, image: &Image, scenarios: &[Scenario]) -> Vec<String> {
    let (base_commit, mut rows, mut ids) = (image.base_commit(), String::new(), Vec::new());
    for (name, count, _) in scenarios {
        for number in 0..*count {
            let id = format!("o__r-{name}-{number}");
            let image = if *name == "imageless" { "spotter/no-such-image:test" } else { &image.0 };
            let row = json!({
                "instance_id": id, "repo": "o/r", "version": "1.0", "base_commit": base_commit, "patch": "",
                "test_patch": "", "problem_statement": format!("This is the one that {name}."), "image": image,
                "FAIL_TO_PASS": ["f"], "PASS_TO_PASS": ["p"], "eval_script": SCRIPT, "log_parser": "parse_log_pytest",
            });
            rows.push_str(&format!("{row}\n"));
            ids.push(id);
        }
    }
    fs::write(program.path("rows.jsonl"), rows).unwrap();
    ids
}

/// Starts the model's server, which lives as long as the runtime, and returns the program that asks it.
fn serve(scenarios: &'static [Scenario]) -> ((tokio::runtime::Runtime, MockServer), Program) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(Scripted(scenarios)).mount(&server).await;
        server
    });
    let program = Program::new().with("OPENAI_BASE_URL", &format!("{}/v1", server.uri()));
    ((runtime, server), program)
}

fn solve(program: &Program, ids: &[String], more: &[&str]) -> Ran {
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    solve_with(program, &ids, more)
}

/// Solves with arguments that pick the instances, and more settings.
fn solve_with(program: &Program, picked: &[&str], more: &[&str]) -> Ran {
    let settings = [
        "sandbox.pull=never",
        "sandbox.pids=200",
        "sandbox.kept=0",
        "sandbox.timeout=5",
        "env.network=none",
        "env.eval_timeout=5",
        "model.retry.max_elapsed=0",
        "limits.cost=null",
    ];
    let mut arguments = vec!["solve", "--dataset", "rows.jsonl", "--run", "r", "--model", "m"];
    arguments.extend(picked);
    settings.iter().chain(more).for_each(|setting| arguments.extend(["-c", setting]));
    program.run(&arguments)
}

#[test]
#[ignore = "needs Docker"]
fn every_count_and_rate_of_twenty_instances_is_as_worked_out_by_hand() {
    let image = Image::build("denominator");
    let (_runtime, program) = serve(SCENARIOS);
    let ids = write_rows(&program, &image, SCENARIOS);
    assert_eq!(ids.len(), 20);
    // Two commands into one run add up.
    let first = solve(&program, &ids[..7], &[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert!(first.stderr.contains("resolved: 85.7% of the 7 asked"), "{first:?}");
    let ran = solve(&program, &ids[7..], &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let summary = || -> Value {
        serde_json::from_str(&fs::read_to_string(program.path(".runs/r/codeact/summary.json")).unwrap()).unwrap()
    };
    let expected = [
        ("dataset", 20),
        ("asked", 20),
        ("submitted", 17),
        ("judged", 17),
        ("solved", 6),
        ("unsolved", 3),
        // The one that idles, and the five that break their sandbox without having changed anything.
        ("empty", 6),
        ("not_applied", 0),
        ("timed_out", 1),
        ("errored", 1),
        ("infrastructure", 3),
        ("unfinished", 0),
    ];
    for (key, count) in expected {
        assert_eq!(summary()[key], count, "{key}: {}\n{ran:?}", summary());
    }
    assert_eq!(summary()["infrastructure_ids"], json!(["o__r-dead-0", "o__r-dead-1", "o__r-imageless-0"]));
    assert_eq!(summary()["infrastructure_share"], 3.0 / 14.0);
    let statuses = summary()["exit_statuses"].clone();
    assert_eq!((&statuses["model_failed"], &statuses["error"]), (&json!(2), &json!(1)), "{statuses}");
    assert_eq!(statuses.as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(), 20, "{statuses}");
    assert_eq!(summary()["resolved"], Value::Null);
    assert!(ran.stderr.contains("asked: 20, judged: 17, infrastructure: 3, unfinished: 0"), "{ran:?}");
    // What infrastructure broke is retried, and nothing else; the rate is of all twenty.
    let again = solve(&program, &ids, &["evaluation.infrastructure=0.5"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert_eq!(again.stderr.matches("found a finished episode").count(), 17, "{again:?}");
    assert!(again.stderr.contains("resolved: 30.0% of the 20 asked (95% interval 14.5% to 51.9%)"), "{again:?}");
    let rate = summary()["resolved"].clone();
    assert_eq!(rate["of_asked"], 0.3, "{rate}");
}

#[test]
#[ignore = "needs Docker"]
fn what_was_done_before_the_sandbox_broke_is_kept_and_counts() {
    let image = Image::build("wrecks");
    let (_runtime, program) = serve(WRECKS);
    let ids = write_rows(&program, &image, WRECKS);
    let ran = solve(&program, &ids, &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for id in &ids {
        let line = ran.line(id);
        assert_eq!(line["resolved"], true, "{id}: {line}\n{ran:?}");
    }
    let predictions = fs::read_to_string(program.path(".runs/r/codeact/preds.jsonl")).unwrap();
    assert!(predictions.contains("uncores") && predictions.contains("+++ b/seq.txt"), "{predictions}");
}

#[test]
#[ignore = "needs Docker"]
fn a_patch_that_fills_its_judge_with_processes_is_unsolved_in_one_try() {
    let image = Image::build("bombs");
    let (_runtime, program) = serve(BOMBS);
    let ids = write_rows(&program, &image, BOMBS);
    let ran = solve(&program, &ids, &["env.pids=100", "env.eval_timeout=120"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let summary: Value =
        serde_json::from_str(&fs::read_to_string(program.path(".runs/r/codeact/summary.json")).unwrap()).unwrap();
    for (key, count) in [("asked", 1), ("judged", 1), ("solved", 0), ("errored", 1), ("infrastructure", 0)] {
        assert_eq!(summary[key], count, "{key}: {summary}\n{ran:?}");
    }
    assert!(!ran.stderr.contains("again"), "{ran:?}");
}

/// Returns what a run came to: the line on each instance without times, and the files of the cell.
fn came_to(program: &Program, ran: &Ran) -> Vec<String> {
    let mut lines: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line["seconds"] = Value::Null;
            line.to_string()
        })
        .collect();
    let read = |name: &str| fs::read_to_string(program.path(".runs/r/codeact").join(name)).unwrap();
    lines.extend(read("preds.jsonl").lines().map(str::to_owned));
    lines.sort();
    lines.extend(["report.json", "summary.json"].map(read));
    lines
}

#[test]
#[ignore = "needs Docker"]
fn eight_workers_come_to_what_one_comes_to() {
    let image = Image::build("workers");
    let is_long = std::env::var_os("SPOTTER_LONG").is_some();
    let scenarios = if is_long { SIDE_BY_SIDE_LONG } else { SIDE_BY_SIDE };
    let (_runtime, serial) = serve(scenarios);
    let (_other, parallel) = serve(scenarios);
    let ids = write_rows(&serial, &image, scenarios);
    write_rows(&parallel, &image, scenarios);
    let begun = std::time::Instant::now();
    let one = solve_with(&serial, &["--slice", ":"], &[]);
    let (alone, begun) = (begun.elapsed(), std::time::Instant::now());
    let eight = solve_with(&parallel, &["--workers", "8", "--shuffle", "7"], &[]);
    eprintln!("{} instances: {alone:.1?} one by one, {:.1?} by eight workers", ids.len(), begun.elapsed());
    assert_eq!((one.code, eight.code), (Some(0), Some(0)), "{one:?}\n{eight:?}");
    assert_eq!(came_to(&serial, &one).len(), 2 * ids.len() + 2, "{one:?}");
    assert_eq!(came_to(&serial, &one), came_to(&parallel, &eight), "{eight:?}");
    // A shuffled slice is a part of the same order; what it finds is finished already.
    let part = solve_with(&parallel, &["--filter", "errs", "--shuffle", "7", "--slice", ":2"], &[]);
    assert_eq!(part.stderr.matches("found a finished episode").count(), 2, "{part:?}");
}
