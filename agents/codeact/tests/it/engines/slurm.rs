//! A sweep under Slurm: a controller and three nodes on this machine, with all of their state in a temporary folder.
//!
//! `cargo test -p codeact --test it slurm:: -- --ignored --nocapture`, as root, with Debian's `slurm-wlm` and `munge`.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Pilot, Undisturbed, interrupt, job, kill, ok_status, pilots, wait_until};
use crate::program::Program;

const NODES: [&str; 3] = ["n1", "n2", "n3"];

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

#[test]
#[ignore = "needs Slurm"]
fn a_sweep_outlives_a_node_a_killed_process_and_a_preempted_one() {
    let whole = Undisturbed::new(20, "engine: {kind: slurm, pilots: 6, time: 10, cpus: 1}\n");
    let mut site = Site::start();
    let program = Program::new().with("SLURM_CONF", &site.configuration());
    let coordinator = whole.start(&program);
    wait_until("all processes are at it", || pilots(&program).len() == 5);
    whole.wait_for(4, "a quarter is asked");
    let of_node: Vec<Pilot> = pilots(&program).into_iter().filter(|pilot| pilot.node == NODES[0]).collect();
    assert!(!of_node.is_empty());
    site.nodes[0].kill().unwrap();
    for pilot in &of_node {
        kill(pilot.parent);
        kill(pilot.process);
    }
    let others: Vec<Pilot> = pilots(&program).into_iter().filter(|pilot| pilot.node != NODES[0]).collect();
    whole.wait_for(3, "a third is asked");
    kill(others[0].process);
    whole.wait_for(2, "half is asked");
    let preempted = format!("{}_{}", job(&program, "slurm")["job"].as_str().unwrap(), others[1].task);
    let said = site.ask("scontrol", &["requeue", &preempted]);
    assert_eq!(said, "", "{preempted}");

    whole.check(&program, coordinator, &format!("{} processes of a node, one killed, one preempted", of_node.len()));
    let log = fs::read_to_string(program.path(&format!(".runs/s/engine/pilot-{}.log", others[1].task))).unwrap();
    assert!(log.contains("interrupted by SIGTERM"), "{log}");
    let left = site.ask("squeue", &["-h"]);
    assert_eq!(left, "");
}

#[test]
#[ignore = "needs Slurm"]
fn an_interrupted_command_cancels_its_processes_and_a_killed_one_finds_them_again() {
    let site = Site::start();
    let program = Program::new().with("SLURM_CONF", &site.configuration());
    interrupt(&program, "engine: {kind: slurm, pilots: 3}\n");
}
