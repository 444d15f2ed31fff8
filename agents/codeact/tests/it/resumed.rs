//! Episodes that are killed and continue, with commands whose output is never the same twice.
//!
//! `SPOTTER_LONG=1` kills 40 episodes 200 times instead of 3 episodes 12 times.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_core::{Record, Role, Trajectory};
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::program::Program;

/// What the model calls in turn. The last but one says something else each time that is not noise.
const COMMANDS: [&str; 7] = [
    "date +%N; echo a >> README.md",
    "ls; echo $((RANDOM * 32768 + RANDOM + 100000000))",
    "echo \"3 passed in 0.$((RANDOM % 90 + 10))s\"; mktemp",
    "cat README.md | wc -l; date",
    "echo 0x$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')",
    "tr -dc a-z </dev/urandom | head -c 12",
    "git status --short",
];

/// A conversation as it was sent: role and text of each message, with its calls after the text.
type Conversation = Vec<(String, String)>;

/// Answers by the number of answers in the conversation, each with a text of its own, and keeps what it was sent.
#[derive(Clone, Default)]
struct Numbered(Arc<Mutex<Vec<(String, Conversation)>>>);

impl Respond for Numbered {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let text = |message: &Value, key: &str| message[key].as_str().unwrap_or_default().to_owned();
        let said = |message: &Value| {
            let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
            let calls = calls.iter().map(|call| {
                let function = &call["function"];
                called([&text(call, "id"), &text(function, "name"), &text(function, "arguments")])
            });
            text(message, "content") + &calls.collect::<String>()
        };
        let conversation: Conversation =
            messages.iter().map(|message| (text(message, "role"), said(message))).collect();
        let number = messages.iter().filter(|message| message["role"] == "assistant").count();
        let mut log = self.0.lock().unwrap();
        let name = format!("answer {}", log.len());
        log.push((name.clone(), conversation));
        let function = match COMMANDS.get(number) {
            Some(command) => json!({ "name": "bash", "arguments": json!({ "command": command }).to_string() }),
            None => json!({ "name": "finish", "arguments": "{}" }),
        };
        let call = json!({ "id": format!("c{number}"), "type": "function", "function": function });
        let message = json!({ "role": "assistant", "content": name, "tool_calls": [call] });
        let usage = json!({ "prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11 });
        let body =
            json!({ "choices": [{ "index": 0, "message": message, "finish_reason": "tool_calls" }], "usage": usage });
        ResponseTemplate::new(200).set_body_json(body).set_delay(Duration::from_millis(15))
    }
}

/// Returns a call as it stands in a [`Conversation`].
fn called(call: [&str; 3]) -> String {
    format!("\n{}", call.join(" "))
}

/// Returns the conversation before each answer of a trajectory, by the answer's text.
fn conversations(trajectory: &Trajectory) -> HashMap<String, Conversation> {
    let (mut said, mut found): (Conversation, _) = (Vec::new(), HashMap::new());
    for record in &trajectory.records {
        match record {
            Record::Message { message, .. } => {
                let role = if message.role == Role::System { "system" } else { "user" };
                said.push((role.to_owned(), message.content.clone()));
            }
            Record::Completion { completion, .. } => {
                let text = completion.message.content.clone();
                found.insert(text.clone(), said.clone());
                let calls = completion.message.tool_calls.iter();
                let calls = calls.map(|call| called([&call.id, &call.name, &call.arguments]));
                said.push(("assistant".to_owned(), text + &calls.collect::<String>()));
            }
            Record::Observation { observation, .. } => said.push(("tool".to_owned(), observation.text.clone())),
            _ => {}
        }
    }
    found
}

fn read(program: &Program, names: &[&str]) -> Vec<Trajectory> {
    let paths = names.iter().flat_map(|name| program.found(name));
    let texts = paths.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
    texts.map(|text| Trajectory::parse(&text).unwrap()).collect()
}

/// Starts a server that answers by number and keeps what it was sent, for as long as the runtime lives.
fn serve() -> (tokio::runtime::Runtime, MockServer, Numbered) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let numbered = Numbered::default();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(numbered.clone()).mount(&server).await;
        server
    });
    (runtime, server, numbered)
}

