//! Programs that are killed after a while.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Returns instants over some time, spread evenly and out of order.
pub(crate) fn instants(count: u32, span: Duration) -> impl Iterator<Item = Duration> {
    (0..count).map(move |index| span * (index * 7919 % (count * 100)) / (count * 100))
}

/// Starts a program and kills it after a while, unless it ends before.
pub(crate) fn kill_after(mut command: Command, after: Duration) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < after && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
