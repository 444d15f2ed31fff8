//! The server as its clients meet it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::http::{Reply, send};
use crate::program::Program;

/// A server of the demo instances, in a folder of its own.
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) run: String,
    arguments: Vec<String>,
    child: Child,
    pub(super) address: SocketAddr,
    said: Arc<Mutex<String>>,
    sessions: AtomicUsize,
}

impl Server {
    pub(super) fn start(arguments: &[&str]) -> Self {
        Self::start_with(Program::new(), arguments)
    }

    pub(super) fn start_with(program: Program, arguments: &[&str]) -> Self {
        let run = program.free_run();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let (child, address, said) = begin(&program, &run, &arguments);
        Self { program, run, arguments, child, address, said, sessions: AtomicUsize::new(0) }
    }

    /// Kills it, without any chance to clean up, and starts it again on the same run.
    pub(super) fn kill_and_start(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, self.address, self.said) = begin(&self.program, &self.run, &self.arguments);
    }

    /// Asks it to end, as a person at a terminal does.
    pub(super) fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Sends it a signal.
    pub(super) fn signal(&mut self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits until it has ended and returns its exit code.
    pub(super) fn wait(&mut self, most: Duration) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < most {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it has not ended: {}", self.said());
    }

    pub(super) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        send(self.address, "GET", path, &[], "")
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.address, "POST", path, &[], &body.to_string())
    }

    /// Sends a request of a session.
    pub(super) fn of_session(&self, id: &str, method: &str, path: &str, body: &Value) -> Reply {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(self.address, method, path, &[("X-Session-ID", id)], &body)
    }

    /// Begins a session on an instance, and waits until it takes calls.
    pub(super) fn session(&self, instance_id: &str) -> String {
        let id = format!("test-{}", self.sessions.fetch_add(1, Ordering::Relaxed));
        let created = self.of_session(&id, "POST", "/create", &json!({ "task_spec": { "instance_id": instance_id } }));
        assert_eq!(created.status, 200, "{}", created.body);
        assert_eq!(created.json(), json!({ "sid": id }));
        let prompt = self.of_session(&id, "GET", "/prompt", &Value::Null);
        assert_eq!(prompt.status, 200, "{}", prompt.body);
        id
    }

    /// Has a tool called and returns the whole answer.
    pub(super) fn call(&self, id: &str, name: &str, input: &Value) -> Value {
        let answered = self.of_session(id, "POST", "/call", &json!({ "name": name, "input": input }));
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered.events().1
    }

    /// Has the solution of an instance applied.
    pub(super) fn apply_gold(&self, id: &str, instance_id: &str) {
        let answer = self.call(id, "bash", &json!({ "command": gold_command(instance_id) }));
        assert_eq!(answer["output"]["metadata"]["exit_code"], 0, "{answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the command that applies the solution of an instance.
pub(super) fn gold_command(instance_id: &str) -> String {
    let path = format!("{}/../../envs/demo/instances/{instance_id}/gold.patch", env!("CARGO_MANIFEST_DIR"));
    let patch = std::fs::read_to_string(path).unwrap();
    format!("git apply - <<'END_OF_PATCH'\n{patch}END_OF_PATCH")
}

fn begin(program: &Program, run: &str, arguments: &[String]) -> (Child, SocketAddr, Arc<Mutex<String>>) {
    let mut all = vec!["gym", "--dataset", "demo", "--listen", "127.0.0.1:0", "--run", run];
    all.extend(arguments.iter().map(String::as_str));
    let mut child = program.command(&all).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = Arc::new(Mutex::new(String::new()));
    let mut address = None;
    while address.is_none() {
        let Some(line) = lines.next() else { panic!("it does not listen: {}", said.lock().unwrap()) };
        let line = line.unwrap();
        address = line.split("http://").nth(1).and_then(|rest| rest.split([',', ' ']).next()?.parse().ok());
        *said.lock().unwrap() += &format!("{line}\n");
    }
    let heard = said.clone();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            *heard.lock().unwrap() += &format!("{line}\n");
        }
    });
    (child, address.unwrap(), said)
}
