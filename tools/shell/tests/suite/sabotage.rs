//! What commands can do to the harness's own work.

use std::time::{Duration, Instant};

use tool_core::{Command, ExecEnd, Sandbox, SandboxConfig, Size};

use super::fixture::{Fixture, by_themselves, config, exits, ok, run, unique_sleep, wait_for, with_a_sandbox};

with_a_sandbox! {
    a_command_can_be_exclusive
    fresh_shells_run_their_exit_trap
    posix_mode_sets_no_trap
    driver_variables_are_not_restored
    a_function_named_colon_is_not_run_by_the_driver
    a_stopped_shell_is_waited_for_no_longer_than_the_limit_of_a_command
}

by_themselves! {
    jobs_that_leave_no_room_are_ended
    a_startup_that_breaks_later_is_told
}

async fn jobs_that_leave_no_room_are_ended() {
    // Locally, each process counts with what it shares.
    let fixture = Fixture::with(SandboxConfig { memory: Size(2 << 30), ..config() }).await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    let needle = unique_sleep();
    ok(sandbox, &format!("x=1; for ((i = 0; i < 192; i++)); do sleep {needle} & done; disown -a")).await;
    wait_for(&needle, 192).await;
    let begun = Instant::now();
    let output = sandbox.exec(Command::fresh("git --version | wc -l")).await.unwrap();
    assert_eq!((output.end, output.output.as_str()), (ExecEnd::Exited(0), "1\n"), "{output:?}");
    wait_for(&needle, 0).await;
    let output = run(sandbox, "echo $x").await;
    assert_eq!(output.output, "[the processes in the background were ended to make room]\n1\n");
    assert_eq!(ok(sandbox, "echo $x").await, "1\n");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    sandbox.stop().await.unwrap();
}

async fn a_command_can_be_exclusive(sandbox: &dyn Sandbox) {
    let needle = unique_sleep();
    ok(sandbox, &format!("x=1; sleep {needle} & (setsid sleep {needle} &); disown -a")).await;
    wait_for(&needle, 2).await;
    let output = sandbox.exec(Command::fresh("echo on").exclusive()).await.unwrap();
    assert_eq!((output.end, output.output.as_str()), (ExecEnd::Exited(0), "on\n"), "{output:?}");
    wait_for(&needle, 0).await;
    assert!(run(sandbox, "echo $x").await.output.ends_with("]\n1\n"));
}

async fn fresh_shells_run_their_exit_trap(sandbox: &dyn Sandbox) {
    let script = "d=$(mktemp -d); trap 'rm -r \"$d\"' EXIT; echo $d";
    let output = sandbox.exec(Command::fresh(script)).await.unwrap();
    assert_eq!(ok(sandbox, &format!("ls -d {}; true", output.output.trim())).await.matches("No such").count(), 1);
    let shells = "grep -lz __spotter_boot /proc/[0-9]*/cmdline 2>/dev/null | wc -l";
    let count = async || -> u32 { ok(sandbox, shells).await.trim().parse().unwrap() };
    let before = count().await;
    for _ in 0..3 {
        sandbox.exec(Command::fresh("true")).await.unwrap();
    }
    if !sandbox.info().isolated {
        return;
    }
    // On a busy machine a shell takes its time to go.
    let begun = Instant::now();
    let mut after = count().await;
    while after > before && begun.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = count().await;
    }
    assert!(after <= before, "{after} shells after {before}");
}

async fn a_stopped_shell_is_waited_for_no_longer_than_the_limit_of_a_command(sandbox: &dyn Sandbox) {
    ok(sandbox, "(sleep 0.2; kill -STOP $$) & disown").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // More than a pipe takes that no one reads.
    let limit = Duration::from_secs(2);
    let command = Command::new(format!("true {}", "x".repeat(1 << 20))).timeout(limit);
    let output = tokio::time::timeout(30 * limit, sandbox.exec(command)).await.expect("it ends").unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut(limit), "{output:?}");
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
}

async fn posix_mode_sets_no_trap(sandbox: &dyn Sandbox) {
    ok(sandbox, "set -o posix; trap 'echo usr' USR1").await;
    assert_eq!(ok(sandbox, ": trap; kill -USR1 $$").await, "usr\n");
    ok(sandbox, "export x='a\nb'").await;
    assert_eq!(exits(sandbox, ": trap; set -u; exit 3", 3).await, "");
    assert_eq!(ok(sandbox, "echo \"$x\"").await, "a\nb\n");
}

async fn driver_variables_are_not_restored(sandbox: &dyn Sandbox) {
    exits(sandbox, "set -a; __spotter_busy=; __spotter_mine=1; x=1; exit 3", 3).await;
    assert_eq!(ok(sandbox, "echo $x ${__spotter_mine-gone}").await, "1 gone\n");
}

async fn a_function_named_colon_is_not_run_by_the_driver(sandbox: &dyn Sandbox) {
    // As the best known fork bomb leaves it.
    ok(sandbox, ":() { echo bomb; }").await;
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
    assert_eq!(ok(sandbox, ":").await, "bomb\n");
}

/// Checks that a sandbox outlives its startup commands, once they have worked.
async fn check_startup(breakage: &str, note: &str) {
    let mut fixture = Fixture::with(SandboxConfig { start_timeout: 6, ..config() }).await;
    "[ ! -e ~/broken ] || . ~/broken; started=1".clone_into(&mut fixture.image.startup);
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    run(sandbox, &format!("echo '{breakage}' >~/broken; kill -9 $$")).await;
    let output = run(sandbox, "echo on").await;
    assert_eq!((output.end, output.restarted), (ExecEnd::Exited(0), false), "{output:?}");
    assert!(output.output.starts_with(note) && output.output.ends_with("]\non\n"), "{output:?}");
    let output = sandbox.exec(Command::fresh("echo fresh; pwd")).await.unwrap();
    assert_eq!(output.output, format!("fresh\n{}\n", sandbox.info().root), "{output:?}");
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
    sandbox.stop().await.unwrap();
}

async fn a_startup_that_breaks_later_is_told() {
    let note = "[the startup commands of the image failed with exit code 3: `";
    check_startup("echo why; exit 3", note).await;
    check_startup("set -e; (exit 3)", note).await;
    check_startup("sleep 1000", "[the startup commands of the image did not end and will not be run again: `").await;
}
