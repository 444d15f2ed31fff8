//! Limits: how commands are ended, and what is left of them.

use std::time::{Duration, Instant};

use tool_core::{Command, ExecEnd, Interrupt, Sandbox};

use super::fixture::{ok, processes, run, unique_sleep, wait_for, with_a_sandbox, within};

with_a_sandbox! {
    a_timeout_kills_the_tree
    a_timeout_keeps_what_was_printed
    silence_is_a_limit
    interrupts_work
    stubborn_commands_end
    an_end_at_the_timeout_is_an_end
    jobs_of_earlier_commands_are_spared
    a_dropped_future_leaves_nothing
    a_memory_hog_is_out_of_memory
    nothing_outlives_the_sandbox
}

async fn a_timeout_kills_the_tree(sandbox: &dyn Sandbox) {
    let shapes = [
        "sleep N",
        "sleep N & wait",
        "sleep N | sleep N; echo never",
        "(sleep N; echo never) & (sleep N); echo never",
        "y=$(sleep N); echo never",
        "cat <(sleep N)",
        "bash -c 'sleep N & exec sleep N'",
        "setsid sleep N & nohup sleep N & disown -a; sleep N",
        "(setsid bash -c '(sleep N &) ; exit' &) ; sleep N",
        "python3 -c 'import os,time\nif os.fork() == 0:\n os.setsid()\n if os.fork() == 0: os.execlp(\"sleep\", \"sleep\", \"N\")\n os._exit(0)\ntime.sleep(100)'",
        "trap '' TERM INT HUP; bash -c 'trap \"\" TERM INT HUP; sleep N; sleep N'",
        "env -i /bin/sleep N & sleep N",
        "while :; do sleep N; done",
        "set -m; sleep N & fg",
    ];
    ok(sandbox, "export x=kept").await;
    for shape in shapes {
        let needle = unique_sleep();
        let begun = Instant::now();
        let output = sandbox.exec(within(0.4, &shape.replace('N', &needle))).await.unwrap();
        assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_millis(400)), "{shape}: {output:?}");
        assert!(output.restarted, "{shape}: {output:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{shape}: {:?}", begun.elapsed());
        assert!(!output.output.contains("never"), "{shape}: {output:?}");
        assert_eq!(processes(&needle), 0, "{shape}");
        assert_eq!(ok(sandbox, "echo $x").await, "kept\n", "{shape}");
    }
}

async fn an_end_at_the_timeout_is_an_end(sandbox: &dyn Sandbox) {
    ok(sandbox, "export x=kept").await;
    for micros in (94_000..102_000).step_by(200) {
        let begun = Instant::now();
        let script = format!("sleep {}; echo 19", f64::from(micros) / 1e6);
        let output = sandbox.exec(within(0.1, &script)).await.unwrap();
        let ended = output.end == ExecEnd::Exited(0);
        assert!(if ended { output.output == "19\n" } else { output.restarted }, "{micros}: {output:?}");
        assert_eq!(ok(sandbox, "echo $x").await, "kept\n", "{micros}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{micros}: {:?}", begun.elapsed());
    }
}

async fn a_timeout_keeps_what_was_printed(sandbox: &dyn Sandbox) {
    let output = sandbox.exec(within(0.4, "echo begun; yes")).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_millis(400)));
    assert!(output.output.starts_with("begun\ny\ny\n") && output.output.ends_with("y\n"), "{}", output.output.len());
    assert!(output.omitted > 0 && output.output.len() < 1_100_000);
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
}

async fn silence_is_a_limit(sandbox: &dyn Sandbox) {
    let idle = Duration::from_millis(400);
    let chatty = within(20.0, "for i in 1 2 3 4 5 6; do echo $i; sleep 0.2; done").idle_timeout(idle);
    assert!(sandbox.exec(chatty).await.unwrap().success());
    let silent = within(20.0, "echo begun; sleep 100").idle_timeout(idle);
    let output = sandbox.exec(silent).await.unwrap();
    assert_eq!((output.end, output.output.as_str()), (ExecEnd::Silent(idle), "begun\n"));
    assert!(output.restarted);
}

