//! Commands that fill the disk.

use tool_core::{ExecEnd, SandboxConfig, Size};

use super::fixture::{Fixture, by_themselves, config, ok, run, within};

by_themselves! { a_sandbox_that_is_full_ends_what_fills_it }

/// Writes 40 MiB several times a second, on and on.
const WRITES: &str = "echo mended > kept; for n in $(seq 100); do head -c 40m /dev/zero > big.$n; sleep 0.1; done";

async fn a_sandbox_that_is_full_ends_what_fills_it() {
    let fixture = Fixture::with(SandboxConfig { disk: Size(100 << 20), ..config() }).await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    let output = sandbox.exec(within(60.0, WRITES)).await.unwrap();
    if output.end == ExecEnd::Exited(0) || output.output.contains("No space left on device") {
        // The engine's storage keeps the limit itself.
        assert!(output.output.contains("No space left on device"), "{output:?}");
    } else {
        assert_eq!(output.end, ExecEnd::DiskFull, "{output:?}");
    }
    assert_eq!(ok(sandbox, "cat kept").await, "mended\n");
    let held: u64 = ok(sandbox, "du -sm . | cut -f 1").await.trim().parse().unwrap();
    assert!((64..2000).contains(&held), "{held} MiB are held");
    // Who cleans up is left alone, and then there is room again.
    assert!(run(sandbox, "rm big.*; sleep 1.5").await.success());
    assert!(run(sandbox, "head -c 40m /dev/zero > big; sleep 1.5; rm big").await.success());
    sandbox.stop().await.unwrap();
}
