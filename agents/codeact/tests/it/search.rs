//! The search tools, offered by one line of configuration.

use std::fs;

use expect_test::expect;
use serde_json::{Value, json};

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
        (&["search", "tree", "x", "--files", "a{"][..], "is no file pattern"),
        (&["index", "nowhere"][..], "`nowhere`"),
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
}
