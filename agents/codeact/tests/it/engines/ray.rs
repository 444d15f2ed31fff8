//! A sweep on Ray: a head and two more nodes on this machine, each with an address of its own on loopback.
//!
//! `cargo test -p codeact --test it ray:: -- --ignored --nocapture`, with `ray` of PyPI's `ray[default]` on the path.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::{Undisturbed, interrupt, job, kill, ok_status, pilots, wait_until};
use crate::program::Program;

/// A cluster of its own; its nodes end with this value.
struct Cluster {
    folder: tempfile::TempDir,
    dashboard: u16,
    nodes: Vec<Child>,
}

impl Cluster {
    fn start() -> Self {
        let ports = ports();
        let mut cluster = Self { folder: tempfile::tempdir().unwrap(), dashboard: ports[0], nodes: Vec::new() };
        let folder = cluster.folder.path().display().to_string();
        let head = [
            "--head",
            "--dashboard-host=127.0.0.1",
            &format!("--temp-dir={folder}"),
            &format!("--port={}", ports[1]),
            &format!("--dashboard-port={}", ports[0]),
            &format!("--ray-client-server-port={}", ports[2]),
        ];
        cluster.node(2, &head);
        let address = format!("--address=127.0.0.2:{}", ports[1]);
        cluster.node(3, &[&address]);
        cluster.node(4, &[&address]);
        cluster
    }

    fn node(&mut self, last: u8, arguments: &[&str]) {
        let ports = ports();
        let log = fs::File::create(self.folder.path().join(format!("node-{last}.out"))).unwrap();
        let mut command = Command::new("ray");
        command.args(["start", "--block", "--disable-usage-stats", "--num-cpus=2"]).args(arguments);
        command.arg(format!("--node-ip-address=127.0.0.{last}"));
        command.arg(format!("--dashboard-agent-listen-port={}", ports[0]));
        command.arg(format!("--dashboard-agent-grpc-port={}", ports[1]));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let node = command.spawn();
        self.nodes.push(node.unwrap_or_else(|err| panic!("needs Ray, as `pip install 'ray[default]'` has it: {err}")));
        // Two that start at the same time on one machine are in each other's way.
        let lives = || self.ask("/api/v0/nodes").matches("\"ALIVE\"").count() == self.nodes.len();
        wait_until("the node lives", lives);
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.dashboard)
    }

    /// Returns a page of the dashboard.
    fn ask(&self, path: &str) -> String {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.dashboard)) else { return String::new() };
        let mut answer = Vec::new();
        let asked = stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes());
        let _ = asked.and_then(|()| stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for node in self.nodes.iter_mut().rev() {
            // It ends the processes of its node then, which nothing else does.
            ok_status(Command::new("kill").args(["-TERM", &node.id().to_string()]).status());
            let _ = node.wait();
        }
    }
}

/// Returns ports that nobody listens to.
fn ports() -> [u16; 3] {
    let listeners: [TcpListener; 3] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

#[test]
#[ignore = "needs Ray"]
fn a_sweep_on_ray_outlives_a_killed_process() {
    let cluster = Cluster::start();
    let whole = Undisturbed::new(20, "engine: {kind: ray, cpus: 1}\n");
    let program = Program::new().with("RAY_API_SERVER_ADDRESS", &cluster.address());
    let coordinator = whole.start(&program);
    wait_until("a process is at it on each node", || pilots(&program).len() == 3);
    whole.wait_for(3, "a third is asked");
    let killed = pilots(&program).remove(0);
    kill(killed.process);
    whole.check(&program, coordinator, "one process killed");
    let tasks = job(&program, "ray")["tasks"].as_array().unwrap().clone();
    let mut nodes: Vec<&str> = tasks.iter().map(|task| task["node"].as_str().unwrap()).collect();
    nodes.sort_unstable();
    assert_eq!(nodes, ["127.0.0.2", "127.0.0.3", "127.0.0.4"]);
    // Ray starts none again, so that we do, in the same place.
    let restarts: u64 = tasks.iter().map(|task| task["restarts"].as_u64().unwrap()).sum();
    assert_eq!(restarts, 1, "{tasks:?}");
    let log = fs::read_to_string(program.path(&format!(".runs/s/engine/pilot-{}.log", killed.task))).unwrap();
    assert_eq!(log.matches("working on the sweep `s`").count(), 2, "{log}");
}

#[test]
#[ignore = "needs Ray"]
fn an_interrupted_command_ends_its_processes_on_ray_and_a_killed_one_finds_them_again() {
    let cluster = Cluster::start();
    let program = Program::new();
    interrupt(&program, &format!("engine: {{kind: ray, ray: {{address: '{}'}}}}\n", cluster.address()));
}
