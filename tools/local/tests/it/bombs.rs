//! Commands that fill their sandbox with processes: what runs goes, and the files stay.

use std::time::{Duration, Instant};

use tool_core::{Command, ExecEnd, SandboxConfig, Size};

use crate::suite::bombs::{BUSY, ONE_AT_A_TIME};
use crate::suite::fixture::{Fixture, config, ok, run, unique_sleep, wait_for, within};

/// Checks that a bomb that stops by itself after some seconds, should all else fail, is ended much earlier.
async fn check(name: &str, script: &str) {
    let _one_at_a_time = ONE_AT_A_TIME.lock().await;
    let fixture = Fixture::with(SandboxConfig { pids: 64, memory: Size(4 << 30), ..config() }).await;
    let sandbox = fixture.start().await;
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
async fn a_busy_fork_bomb_is_ended() {
    check("busy", &(BOUND.to_owned() + &BUSY.replace("DETACH", "False").replace("True", "forever()"))).await;
}

#[tokio::test]
async fn a_fork_bomb_of_daemons_is_ended() {
    check("daemons", &(BOUND.to_owned() + &BUSY.replace("True", "forever()").replace("DETACH", "True"))).await;
}

#[tokio::test]
async fn a_thread_bomb_is_ended() {
    let threads = "import threading
while forever():
  try: threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
  except RuntimeError: pass
";
    check("threads", &(BOUND.to_owned() + threads)).await;
}

#[tokio::test]
async fn a_fork_bomb_of_bash_is_ended() {
    let _one_at_a_time = ONE_AT_A_TIME.lock().await;
    let fixture = Fixture::with(SandboxConfig { pids: 64, memory: Size(4 << 30), ..config() }).await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    let marker = ok(sandbox, "export x=1; echo mended >kept; echo $SPOTTER_SANDBOX").await;
    let begun = Instant::now();
    let bomb = "end=$((SECONDS + 12)); :(){ ((SECONDS < end)) && :|:& };:";
    let output = run(sandbox, &format!("{bomb}; sleep 20")).await;
    eprintln!("bash: {:?} after {:?}", output.end, begun.elapsed());
    assert_eq!(output.end, ExecEnd::TooManyProcesses, "{output:?}");
    let begun = Instant::now();
    assert!(run(sandbox, "cat kept; echo $x").await.output.ends_with("mended\n1\n"));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // In the background, it is gone soon after the command.
    run(sandbox, bomb).await;
    let begun = Instant::now();
    // It has to grow before there is anything to end.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    while marked(marker.trim()) > 1 && begun.elapsed() < Duration::from_secs(8) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(marked(marker.trim()) <= 1, "{} are left", marked(marker.trim()));
    assert!(run(sandbox, "cat kept").await.output.ends_with("mended\n"));
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn too_many_processes_end_a_command() {
    let fixture = Fixture::with(SandboxConfig { pids: 40, ..config() }).await;
    let sandbox = fixture.start().await;
    let needle = unique_sleep();
    let script = format!("for i in $(seq 60); do sleep {needle} & done; wait");
    let output = run(&*sandbox, &script).await;
    assert_eq!(output.end, ExecEnd::TooManyProcesses, "{output:?}");
    wait_for(&needle, 0).await;
    sandbox.stop().await.unwrap();
}
