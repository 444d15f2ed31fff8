//! A sweep whose engine is restarted in the middle, and whose registry is away at the beginning.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::place::Place;

/// A Docker engine of its own, so that no one else's is restarted.
struct Engine {
    folder: tempfile::TempDir,
    process: Child,
}

/// A bridge of its own: an engine without one removes that of the machine's engine.
const BRIDGE: &str = "spotter-test";

fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).output().unwrap_or_else(|err| panic!("needs iproute2: {err}"));
    assert!(done.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

impl Engine {
    fn start() -> Self {
        ip(&["link", "add", BRIDGE, "type", "bridge"]);
        ip(&["addr", "add", "10.231.77.1/24", "dev", BRIDGE]);
        let folder = tempfile::tempdir().unwrap();
        let process = Self::serve(&folder);
        let engine = Self { folder, process };
        engine.wait();
        engine
    }

    fn serve(folder: &tempfile::TempDir) -> Child {
        let path = |name: &str| folder.path().join(name);
        let log = File::options().create(true).append(true).open(path("log")).unwrap();
        let mut command = Command::new("dockerd");
        // Without the settings of this machine's engine.
        std::fs::write(path("settings"), "{}").unwrap();
        let options =
            [("--config-file", "settings"), ("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")];
        for (option, name) in options {
            command.arg(option).arg(path(name));
        }
        command.args(["--bridge", BRIDGE, "--iptables=false", "--ip6tables=false", "-H"]);
        command.arg(Self::address(folder)).stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap_or_else(|err| panic!("needs the Docker engine's own program: {err}"))
    }

    fn address(folder: &tempfile::TempDir) -> String {
        format!("unix://{}/socket", folder.path().display())
    }

    fn client(&self, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("docker");
        let output = command.env("DOCKER_HOST", Self::address(&self.folder)).args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn wait(&self) {
        let begun = Instant::now();
        while self.client(&["info"]).is_none() {
            assert!(begun.elapsed() < Duration::from_secs(60), "the engine does not start");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends the engine in good order, with all its containers.
    fn end(&mut self) {
        let ended = Command::new("kill").arg(self.process.id().to_string()).status();
        assert!(ended.unwrap().success());
        self.process.wait().unwrap();
    }

    fn restart(&mut self) {
        self.end();
        self.process = Self::serve(&self.folder);
        self.wait();
    }

    fn containers(&self) -> usize {
        self.client(&["ps", "-aq", "--filter", "label=spotter.run"]).unwrap_or_default().lines().count()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
        let _ = Command::new("ip").args(["link", "del", BRIDGE]).status();
        // What it had mounted goes before its folder does.
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)) {
            if PathBuf::from(mount).starts_with(self.folder.path()) {
                let _ = Command::new("umount").args(["-l", mount]).stderr(Stdio::null()).status();
            }
        }
    }
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn an_engine_that_is_restarted_and_a_pull_that_fails_cost_no_episode() {
    let mut place = Place::with_headers(&json!({}));
    let mut engine = Engine::start();
    let text = "base:\n  model: {name: m}\n  limits: {cost: null}\n  sandbox: {kept: 0}\n  env: {network: none}\n\
                instances: {dataset: rows.jsonl, slice: \":12\"}\nworkers: 3\nretries: {count: 8, wait: 1}\n";
    std::fs::write(place.program.path("faulty.yaml"), text).unwrap();
    place.stop_registry();
    let mut command = place.program.command(&["sweep", "faulty.yaml"]);
    command.env("DOCKER_HOST", Engine::address(&engine.folder)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let child = command.spawn().unwrap();
    thread::sleep(Duration::from_secs(3));
    place.start_registry();
    let mut restarts = 0;
    while restarts < 2 {
        thread::sleep(Duration::from_millis(200));
        assert!(begun.elapsed() < Duration::from_secs(120), "no sandbox is seen");
        if engine.containers() > 0 {
            engine.restart();
            restarts += 1;
            thread::sleep(Duration::from_secs(3));
        }
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert_eq!(said.matches(": resolved").count(), 12, "{said}");
    assert!(!said.contains(": unresolved"), "{said}");
    let mut clean = place.program.command(&["clean"]);
    assert!(clean.env("DOCKER_HOST", Engine::address(&engine.folder)).output().unwrap().status.success());
    assert_eq!(engine.containers(), 0, "{said}");
    let tried: Vec<&str> = said.lines().filter(|line| line.ends_with("it will be retried")).collect();
    // The hint on an image that cannot be had ends its message.
    let pulls = tried.iter().filter(|line| line.starts_with("hint: ")).count();
    let lost = tried.len() - pulls;
    eprintln!(
        "12 episodes in {:.1?}; tried again: {pulls} for want of an image, {lost} for an engine",
        begun.elapsed()
    );
    assert!(pulls > 0 && lost > 0, "{said}");
}
