//! The search tools, offered by one line of configuration.

use std::fs;
use std::sync::{Arc, Mutex};

use expect_test::expect;
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::program::Program;

const GOLD: &str = include_str!("../../../../envs/demo/instances/demo__lru-1/gold.patch");
const TOOLS: &str = "codeact.search_tools=[search_code,find_symbol,view_code,list_files]";

fn call(name: &str, arguments: &Value) -> Value {
    json!({ "calls": [{ "name": name, "arguments": arguments }] })
}

/// Runs a script and returns what each call showed.
fn shown(program: &Program, turns: &[Value], more: &[&str]) -> Vec<String> {
    fs::write(program.path("script.yaml"), json!({ "turns": turns }).to_string()).unwrap();
    let script = ["-c", "model.provider=script", "-c", "model.path=script.yaml"];
    let ran = program.run(&[&["solve", "demo__lru-1", "--run", "r"], &script[..], more].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = fs::read_to_string(&program.found("trajectory.jsonl")[0]).unwrap();
    let trajectory = agent_core::Trajectory::parse(&text).unwrap();
    let observations = trajectory.records.iter().filter_map(|record| match record {
        agent_core::Record::Observation { observation, .. } => Some(observation.text.clone()),
        _ => None,
    });
    observations.collect()
}

#[test]
fn an_episode_searches_and_sees_what_the_shell_changed() {
    let program = Program::new();
    let turns = [
        call("list_files", &json!({ "pattern": "lru" })),
        call("search_code", &json!({ "query": "get an entry that holds None counts as a miss" })),
        call("find_symbol", &json!({ "name": "Cache.get" })),
        call("bash", &json!({ "command": format!("git apply <<'END'\n{GOLD}END") })),
        call("view_code", &json!({ "path": "lru/cache.py", "span_ids": ["Cache.get"] })),
        call("find_symbol", &json!({ "name": "Caches" })),
        call("finish", &json!({})),
    ];
    let shown = shown(&program, &turns, &["-c", TOOLS]);
    expect![[r#"
        lru/__init__.py
        lru/cache.py
        lru/memo.py
    "#]]
    .assert_eq(&shown[0]);
    assert!(shown[1].starts_with("lru/cache.py"), "{}", shown[1]);
    assert!(shown[2].contains("lru/cache.py"), "{}", shown[2]);
    assert!(shown[4].contains("_entries.pop(key, _MISSING)"), "{}", shown[4]);
    assert!(shown[5].contains("Did you mean `Cache`"), "{}", shown[5]);
}

#[test]
fn without_that_line_there_are_no_search_tools() {
    let program = Program::new();
    let turns = [call("search_code", &json!({ "query": "x" })), call("finish", &json!({}))];
    let shown = shown(&program, &turns, &[]);
    assert!(shown[0].contains("unknown tool `search_code`"), "{}", shown[0]);
    let ran = program.run(&["solve", "demo__lru-1", "-c", "codeact.search_tools=[search]"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.stderr.contains("search_code"), "{ran:?}");
}

#[test]
fn people_index_and_search_a_folder() {
    let program = Program::new();
    fs::create_dir(program.path("tree")).unwrap();
    let code = "class Cache:\n    def get(self, key):\n        \"\"\"Counts hits.\"\"\"\n        return key\n";
    fs::write(program.path("tree/cache.py"), code).unwrap();
    fs::write(program.path("tree/other.py"), "def other():\n    pass\n").unwrap();
    for in_cache in [0, 2] {
        let ran = program.run(&["index", "tree"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(&format!("{in_cache} of the files were in the cache")), "{ran:?}");
    }
    let ran = program.run(&["search", "tree", "counts", "hits", "--json"]);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let best = &found["files"][0];
    assert_eq!((&best["path"], &best["spans"][0]["id"]), (&json!("cache.py"), &json!("Cache.get")), "{ran:?}");
    assert_eq!(found["files"].as_array().unwrap().len(), 1, "{ran:?}");
    let ran = program.run(&["search", "tree", "--class", "Cach"]);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("did you mean Cache?"), "{ran:?}");
    for (arguments, said) in [
        (&["search", "tree"][..], "give at least one of query"),
        (&["search", "nowhere", "x"][..], "`nowhere`"),
        (&["search", "tree", "x", "--files", "a{"][..], "is not a file pattern"),
        (&["index", "nowhere"][..], "`nowhere`"),
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
}

/// Starts a server of vectors that finds `lru/memo.py` most like any question; returns its address, and what it is
/// asked.
fn embeddings(status: u16) -> (tokio::runtime::Runtime, String, Arc<Mutex<Vec<Value>>>) {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let seen = asked.clone();
    let answer = move |request: &Request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let texts = body["input"].as_array().unwrap().clone();
        let rows = texts.iter().enumerate().map(|(index, text)| {
            let text = text.as_str().unwrap();
            let is_like = text.starts_with("lru/memo.py") || !text.contains('\n');
            json!({ "index": index, "embedding": if is_like { [1, 0] } else { [0, 1] } })
        });
        let rows: Vec<Value> = rows.collect();
        seen.lock().unwrap().push(body);
        ResponseTemplate::new(status).set_body_json(json!({ "data": rows }))
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("POST")).and(path("/v1/embeddings")).respond_with(answer).mount(&server).await;
        server
    });
    let url = format!("{}/v1", server.uri());
    runtime.spawn(async move {
        let _server = server;
        std::future::pending::<()>().await;
    });
    (runtime, url, asked)
}

/// Searches twice, and returns the first files that are shown.
fn searched(program: &Program, more: &[&str]) -> Vec<String> {
    let search = || call("search_code", &json!({ "query": "cache of calls" }));
    let turns = [search(), call("search_code", &json!({ "query": "calls of the cache" })), call("finish", &json!({}))];
    let shown = shown(program, &turns, &[&["-c", TOOLS][..], more].concat());
    shown.iter().take(2).map(|text| text.lines().next().unwrap().to_owned()).collect()
}

#[test]
fn a_server_of_vectors_has_its_say_in_what_is_found() {
    let (_runtime, url, asked) = embeddings(200);
    let base_url = format!("embeddings.base_url={url}");
    let off = searched(&Program::new(), &["-c", &base_url]);
    assert_eq!(off, ["lru/cache.py", "lru/cache.py"]);
    assert!(asked.lock().unwrap().is_empty(), "it is off until a model is named");
    let key = "sk-test-0123456789abcdef";
    let program = Program::new().with("VECTORS_KEY", key);
    let named = ["-c", "embeddings.name=vectors", "-c", "embeddings.api_key_env=VECTORS_KEY", "-c", &base_url];
    assert_eq!(searched(&program, &named), ["lru/memo.py", "lru/memo.py"]);
    let asked = asked.lock().unwrap();
    assert_eq!(
        (asked.len(), &asked[0]["model"], &asked[0]["input"][0]),
        (2, &json!("vectors"), &json!("cache of calls"))
    );
    let count = |body: &Value| body["input"].as_array().unwrap().len();
    assert!(count(&asked[0]) > 3 && count(&asked[1]) < count(&asked[0]), "{asked:?}");
    for name in ["trajectory.jsonl", "config.yaml"] {
        let text = fs::read_to_string(&program.found(name)[0]).unwrap();
        assert!(!text.contains(key), "the key is in {name}");
    }
}

#[test]
fn a_server_of_vectors_that_fails_is_told_of_once() {
    let (_runtime, url, asked) = embeddings(500);
    let base_url = format!("embeddings.base_url={url}");
    let named = ["-c", "embeddings.name=vectors", "-c", &base_url, "-c", "embeddings.retry.max_elapsed=0"];
    let program = Program::new();
    assert_eq!(searched(&program, &named), ["lru/cache.py", "lru/cache.py"]);
    assert_eq!(asked.lock().unwrap().len(), 2);
    let script = ["-c", "model.provider=script", "-c", "model.path=script.yaml", "-c", TOOLS];
    let again = |more: &[&str]| program.run(&[&["solve", "demo__lru-1", "--run", "r"], &script[..], more].concat());
    let ran = again(&[&named[..], &["--fresh"]].concat());
    assert_eq!(ran.stderr.matches("no embeddings").count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("the embeddings' server answered 500"), "{ran:?}");
    // Without embeddings it is another run, and with another patience the same.
    let ran = again(&[&named[..], &["-c", "embeddings.timeout=7"]].concat());
    assert!(ran.stderr.contains("found a finished episode"), "{ran:?}");
    let ran = again(&[]);
    assert!(ran.stderr.contains("holds a run with other settings"), "{ran:?}");
}

#[test]
fn wrong_settings_of_embeddings_are_wrong_usage() {
    let program = Program::new();
    for (arguments, said) in [
        (
            &["solve", "demo__lru-1", "-c", "embeddings.name=e"][..],
            "for a server without keys, set `embeddings.base_url`",
        ),
        (&["config", "-c", "embeddings.nmae=e"][..], "unknown key `embeddings.nmae`"),
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
}
