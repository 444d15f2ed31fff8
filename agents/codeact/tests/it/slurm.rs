//! A sweep under Slurm: a controller and three nodes on this machine, with all of their state in a temporary folder.
//!
//! `cargo test -p codeact --test it slurm:: -- --ignored --nocapture`, as root, with Debian's `slurm-wlm` and `munge`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::Program;
use crate::sweep::{Model, answers, model_settings, ok, results, solution, write};
use crate::work::asked_twice;

const NODES: [&str; 3] = ["n1", "n2", "n3"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A Slurm of its own; its daemons end with this value.
struct Site {
    folder: tempfile::TempDir,
    daemons: Vec<Child>,
    nodes: Vec<Child>,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for name in ["state", "munge"].into_iter().chain(NODES) {
            fs::create_dir(path.join(name)).unwrap();
        }
        fs::write(path.join("slurm.conf"), configuration(path)).unwrap();
        let mut site = Self { folder, daemons: Vec::new(), nodes: Vec::new() };
        let munge = site.folder.path().join("munge");
        let of_munge = |name: &str| munge.join(name).display().to_string();
        fs::write(munge.join("key"), [7_u8; 64]).unwrap();
        ok_status(Command::new("chmod").args(["700", &of_munge("")]).status());
        ok_status(Command::new("chmod").args(["600", &of_munge("key")]).status());
        let options = [("socket", "socket"), ("key-file", "key"), ("pid-file", "pid"), ("log-file", "log")];
        let options = options.map(|(option, name)| format!("--{option}={}", of_munge(name)));
        let seed = format!("--seed-file={}", of_munge("seed"));
        let munged: Vec<&str> =
            ["--foreground", "--force", &seed].into_iter().chain(options.iter().map(|o| o.as_str())).collect();
        let daemon = site.daemon("munged", &munged);
        site.daemons.push(daemon);
        wait_until("munged listens", || munge.join("socket").exists());
        let daemon = site.daemon("slurmctld", &["-D", "-i"]);
        site.daemons.push(daemon);
        for node in NODES {
            let daemon = site.daemon("slurmd", &["-D", "-N", node]);
            site.nodes.push(daemon);
        }
        wait_until("the nodes are idle", || site.ask("sinfo", &["-h", "-N", "-o", "%T"]).matches("idle").count() == 3);
        site
    }

    fn configuration(&self) -> String {
        self.folder.path().join("slurm.conf").display().to_string()
    }

    fn daemon(&self, name: &str, arguments: &[&str]) -> Child {
        let log = fs::File::create(self.folder.path().join(format!("{name}-{}.out", self.nodes.len()))).unwrap();
        let mut command = Command::new(name);
        command.args(arguments).env("SLURM_CONF", self.configuration()).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap_or_else(|err| panic!("needs root, and Debian's slurm-wlm and munge: {name}: {err}"))
    }

    /// Returns what a command of Slurm prints.
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("SLURM_CONF", self.configuration()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for daemon in self.nodes.iter_mut().chain(self.daemons.iter_mut().rev()) {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn configuration(folder: &Path) -> String {
    let listeners: Vec<TcpListener> = (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let (host, folder) = (host.trim().split('.').next().unwrap(), folder.display());
    let mut text = format!(
        "ClusterName=spotter\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={}\nSlurmUser=root\nSlurmdUser=root\n\
         AuthType=auth/munge\nAuthInfo=socket={folder}/munge/socket\nCredType=cred/munge\nMpiDefault=none\n\
         StateSaveLocation={folder}/state\nSlurmdSpoolDir={folder}/%n\nSlurmctldPidFile={folder}/slurmctld.pid\n\
         SlurmdPidFile={folder}/slurmd.%n.pid\nSlurmdLogFile={folder}/slurmd.%n.log\n\
         SlurmctldLogFile={folder}/slurmctld.log\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
         SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\nJobAcctGatherType=jobacct_gather/none\n\
         AccountingStorageType=accounting_storage/none\nSlurmdParameters=config_overrides\nSlurmdTimeout=10\n\
         KillWait=5\nReturnToService=2\nMaxArraySize=5\n",
        ports[0]
    );
    for (node, port) in NODES.iter().zip(&ports[1..]) {
        text += &format!("NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=1000\n");
    }
    text + "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
}

fn ok_status(status: std::io::Result<std::process::ExitStatus>) {
    assert!(status.unwrap().success());
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "needs root, and Debian's slurm-wlm and munge: not so: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A process that works on the sweep.
#[derive(Debug, Clone)]
struct Pilot {
    process: u32,
    parent: u32,
    node: String,
    task: String,
}

/// Returns the processes that work on the run of a program.
fn pilots(program: &Program) -> Vec<Pilot> {
    let run = program.path(".runs/s").canonicalize().unwrap().display().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
        if !line.contains(&format!("work {run}")) || line.contains("slurm") {
            continue;
        }
        let environment = String::from_utf8_lossy(&read("environ")).into_owned();
        let variable = |name: &str| environment.split('\0').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let parent = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        if let (Some(node), Some(task)) = (variable("SLURMD_NODENAME"), variable("SLURM_ARRAY_TASK_ID")) {
            found.push(Pilot { process, parent, node: node.to_owned(), task: task.to_owned() });
        }
    }
    found
}

fn kill(process: u32) {
    ok_status(Command::new("kill").args(["-KILL", &process.to_string()]).status());
}

/// Sends a signal to the command and returns what it said until it ended.
fn interrupted(command: Child, signal: &str) -> String {
    ok_status(Command::new("kill").args(["-s", signal, &command.id().to_string()]).status());
    let output = command.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

/// Returns the rows of a report without what depends on the clock.
fn report(program: &Program) -> Value {
    fn without_times(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !name.contains("seconds"));
                fields.values_mut().for_each(without_times);
            }
            Value::Array(values) => values.iter_mut().for_each(without_times),
            _ => {}
        }
    }
    let ran = program.run(&["report", "s", "--format", "json"]);
    ok(&ran);
    let mut value: Value = serde_json::from_str(&ran.stdout).unwrap();
    without_times(&mut value);
    value
}

#[test]
#[ignore = "needs Slurm"]
fn a_sweep_outlives_a_node_a_killed_process_and_a_preempted_one() {
    let model =
        Model { patch: Arc::new(Mutex::new(solution())), slower: Duration::from_millis(300), ..Model::default() };
    let (_runtime, url) = model.serve();
    let engine = "engine: {kind: slurm, pilots: 6, time: 10, cpus: 1}\n";
    let text = format!("{}instances: {{dataset: demo}}\nsamples: 20\nworkers: 2\n{engine}", model_settings(&url));
    let alone = Program::new();
    write(&alone, "s.yaml", &text);
    ok(&alone.run(&["sweep", "s.yaml", "--engine", "local", "--workers", "12"]));
    let needed = model.count();
    assert_eq!(needed, 60 * 4);
    model.asked.lock().unwrap().clear();

    let mut site = Site::start();
    let program = Program::new().with("SLURM_CONF", &site.configuration());
    write(&program, "s.yaml", &text);
    let begun = Instant::now();
    let coordinator = program.start(&["sweep", "s.yaml"]);
    wait_until("all processes are at it", || program.path(".runs/s").exists() && pilots(&program).len() == 5);
    wait_until("a quarter is asked", || model.count() >= needed / 4);
    let of_node: Vec<Pilot> = pilots(&program).into_iter().filter(|pilot| pilot.node == NODES[0]).collect();
    assert!(!of_node.is_empty());
    site.nodes[0].kill().unwrap();
    for pilot in &of_node {
        kill(pilot.parent);
        kill(pilot.process);
    }
    let others: Vec<Pilot> = pilots(&program).into_iter().filter(|pilot| pilot.node != NODES[0]).collect();
    wait_until("two fifths are asked", || model.count() >= needed * 2 / 5);
    kill(others[0].process);
    wait_until("half is asked", || model.count() >= needed / 2);
    let job: Value =
        serde_json::from_str(&fs::read_to_string(program.path(".runs/s/engine/slurm.json")).unwrap()).unwrap();
    let preempted = format!("{}_{}", job["job"].as_str().unwrap(), others[1].task);
    let said = site.ask("scontrol", &["requeue", &preempted]);
    assert_eq!(said, "", "{preempted}");

    let output = coordinator.wait_with_output().unwrap();
    let took = begun.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    let log = fs::read_to_string(program.path(&format!(".runs/s/engine/pilot-{}.log", others[1].task))).unwrap();
    assert!(log.contains("interrupted by SIGTERM"), "{log}");
    let (found, kept) = (results(&program, "s"), answers(&program));
    assert_eq!(found.len(), 60, "{said}");
    assert_eq!(found, results(&alone, "s"));
    assert_eq!(asked_twice(&model, &kept), Vec::<String>::new());
    assert_eq!(kept.len(), needed);
    assert_eq!(report(&program), report(&alone));
    let left = site.ask("squeue", &["-h"]);
    assert_eq!(left, "");
    eprintln!("{said}");
    eprintln!(
        "60 results in {took:.1?}; {} requests for {needed} answers, {} of them lost with {} processes of the node, one killed and one preempted",
        model.count(),
        model.count() - needed,
        of_node.len()
    );
}

#[test]
#[ignore = "needs Slurm"]
fn an_interrupted_command_cancels_its_processes_and_a_killed_one_finds_them_again() {
    let model =
        Model { patch: Arc::new(Mutex::new(solution())), slower: Duration::from_millis(300), ..Model::default() };
    let (_runtime, url) = model.serve();
    let site = Site::start();
    let program = Program::new().with("SLURM_CONF", &site.configuration());
    let engine = "engine: {kind: slurm, pilots: 3}\n";
    let text = format!("{}instances: {{dataset: demo}}\nsamples: 12\nworkers: 1\n{engine}", model_settings(&url));
    write(&program, "s.yaml", &text);
    let mut killed = program.start(&["sweep", "s.yaml"]);
    wait_until("all processes are at it", || program.path(".runs/s").exists() && pilots(&program).len() == 3);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let again = program.start(&["sweep", "s.yaml"]);
    wait_until("the processes are in the middle of it", || model.count() >= 8);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(pilots(&program).len(), 3);
    let said = interrupted(again, "INT");
    assert!(said.contains("of an earlier command still works on it") && said.contains("no more is begun"), "{said}");
    wait_until("no process is at it", || pilots(&program).is_empty());
    let drained = results(&program, "s").len();
    assert!((1..36).contains(&drained), "{drained}: {said}");
    // What was under way was finished: no answer was asked for in vain.
    assert_eq!(model.count(), answers(&program).len());
    let again = program.start(&["sweep", "s.yaml"]);
    wait_until("all processes are at it again", || pilots(&program).len() == 3);
    let said = interrupted(again, "TERM");
    assert!(said.contains("is cancelled"), "{said}");
    wait_until("no process is at it", || pilots(&program).is_empty());
    ok(&program.run(&["sweep", "s.yaml", "--engine", "local", "--workers", "8"]));
    assert_eq!(results(&program, "s").len(), 36);
    assert_eq!(asked_twice(&model, &answers(&program)), Vec::<String>::new());
}
