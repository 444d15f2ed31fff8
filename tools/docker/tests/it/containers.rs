//! What is special about containers.

use std::process::{Command as Program, Stdio};
use std::time::{Duration, Instant};

use tool_core::{Command, ExecEnd, Host, Image, Pull, SandboxConfig, SandboxError, Source};

use crate::provider::{PLUG, test_image};
use crate::suite::fixture::{Fixture, config, host, ok, run, unique_sleep, wait_for, within};

/// Set where this binary plays the process that is killed.
const VICTIM: &str = "SPOTTER_TEST_VICTIM";

fn docker(arguments: &[&str]) -> String {
    let output = Program::new("docker").args(arguments).stderr(Stdio::inherit()).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn exists(id: &str) -> bool {
    Program::new("docker").args(["inspect", id]).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

async fn wait_gone(id: &str) {
    let begun = Instant::now();
    while exists(id) {
        assert!(begun.elapsed() < Duration::from_secs(10), "the container `{id}` is left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn limits_reach_the_engine() {
    let config = SandboxConfig { cpus: Some(0.5), ..config() };
    let fixture = Fixture::with(config).await;
    let sandbox = fixture.start().await;
    let format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} \
                  {{.HostConfig.NetworkMode}} {{.HostConfig.SecurityOpt}} {{.HostConfig.LogConfig.Type}} \
                  {{.HostConfig.Privileged}} {{len .Mounts}} {{index .Config.Labels \"spotter.run\"}}";
    let seen = docker(&["inspect", "--format", format, &sandbox.info().id]);
    let expected = "268435456 268435456 500000000 200 none [no-new-privileges] none false 0 contract";
    assert_eq!(seen, expected);
    let sandbox = &*sandbox;
    assert_eq!(
        ok(sandbox, "ls /sys/class/net; grep NoNewPrivs /proc/self/status | tr -s '\\t ' ' '").await,
        "lo\nNoNewPrivs: 1\n"
    );
    let names = ok(sandbox, "env | cut -d = -f 1 | sort | tr '\\n' ' '").await;
    for name in names.split_whitespace() {
        let known = "GIT_PAGER HOME HOSTNAME LANG PAGER PATH PWD SHLVL TERM TZ _";
        assert!(known.split(' ').any(|known| known == name), "{name}");
    }
    assert!(
        run(sandbox, "python3 -c 'import socket; socket.create_connection((\"1.1.1.1\", 80), 2)'").await.exit_code()
            != 0
    );
    assert!(
        !ok(sandbox, "ps aux 2>/dev/null | grep -v grep || cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
            .await
            .contains("__spotter_begin")
    );
    sandbox.stop().await.unwrap();
    assert!(!exists(&sandbox.info().id));
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn containers_go_on_every_path() {
    let fixture = Fixture::new().await;
    let stopped = fixture.start().await;
    let id = stopped.info().id.clone();
    stopped.stop().await.unwrap();
    assert!(!exists(&id));
    let dropped = fixture.start().await;
    let id = dropped.info().id.clone();
    drop(dropped);
    fixture.provider.close().await.unwrap();
    assert!(!exists(&id), "dropped");
    let forgotten = fixture.start().await;
    let id = forgotten.info().id.clone();
    fixture.provider.close().await.unwrap();
    assert!(!exists(&id), "closed");
    let panics = fixture.start().await;
    let id = panics.info().id.clone();
    let task = tokio::spawn(async move {
        let _held = panics;
        panic!("on purpose");
    });
    assert!(task.await.is_err());
    wait_gone(&id).await;
    for millis in [1, 20, 60, 120, 200] {
        let start = tokio::time::timeout(Duration::from_millis(millis), fixture.provider.start(&fixture.image));
        drop(start.await);
    }
    fixture.provider.close().await.unwrap();
    let own = format!("label=spotter.owner={}", owner_of_this_process());
    assert_eq!(docker(&["ps", "-aq", "--filter", &own, "--filter", "label=spotter.run=nobody"]), "");
}

fn owner_of_this_process() -> String {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let begun = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned();
    format!("{} {} {begun}", machine.trim(), std::process::id())
}

#[test]
#[ignore = "needs Docker"]
fn a_runtime_that_ends_takes_its_containers_along() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sandbox, fixture) = runtime.block_on(async {
        let fixture = Fixture::new().await;
        (fixture.start().await, fixture)
    });
    let id = sandbox.info().id.clone();
    drop(runtime);
    drop(sandbox);
    drop(fixture);
    tokio::runtime::Runtime::new().unwrap().block_on(wait_gone(&id));
}

/// Starts a sandbox and waits to be killed.
async fn be_the_victim() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    println!("container={}", sandbox.info().id);
    let _ = sandbox.exec(within(100.0, "sleep 1000")).await;
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_killed_process_leaves_no_container() {
    if std::env::var_os(VICTIM).is_some() {
        return be_the_victim().await;
    }
    let mut victim = Program::new(std::env::current_exe().unwrap())
        .args(["containers::a_killed_process_leaves_no_container", "--exact", "--ignored", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(victim.stdout.take().unwrap()));
    let id = lines.map_while(Result::ok).find_map(|line| Some(line.split_once("container=")?.1.to_owned())).unwrap();
    assert!(exists(&id));
    victim.kill().unwrap();
    victim.wait().unwrap();
    wait_gone(&id).await;
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn clean_finds_containers_of_dead_processes() {
    let image = test_image();
    let create = |owner: &str| {
        let label = format!("spotter.owner={owner}");
        docker(&["create", "--label", &label, "--label", "spotter.run=clean", &image, "true"])
    };
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let dead = create(&format!("{} 1 1", machine.trim()));
    let alive = create(&owner_of_this_process());
    let elsewhere = create(&format!("another-machine-{} 1 1", std::process::id()));
    PLUG.clean(&host(), false).await.unwrap();
    assert_eq!((exists(&dead), exists(&alive), exists(&elsewhere)), (false, true, true));
    docker(&["rm", &alive, &elsewhere]);
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn missing_images_say_what_to_do() {
    for pull in [Pull::Never, Pull::Missing] {
        let config = SandboxConfig { pull, ..config() };
        let provider = PLUG.connect(&config, &host(), "run").await.unwrap();
        let source = Source::Container { name: "localhost:1/no/such:tag".to_owned(), platform: None };
        let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
        let Err(SandboxError::Image(message)) = provider.start(&image).await else { panic!("{pull:?}") };
        for part in ["no image `localhost:1/no/such:tag`", "`docker pull localhost:1/no/such:tag`", "build it"] {
            assert!(message.contains(part), "{message}");
        }
        let image = Image { source: Source::Files(Default::default()), ..image };
        assert!(matches!(provider.start(&image).await, Err(SandboxError::Unsupported(_))));
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_told() {
    for address in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1", "what://x", "/nowhere.sock"] {
        let variables = [("DOCKER_HOST".to_owned(), address.to_owned())].into();
        let host = Host { variables, terminal: false };
        let Err(SandboxError::Unavailable(message)) = PLUG.connect(&config(), &host, "run").await.map(drop) else {
            panic!("{address}")
        };
        assert!(message.contains(address) && message.contains("hint: "), "{message}");
    }
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn the_engine_is_reached_over_tcp() {
    assert!(std::path::Path::new("/var/run/docker.sock").exists(), "needs Docker at its usual place");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut far = tokio::net::UnixStream::connect("/var/run/docker.sock").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let variables = [("DOCKER_HOST".to_owned(), address)].into();
    let provider = PLUG.connect(&config(), &Host { variables, terminal: false }, "run").await.unwrap();
    let source = Source::Container { name: test_image(), platform: Some("linux/amd64".to_owned()) };
    let sandbox = provider.start(&Image { source, root: "/testbed".to_owned(), startup: String::new() }).await.unwrap();
    assert_eq!(ok(&*sandbox, "echo over tcp").await, "over tcp\n");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn all_processes_may_be_killed() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    ok(sandbox, "mkdir d; cd d").await;
    let output = run(sandbox, "kill -9 -1; kill -9 1; kill -9 $$").await;
    assert_eq!((output.end, output.restarted), (ExecEnd::Exited(137), true), "{output:?}");
    assert_eq!(ok(sandbox, "basename $PWD").await, "d\n");
    let needle = unique_sleep();
    let output = sandbox.exec(within(0.4, &format!("sleep {needle}"))).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_millis(400)));
    wait_for(&needle, 0).await;
    assert_eq!(ok(sandbox, "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ' Z ' || true").await, "0\n", "no zombies");
    let seen = sandbox.exec(Command::fresh("test -w /.spotter && stat -c %a /.spotter")).await.unwrap();
    assert_eq!(seen.output, "700\n");
    docker(&["kill", &sandbox.info().id]);
    let lost = sandbox.exec(within(5.0, "true")).await;
    assert!(matches!(lost, Err(SandboxError::Lost(_))), "{lost:?}");
    sandbox.stop().await.unwrap();
}
