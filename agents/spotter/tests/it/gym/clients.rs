//! Clients of others, each with the Python that has its packages.

use std::process::Command;

use serde_json::{Value, json};

use super::server::{Server, gold_command};
use super::tokens::{Model, Script};

/// Runs a script of a client by the Python of an environment in the folder that `SPOTTER_CLIENTS` names.
fn run(environment: &str, script: &str, arguments: &[&str]) {
    let folder = std::env::var_os("SPOTTER_CLIENTS").unwrap();
    let python = std::path::Path::new(&folder).join(environment).join("bin/python");
    let script = format!("{}/../gym/tests/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("{told}");
    assert!(output.status.success(), "{told}");
}

#[test]
#[ignore = "needs SPOTTER_CLIENTS"]
fn the_official_client_of_ors_plays_an_episode() {
    let server = Server::start(&[]);
    let address = format!("http://{}", server.address);
    run("ors", "ors.py", &[&address, "demo__lru-1", &gold_command("demo__lru-1")]);
    let guarded = Server::start(&["--token", "s3cret-token"]);
    let address = format!("http://{}", guarded.address);
    run("ors", "ors.py", &[&address, "demo__tables-1", &gold_command("demo__tables-1"), "s3cret-token"]);
}

#[test]
#[ignore = "needs SPOTTER_CLIENTS"]
fn the_clients_of_openenv_play_an_episode() {
    let server = Server::start(&[]);
    let address = format!("http://{}", server.address);
    run("openenv", "openenv_client.py", &[&address, "demo__lru-1", &gold_command("demo__lru-1")]);
    let guarded = Server::start(&["--token", "s3cret-token"]);
    let address = format!("http://any:s3cret-token@{}", guarded.address);
    run("openenv", "openenv_client.py", &[&address, "demo__lru-1", &gold_command("demo__lru-1")]);
}

#[test]
#[ignore = "needs SPOTTER_CLIENTS"]
fn the_models_of_others_read_the_records() {
    let model = Model::start(Script { turns: 6, sends_tokens: true, refuses: None, millis: 0 });
    let server = Server::start(&[]);
    let of_model = json!({ "name": "policy", "base_url": model.base_url() });
    let rollout = server.post("/rollout", &json!({ "instance_id": "demo__lru-1", "model": of_model }));
    let row = json!({
        "responses_create_params": { "input": [{ "role": "user", "content": "Solve it." }] },
        "spotter": { "instance_id": "demo__lru-1", "model": of_model },
    });
    let row = server.post("/run", &row);
    let (first, second) = (server.program.path("rollout.json"), server.program.path("row.json"));
    std::fs::write(&first, &rollout.body).unwrap();
    std::fs::write(&second, &row.body).unwrap();
    assert_eq!(row.json()["infrastructure"], Value::Null);
    run("openenv", "records.py", &[first.to_str().unwrap(), second.to_str().unwrap()]);
}
