//! Commands that fill or break their sandbox: what runs goes, the files stay, and the blame is right.

use std::time::{Duration, Instant};

use sandbox::{Config, Kind};
use tool_core::{Command, ExecEnd, FileError, SandboxError};

use crate::place::{Place, config, ok, run, within};

/// Forks without end, whatever it is told.
const BUSY: &str = "import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
while True:
  try:
    if os.fork() == 0 and DETACH: os.setsid()
  except OSError: pass
";

async fn check_bomb(detach: &str) {
    let Some(place) = Place::with(Config { pids: 64, ..config(Kind::Docker) }).await else { return };
    let sandbox = place.start().await;
    let sandbox = &*sandbox;
    ok(sandbox, "echo mended >kept").await;
    sandbox.write_file("bomb.py", BUSY.replace("DETACH", detach).as_bytes(), None).await.unwrap();
    let output = sandbox.exec(within(60.0, "python3 bomb.py")).await.unwrap();
    assert_eq!(output.end, ExecEnd::TooManyProcesses, "{output:?}");
    let begun = Instant::now();
    assert_eq!(run(sandbox, "cat kept | cat").await.output, "mended\n");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let output = sandbox.exec(Command::fresh("cd /testbed; python3 bomb.py")).await.unwrap();
    assert_eq!(output.end, ExecEnd::TooManyProcesses, "{output:?}");
    assert_eq!(sandbox.read_file("kept").await.unwrap(), b"mended\n");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_busy_fork_bomb_is_ended() {
    check_bomb("False").await;
}

#[tokio::test]
async fn a_fork_bomb_of_daemons_is_ended() {
    check_bomb("True").await;
}

#[tokio::test]
async fn a_fork_bomb_in_the_background_is_gone_before_the_next_command() {
    let Some(place) = Place::with(Config { pids: 64, ..config(Kind::Docker) }).await else { return };
    let sandbox = place.start().await;
    let begun = Instant::now();
    run(&*sandbox, "x=1; :(){ :|:& };:").await;
    let output = run(&*sandbox, "echo $x | cat").await;
    assert!(output.success() && output.output.lines().any(|line| line == "1"), "{output:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_sandbox_without_its_programs_is_damaged() {
    let Some(place) = Place::of(Kind::Docker).await else { return };
    let sandbox = place.start().await;
    // Without the rest of `/usr`, whose removal takes its time on a busy machine.
    let removal = "rm -rf /usr/bin /bin /lib64 /etc 2>/dev/null";
    let output = sandbox.exec(within(120.0, removal)).await.unwrap();
    assert!(matches!(output.end, ExecEnd::Exited(_)), "{output:?}");
    assert_eq!(run(&*sandbox, "echo on").await.output, "on\n");
    let fresh = sandbox.exec(Command::fresh("true")).await;
    assert!(matches!(fresh, Err(SandboxError::Damaged(_))), "{fresh:?}");
    let read = sandbox.read_file("/testbed/any").await;
    assert!(matches!(read, Err(FileError::Sandbox(SandboxError::Damaged(_)))), "{read:?}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_container_that_was_removed_is_lost() {
    let Some(place) = Place::of(Kind::Docker).await else { return };
    let sandbox = place.start().await;
    let removal = std::process::Command::new("docker").args(["rm", "-f", &sandbox.info().id]).output().unwrap();
    assert!(removal.status.success());
    let fresh = sandbox.exec(Command::fresh("true")).await;
    assert!(matches!(fresh, Err(SandboxError::Lost(_))), "{fresh:?}");
    sandbox.stop().await.unwrap();
}
