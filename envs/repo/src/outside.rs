//! The scripts of this crate for sandboxes that other programs start.
//!
//! Each is a line of a POSIX shell that runs bash. The first makes a repository ready before an agent sees it, the second
//! takes the patch afterwards; between them they keep the baseline in a folder of the sandbox.

use tool_core::shell_quote;

use crate::history::{BASELINE, CLEAN, LAYOUT, LISTING, NOTE, STRAY, VERIFY};
use crate::script::{PRELUDE, SNAPSHOT};

const CAPTURE: &str = include_str!("scripts/capture.sh");
const READY: &str = include_str!("scripts/outside_ready.sh");
const COLLECT: &str = include_str!("scripts/outside_collect.sh");
const COMMIT: &str = include_str!("scripts/commit.sh");

/// The largest patch that is taken, in bytes.
const LIMIT: u64 = 64 << 20;

/// Returns the command that does what [`prepare`](crate::history::prepare) does: the repository at `root` is put at
/// `base_commit`, and nothing of its future is left in reach. It ends with another code than 0 when it could not be.
pub fn ready_command(root: &str, base_commit: &str) -> String {
    let functions =
        function("clean", &[STRAY, CLEAN, "printf '%s\\n' \"$commit\" \"$keep_objects\" > \"$scratch/cleaned\"\n"])
            + &function("check", &[STRAY, LAYOUT, VERIFY])
            + &function("keep_baseline", &[SNAPSHOT, BASELINE, LISTING, NOTE]);
    command(root, base_commit, &[&functions, READY])
}

/// Returns the command that does what [`capture`](crate::capture::capture) does, and writes the patch to the file
/// `out`. Where [`ready_command`] has not run, the patch is taken against the base commit as the repository has it.
pub fn collect_command(root: &str, base_commit: &str, out: &str) -> String {
    let set = format!("out={}\nlimit={LIMIT}\n", shell_quote(out));
    command(root, base_commit, &[&set, &function("take", &[SNAPSHOT, CAPTURE]), COLLECT])
}

/// Returns the script that makes a repository of one commit of the files in the current folder. Names and dates are
/// fixed, so that the commit's id is the same everywhere.
pub fn commit_script() -> &'static str {
    COMMIT
}

/// Returns a bash function that runs scripts of this crate in a shell of their own.
fn function(name: &str, parts: &[&str]) -> String {
    format!("{name}() (\n{PRELUDE}{})\n", parts.concat())
}

fn command(root: &str, base_commit: &str, parts: &[&str]) -> String {
    let set = format!("root={}\nbase={}\n", shell_quote(root), shell_quote(base_commit));
    format!("bash -c {}", shell_quote(&(set + &parts.concat())))
}
