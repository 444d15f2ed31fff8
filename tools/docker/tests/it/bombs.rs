//! Commands that fill or break their sandbox: what runs goes, the files stay, and the error says who broke it.

use std::time::{Duration, Instant};

use tool_core::{Command, ExecEnd, FileError, SandboxConfig, SandboxError};

use crate::suite::bombs::{BUSY, ONE_AT_A_TIME};
use crate::suite::fixture::{Fixture, config, ok, run, within};

async fn check_bomb(detach: &str) {
    let _one_at_a_time = ONE_AT_A_TIME.lock().await;
    let fixture = Fixture::with(SandboxConfig { pids: 64, ..config() }).await;
    let sandbox = fixture.start().await;
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
#[ignore = "needs Docker"]
async fn a_busy_fork_bomb_is_ended() {
    check_bomb("False").await;
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_fork_bomb_of_daemons_is_ended() {
    check_bomb("True").await;
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_fork_bomb_in_the_background_is_gone_before_the_next_command() {
    let fixture = Fixture::with(SandboxConfig { pids: 64, ..config() }).await;
    let sandbox = fixture.start().await;
    let begun = Instant::now();
    run(&*sandbox, "export x=1; :(){ :|:& };:").await;
    let output = run(&*sandbox, "echo $x | cat").await;
    assert!(output.success() && output.output.lines().any(|line| line == "1"), "{output:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    sandbox.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_sandbox_without_its_programs_is_damaged() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
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
#[ignore = "needs Docker"]
async fn a_container_that_was_removed_is_lost() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let removal = std::process::Command::new("docker").args(["rm", "-f", &sandbox.info().id]).output().unwrap();
    assert!(removal.status.success());
    let fresh = sandbox.exec(Command::fresh("true")).await;
    assert!(matches!(fresh, Err(SandboxError::Lost(_))), "{fresh:?}");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_fork_bomb_of_bash_meets_the_limit() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    ok(sandbox, "x=1").await;
    let begun = Instant::now();
    let output = sandbox.exec(within(1.5, "bomb() { bomb | bomb & }; bomb; sleep 1000")).await.unwrap();
    eprintln!("fork bomb: {:?} after {:?}", output.end, begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "{output:?}");
    assert!(!matches!(output.end, ExecEnd::Exited(0)), "{output:?}");
    ok(sandbox, "sleep 0.1").await;
    assert!(ok(sandbox, "ls -d /proc/[0-9]* | wc -l").await.trim().parse::<u32>().unwrap() < 8);
    let full = "for i in $(seq 300); do sleep 1000 & done; sleep 1000";
    let output = sandbox.exec(within(1.0, full)).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_secs(1)), "{output:?}");
    assert_eq!(run(sandbox, "echo on").await.output, "on\n");
    sandbox.stop().await.unwrap();
}
