//! What commands can do to the processes of the harness in a container.

use std::time::{Duration, Instant};

use tool_core::ExecEnd;

use crate::suite::fixture::{Fixture, ok, run, unique_sleep, wait_for, within};

#[tokio::test]
#[ignore = "needs Docker"]
async fn files_move_though_jobs_fill_the_container() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    for _ in 0..2 {
        ok(&*sandbox, "for ((i = 0; i < 192; i++)); do sleep 1000 & done; disown -a").await;
        let begun = Instant::now();
        sandbox.write_file("f", b"text", None).await.unwrap();
        assert_eq!(sandbox.read_file("f").await.unwrap(), b"text");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(run(&*sandbox, "true").await.output.starts_with("[the processes in the background"));
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn whoever_reads_our_requests_is_got_round() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    ok(sandbox, "export x=1; for i in 1 2 3; do cat /proc/1/fd/50 >/dev/null & done; disown -a").await;
    for _ in 0..2 {
        let (begun, needle) = (Instant::now(), unique_sleep());
        let output = sandbox.exec(within(0.4, &format!("sleep {needle}"))).await.unwrap();
        assert_eq!(output.end, ExecEnd::TimedOut(Duration::from_millis(400)), "{output:?}");
        assert!(output.restarted, "{output:?}");
        wait_for(&needle, 0).await;
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
    assert_eq!(ok(sandbox, "kill -9 -1; sleep 0.6; echo $x").await, "1\n");
    assert_eq!(ok(sandbox, "sleep 0.6; echo $x").await, "1\n");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn files_move_though_the_scratch_folder_was_removed() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    sandbox.write_file("f", b"text", None).await.unwrap();
    for removal in ["rm -rf /.spotter", "rm -rf /.spotter; ln -s /tmp /.spotter"] {
        ok(&*sandbox, removal).await;
        assert_eq!(sandbox.read_file("f").await.unwrap(), b"text");
        sandbox.write_file("g/h", b"text", None).await.unwrap();
        sandbox.archive("g").await.unwrap();
        assert_eq!(ok(&*sandbox, "stat -c '%a %F' /.spotter").await, "700 directory\n");
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn memory_is_blamed_on_the_command_that_took_it() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    ok(&*sandbox, "python3 -c 'x = bytearray(600 << 20)'; true").await;
    assert_eq!(run(&*sandbox, "sh -c 'kill -9 $$'").await.end, ExecEnd::Exited(137));
    sandbox.stop().await.unwrap();
}
