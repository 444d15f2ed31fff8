//! Commands that fill or break their sandbox: what runs goes, the files stay, and the blame is right.

use std::time::{Duration, Instant};

use sandbox::{Config, Kind, Size};
use tokio::sync::Mutex;
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
    let _alone = ALONE.lock().await;
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

/// Held by the test whose bomb goes off: several at once are more than a small machine should have to bear.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Checks that a bomb that stops by itself after some seconds, should all else fail, is ended much earlier.
async fn check_local(name: &str, script: &str) {
    let _alone = ALONE.lock().await;
    let place = Place::with(Config { pids: 64, memory: Size(4 << 30), ..config(Kind::Local) }).await.unwrap();
    let sandbox = place.start().await;
    let sandbox = &*sandbox;
    let marker = ok(sandbox, "echo mended >kept; export X=kept; echo $SPOTTER_SANDBOX").await;
    let count = || marked(marker.trim());
    sandbox.write_file("bomb.py", script.as_bytes(), None).await.unwrap();
    for command in [within(60.0, "python3 bomb.py"), Command::fresh("cd ~-; python3 bomb.py")] {
        let mut command = command;
        command.script = command.script.replace("cd ~-", &format!("cd {}", sandbox.info().root));
        let begun = Instant::now();
        let output = sandbox.exec(command).await.unwrap();
        eprintln!("{name}: {:?} after {:?}", output.end, begun.elapsed());
        assert_eq!(output.end, ExecEnd::TooManyProcesses, "{name}: {output:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{name}: {:?}", begun.elapsed());
        let begun = Instant::now();
        assert!(run(sandbox, "cat kept | cat; echo $X").await.output.ends_with("mended\nkept\n"), "{name}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{name}: {:?}", begun.elapsed());
        assert!(count() <= 2, "{name}: {} processes are left", count());
    }
    sandbox.stop().await.unwrap();
    assert_eq!(count(), 0, "{name}");
}

/// Returns how many processes have a value as the variable of their sandbox.
fn marked(value: &str) -> usize {
    let wanted = format!("SPOTTER_SANDBOX={value}");
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = entries.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    environments.filter(|list| list.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())).count()
}

/// Ends a bomb by itself, should no one else.
const BOUND: &str = "import time, os
END = time.time() + 1
def forever(): return time.time() < END
";

#[tokio::test]
async fn a_busy_fork_bomb_is_ended_locally() {
    check_local("busy", &(BOUND.to_owned() + &BUSY.replace("DETACH", "False").replace("True", "forever()"))).await;
}

#[tokio::test]
async fn a_fork_bomb_of_daemons_is_ended_locally() {
    check_local("daemons", &(BOUND.to_owned() + &BUSY.replace("True", "forever()").replace("DETACH", "True"))).await;
}

#[tokio::test]
async fn a_thread_bomb_is_ended_locally() {
    let threads = "import threading
while forever():
  try: threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
  except RuntimeError: pass
";
    check_local("threads", &(BOUND.to_owned() + threads)).await;
}

#[tokio::test]
async fn a_fork_bomb_of_bash_is_ended_locally() {
    let _alone = ALONE.lock().await;
    let place = Place::with(Config { pids: 64, memory: Size(4 << 30), ..config(Kind::Local) }).await.unwrap();
    let sandbox = place.start().await;
    let sandbox = &*sandbox;
    let marker = ok(sandbox, "echo mended >kept; echo $SPOTTER_SANDBOX").await;
    let begun = Instant::now();
    let bomb = "x=1; end=$((SECONDS + 3)); :(){ ((SECONDS < end)) && :|:& };:";
    let output = run(sandbox, &format!("{bomb}; sleep 20")).await;
    eprintln!("bash: {:?} after {:?}", output.end, begun.elapsed());
    assert_eq!(output.end, ExecEnd::TooManyProcesses, "{output:?}");
    let begun = Instant::now();
    assert!(run(sandbox, "cat kept; echo $x").await.output.ends_with("mended\n1\n"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // In the background, it is gone soon after the command.
    run(sandbox, bomb).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(marked(marker.trim()) <= 1, "{} are left", marked(marker.trim()));
    assert!(run(sandbox, "cat kept").await.output.ends_with("mended\n"));
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