/// Kills an episode so many requests and so long after its start, time and again, finishes it, and checks it against
/// the server's log; returns how many answers were taken from the record, and how many conversations were cut.
fn check(kills: &[(usize, Duration)]) -> (usize, usize) {
    let (_runtime, server, numbered) = serve();
    let program = Program::new().with("OPENAI_BASE_URL", &format!("{}/v1", server.uri()));
    let arguments =
        ["solve", "demo__lru-1", "--run", "killed", "--model", "m", "-c", "evaluate=false", "-c", "limits.cost=null"];
    for (requests, pause) in kills {
        let begun = numbered.0.lock().unwrap().len();
        let mut child = program.start(&arguments);
        while numbered.0.lock().unwrap().len() < begun + requests && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(*pause);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = program.run(&arguments);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let trajectory = read(&program, &["trajectory.jsonl"]).remove(0);
    assert!(trajectory.outcome().is_some_and(|outcome| outcome.patch.is_some()), "{ran:?}");
    let log = numbered.0.lock().unwrap().clone();
    let sent: HashMap<&str, &Conversation> = log.iter().map(|(name, said)| (name.as_str(), said)).collect();
    let conversations = conversations(&trajectory);
    assert_eq!(conversations.len(), COMMANDS.len() + 1);
    for (name, said) in &conversations {
        assert_eq!(sent[name.as_str()], said, "{name} stands behind another conversation");
    }
    // Only a request that was under way when the program was killed is sent again.
    let mut asked: Vec<&Conversation> = log.iter().map(|(_, said)| said).collect();
    asked.sort();
    let again = asked.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert!(again <= kills.len(), "{again} requests were sent again after {} kills", kills.len());
    // An answer that arrived is not asked for again: of those to one conversation, one at most was kept.
    let cut: Vec<String> = (1..=kills.len()).map(|number| format!("trajectory.cut.{number}.jsonl")).collect();
    let cut = read(&program, &cut.iter().map(String::as_str).collect::<Vec<_>>());
    let mut kept: Vec<&str> = conversations.keys().map(String::as_str).collect();
    kept.extend(cut.iter().flat_map(Trajectory::completions).map(|(_, answer)| answer.message.content.as_str()));
    kept.sort_unstable();
    kept.dedup();
    let mut said: Vec<&Conversation> = kept.iter().map(|name| sent[name]).collect();
    said.sort();
    assert!(said.windows(2).all(|pair| pair[0] != pair[1]), "a conversation was asked twice");
    let restored =
        trajectory.records.iter().filter(|record| matches!(record, Record::Completion { restored: true, .. }));
    (restored.count(), cut.len())
}

#[test]
fn every_answer_stands_behind_the_conversation_that_it_was_given_to() {
    let long = std::env::var_os("SPOTTER_LONG").is_some();
    let (episodes, kills) = if long { (40, 5) } else { (3, 4) };
    let mut random = fastrand::Rng::with_seed(7);
    let (mut restored, mut cut) = (0, 0);
    for _ in 0..episodes {
        let instant = |_| (random.usize(0..4), Duration::from_millis(random.u64(0..80)));
        let instants: Vec<(usize, Duration)> = (0..kills).map(instant).collect();
        let (answers, cuts) = check(&instants);
        restored += answers;
        cut += cuts;
    }
    println!("{episodes} episodes, {} kills: {restored} answers restored, {cut} records cut", episodes * kills);
    assert!(restored > 0);
}

#[test]
fn a_record_that_does_not_fit_any_more_is_cut_there_and_says_so() {
    let (_runtime, server, numbered) = serve();
    let program = Program::new().with("OPENAI_BASE_URL", &format!("{}/v1", server.uri()));
    let arguments = ["solve", "demo__lru-1", "--run", "r", "--model", "m", "-c", "limits.cost=null"];
    for (from, to, why, kept) in [
        ("is checked out at", "was checked out at", "the agent's message differs from the recorded one", 0),
        // The command before it never shows the same twice.
        (" M README.md", " M OTHER.md", "`bash` shows something other than in the record", 6),
    ] {
        let ran = program.run(&[&arguments[..], &["--fresh"]].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let path = program.found("trajectory.jsonl").remove(0);
        let text = fs::read_to_string(&path).unwrap();
        // Killed before its last line, and changed in between.
        let (record, _) = text.trim_end().rsplit_once('\n').unwrap();
        let at = record.rfind(from).unwrap_or_else(|| panic!("no `{from}` in {record}"));
        fs::write(&path, format!("{}{to}{}\n", &record[..at], &record[at + from.len()..])).unwrap();
        for name in ["outcome.json", "report.json", "result.json"] {
            program.found(name).iter().for_each(|path| fs::remove_file(path).unwrap());
        }
        let asked = numbered.0.lock().unwrap().len();
        let ran = program.run(&arguments);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.contains("the rest of the record is not used") && ran.stderr.contains(why), "{ran:?}");
        let again = numbered.0.lock().unwrap().len() - asked;
        assert_eq!(again, COMMANDS.len() + 1 - kept, "{ran:?}");
        let trajectory = read(&program, &["trajectory.jsonl"]).remove(0);
        let cuts = trajectory.records.iter().filter_map(|record| match record {
            Record::RecordCut { why, .. } => Some(why.as_str()),
            _ => None,
        });
        assert!(cuts.clone().count() == 1 && cuts.clone().all(|said| said.contains(why)), "{ran:?}");
    }
}

#[test]
fn only_what_can_change_an_episode_keeps_it_from_going_on_and_is_named() {
    let (_runtime, server, numbered) = serve();
    let program = Program::new();
    let url = |path: &str| format!("model.base_url={}/{path}", server.uri());
    let solve = |id: &str, settings: &[&str]| {
        let base = ["solve", id, "--run", "r", "--model", "m", "-c", "evaluate=false", "-c", "limits.cost=null"];
        program.run(&[&base, settings].concat())
    };
    let (first, other) = (url("v1"), url("v2"));
    assert_eq!(solve("demo__lru-1", &["-c", &first]).code, Some(0));
    let asked = numbered.0.lock().unwrap().len();
    for same in ["model.stream=true", "model.timeout=5", "model.retry.base=2", "sandbox.start_timeout=60", &other] {
        let ran = solve("demo__lru-1", &["-c", &first, "-c", same]);
        assert_eq!(ran.code, Some(0), "{same}: {ran:?}");
        assert!(ran.stderr.contains("found a finished episode"), "{same}: {ran:?}");
    }
    let ran = solve("demo__lru-1", &["-c", &first, "-c", "limits.steps=7", "-c", "model.temperature=0.5"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("`model.temperature` was 0.0 and is 0.5, `limits.steps` was"), "{ran:?}");
    assert_eq!(numbered.0.lock().unwrap().len(), asked);
    let another = demo_ids().into_iter().find(|id| id != "demo__lru-1").unwrap();
    let ran = solve(&another, &["-c", &first, "-c", "limits.steps=7", "--fresh"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("holds 1 other instances that were solved with other settings"), "{ran:?}");
    assert_eq!(solve("demo__lru-1", &["-c", &first, "-c", "limits.steps=7", "--fresh"]).code, Some(0));
    assert!(numbered.0.lock().unwrap().len() > asked);
}

fn demo_ids() -> Vec<String> {
    let program = Program::new();
    let listed = program.run(&["instances", "--dataset", "demo"]);
    let mut ids: Vec<String> = listed
        .stdout
        .split(|character: char| !(character.is_alphanumeric() || "_-".contains(character)))
        .filter(|word| word.starts_with("demo__"))
        .map(str::to_owned)
        .collect();
    ids.sort();
    ids.dedup();
    ids
}