async fn interrupts_work(sandbox: &dyn Sandbox) {
    let needle = unique_sleep();
    let interrupt = Interrupt::default();
    let command = within(30.0, &format!("echo begun; sleep {needle}")).interrupt(interrupt.clone());
    let (output, ()) = tokio::join!(sandbox.exec(command), async {
        wait_for(&needle, 1).await;
        interrupt.trigger();
    });
    let output = output.unwrap();
    assert_eq!((output.end, output.output.as_str()), (ExecEnd::Interrupted, "begun\n"));
    assert_eq!(processes(&needle), 0);
}

async fn stubborn_commands_end(sandbox: &dyn Sandbox) {
    ok(sandbox, "mkdir d; cd d; mkfifo fifo; x=1").await;
    for script in [
        "while :; do :; done",
        "read -r line </dev/zero",
        "read -r line <>fifo",
        "kill -STOP $$",
        "trap '' TERM EXIT; sleep 1000; while :; do :; done",
    ] {
        let begun = Instant::now();
        let output = sandbox.exec(within(0.4, script)).await.unwrap();
        assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_millis(400)), "{script}: {output:?}");
        assert!(begun.elapsed() < Duration::from_secs(4), "{script}: {:?}", begun.elapsed());
        assert!(output.restarted, "{script}: {output:?}");
        assert_eq!(ok(sandbox, "basename \"$PWD\"").await, "d\n", "{script}");
    }
}

async fn jobs_of_earlier_commands_are_spared(sandbox: &dyn Sandbox) {
    let (job, child, victim) = (unique_sleep(), unique_sleep(), unique_sleep());
    ok(sandbox, &format!("sleep {job} & (sleep 0.3; sleep {child}) & (setsid sleep {job} &)")).await;
    let output = sandbox.exec(within(0.6, &format!("sleep {victim} & sleep {victim}"))).await.unwrap();
    assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_millis(600)));
    assert_eq!((processes(&job), processes(&child), processes(&victim)), (2, 1, 0));
    run(sandbox, "exit 3").await;
    run(sandbox, "kill -9 $$").await;
    sandbox.exec(within(0.3, &format!("sleep {victim}"))).await.unwrap();
    assert_eq!((processes(&job), processes(&child), processes(&victim)), (2, 1, 0));
    sandbox.stop().await.unwrap();
    wait_for(&job, 0).await;
    wait_for(&child, 0).await;
}

async fn a_dropped_future_leaves_nothing(sandbox: &dyn Sandbox) {
    ok(sandbox, "export x=1").await;
    for fresh in [false, true] {
        let needle = unique_sleep();
        let script = format!("(setsid sleep {needle} &); sleep {needle} & sleep {needle}");
        let command = if fresh { Command::fresh(&script) } else { Command::new(&script) };
        let dropped = tokio::time::timeout(Duration::from_millis(900), sandbox.exec(command)).await;
        assert!(dropped.is_err(), "{dropped:?}");
        wait_for(&needle, 0).await;
        assert_eq!(run(sandbox, "echo $x").await.output, "1\n");
    }
    let queued = tokio::join!(sandbox.exec(within(10.0, "sleep 0.5")), async {
        let late = sandbox.exec(within(1.0, "touch ran"));
        tokio::time::timeout(Duration::from_millis(100), late).await
    });
    assert!(queued.0.is_ok() && queued.1.is_err());
    assert!(!ok(sandbox, "ls").await.contains("ran"));
}

async fn a_memory_hog_is_out_of_memory(sandbox: &dyn Sandbox) {
    ok(sandbox, "export x=1").await;
    let hog =
        "python3 -c 'import time\nhog = []\nwhile True: hog.append(bytearray(b\"x\" * 8_000_000)); time.sleep(0.01)'";
    let output = run(sandbox, hog).await;
    assert_eq!((output.end, output.exit_code()), (ExecEnd::OutOfMemory, 137), "{output:?}");
    assert_eq!(run(sandbox, "echo $x").await.output, "1\n");
    assert_eq!(run(sandbox, "kill -9 $$").await.end, ExecEnd::Exited(137), "no memory was short this time");
}

async fn nothing_outlives_the_sandbox(sandbox: &dyn Sandbox) {
    let needle = unique_sleep();
    ok(sandbox, &format!("sleep {needle} & (setsid sleep {needle} &); disown -a")).await;
    wait_for(&needle, 2).await;
    sandbox.stop().await.unwrap();
    wait_for(&needle, 0).await;
}
