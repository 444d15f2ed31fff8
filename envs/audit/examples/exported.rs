//! Audits what an engine has exported, and prints what it found and how fast that was.
//!
//! `docker export CONTAINER | cargo run --release -p audit --example exported -- GIT.tar ROOT INSTANCE BASE PATCH`, in which
//! `GIT.tar` is what `docker cp CONTAINER:ROOT/.git -` prints and `PATCH` is the file of the gold patch.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, Write, stdin, stdout};
use std::time::Instant;

use audit::{Base, Gold, Scan};
use env_core::Patch;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [git, root, instance_id, base_commit, patch] = arguments.as_slice() else {
        return Err("usage: exported GIT.tar ROOT INSTANCE BASE PATCH < IMAGE.tar".into());
    };
    let started = Instant::now();
    let base = Base::of_repository(BufReader::new(File::open(git)?), base_commit)?;
    let gold = Gold::new(Some(&Patch(fs::read_to_string(patch)?)));
    let mut scan = Scan::new(base, &gold, root, instance_id);
    scan.tar(BufReader::with_capacity(1 << 20, stdin()))?;
    let (findings, lines, seen) = scan.finish();
    let seconds = started.elapsed().as_secs_f64();
    let mut out = stdout().lock();
    for finding in &findings {
        writeln!(out, "{}", serde_json::to_string(finding)?)?;
    }
    let alarms = findings.iter().filter(|finding| finding.alarm).count();
    let gigabytes = seen.bytes as f64 / 1e9;
    writeln!(out, "{instance_id}: {alarms} alarms, {lines:?}")?;
    writeln!(out, "{seen:?}")?;
    writeln!(out, "{seconds:.1} s, {:.1} s a GB", seconds / gigabytes)?;
    Ok(())
}
