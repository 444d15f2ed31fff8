//! What an agent can reach from inside a real instance's container.
//!
//! The ways through git are tested in env-core; these are the ways around it.

use std::path::Path;
use std::sync::Arc;

use dataset::Row;
use env_core::{Environment, Ready};
use swebench::BenchmarkSettings;
use tool_core::{Command, Pull, SandboxConfig, SandboxPlug, SandboxProvider, shell_quote};

use crate::host;

/// An instance prepared in its container.
struct Reached {
    ready: Ready,
    row: Row,
    provider: Arc<dyn SandboxProvider>,
}

/// Returns the rows of the registry instances, one of them whose image is there, and a provider.
pub(crate) async fn registry() -> (Vec<Row>, Row, Arc<dyn SandboxProvider>) {
    let rows = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(".runs/registry/swe-bench.jsonl");
    let rows = dataset::load_file(&rows)
        .unwrap_or_else(|err| panic!("needs registry images (run tests/registry/build_images.py): {err}"));
    let row = rows.iter().find(|row| row.instance_id == "pallets__flask-5014").or(rows.first()).unwrap().clone();
    let config = SandboxConfig { pull: Pull::Never, ..SandboxConfig::default() };
    let provider = SandboxPlug::of::<docker::Docker>().connect(&config, &host(), "tests").await;
    let provider = provider.unwrap_or_else(|err| panic!("needs registry images, and Docker for them: {err}"));
    (rows, row, provider)
}

impl Reached {
    /// Makes a registry instance ready.
    async fn open() -> Self {
        let (rows, row, provider) = registry().await;
        let environment =
            swebench::environment("swe-bench", rows, &BenchmarkSettings::default(), provider.clone()).unwrap();
        let ready = environment.reset(&row.instance()).await.unwrap();
        Self { ready, row, provider }
    }

    async fn run(&self, script: &str) -> String {
        let output = self.ready.sandbox.exec(Command::new(script)).await.unwrap();
        output.output
    }

    async fn close(self) {
        self.ready.sandbox.stop().await.unwrap();
        self.provider.close().await.unwrap();
    }
}

/// Returns the longest line that a patch adds: whoever finds it has found the patch.
fn telling_line(patch: &str) -> &str {
    let added = patch.lines().filter_map(|line| line.strip_prefix('+')).filter(|line| !line.starts_with("++"));
    added.max_by_key(|line| line.len()).unwrap().trim()
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn neither_patch_is_anywhere_in_the_container() {
    let reached = Reached::open().await;
    for patch in [&reached.row.patch, &reached.row.test_patch] {
        let line = telling_line(patch);
        assert!(line.len() > 20, "`{line}` tells too little");
        let search = "grep -rFsl --exclude-dir=proc --exclude-dir=sys -e";
        let found = reached.run(&format!("{search} {} / | head; echo searched", shell_quote(line))).await;
        assert_eq!(found.trim(), "searched", "`{line}` is in the container");
        // The search does find what is there.
        let planted = format!("printf %s {} > /tmp/planted; {search} {} /tmp", shell_quote(line), shell_quote(line));
        assert_eq!(reached.run(&format!("{planted}; rm /tmp/planted")).await.trim(), "/tmp/planted");
    }
    reached.close().await;
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn environments_processes_and_mounts_tell_nothing_of_the_host() {
    let reached = Reached::open().await;
    let host: Vec<(String, String)> = std::env::vars().collect();
    let own = reached.run("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | sort -u").await;
    assert!(own.contains("PATH="), "{own}");
    let manifest = "CARGO_MANIFEST_DIR";
    assert!(host.iter().any(|(name, _)| name == manifest) && !own.contains(manifest), "{own}");
    for name in ["OPENAI", "API_KEY", "CARGO_", "DOCKER_"] {
        assert!(!own.contains(name), "`{name}` is in an environment of the container:\n{own}");
    }
    let processes = reached.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; echo; ls -d /proc/[0-9]* | wc -l").await;
    assert!(processes.contains("bash") && !processes.contains("cargo") && !processes.contains("dockerd"));
    let count: u32 = processes.lines().last().unwrap().trim().parse().unwrap();
    assert!(count < 15, "{count} processes are visible:\n{processes}");
    let mounts = reached.run("cat /proc/self/mountinfo").await;
    let home = std::env::var("HOME").unwrap();
    for line in mounts.lines().filter(|line| line.contains(" /dev/vd") || line.contains(" /dev/sd")) {
        let place = line.split(' ').nth(4).unwrap();
        let allowed = ["/", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
        assert!(allowed.contains(&place) && !line.contains(&format!(" {home} ")), "mounted from the host: {line}");
    }
    assert!(!mounts.contains("docker.sock"));
    assert_eq!(reached.run("ls /var/run/docker.sock 2>&1 | grep -c 'No such'").await.trim(), "1");
    reached.close().await;
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn there_is_no_network_but_localhost() {
    let reached = Reached::open().await;
    assert_eq!(reached.run("ls /sys/class/net").await.trim(), "lo");
    // An address for documentation, where nobody listens; without a route the attempt fails at once.
    let outside = reached.run("(exec 3<>/dev/tcp/192.0.2.1/80) 2>&1 | tail -n 1").await;
    assert!(outside.contains("unreachable"), "{outside}");
    let by_name = reached.run("getent hosts localhost && ! getent hosts example.com && echo no names").await;
    assert!(by_name.contains("localhost") && by_name.ends_with("no names\n"), "{by_name}");
    reached.close().await;
}

#[tokio::test]
#[ignore = "needs registry images"]
async fn no_privilege_can_be_gained_and_the_engine_cannot_be_asked() {
    let reached = Reached::open().await;
    assert_eq!(reached.run("grep NoNewPrivs /proc/self/status | tr -dc 0-9").await.trim(), "1");
    let refused = reached.run("mount -t tmpfs none /mnt 2>&1 || echo refused").await;
    assert!(refused.contains("refused"), "{refused}");
    assert!(reached.run("cat /proc/1/root/etc/hostname /etc/hostname | sort -u | wc -l").await.trim() == "1");
    reached.close().await;
}
