//! Grades logs as fast as it can: `grade_logs <tasks.jsonl> [<threads>]`, for measuring.
//!
//! Each line of the tasks holds `log`, `repo` and `dialect`; with `FAIL_TO_PASS` the log is graded by that list, without
//! it all tests of the log are read. Prints how many logs count and how many tests they hold.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};

use env_core::Dialect;
use grading::{EvalType, GradingSpec, Parser, grade, read_log};
use serde::Deserialize;

#[derive(Deserialize)]
struct Task {
    log: String,
    repo: String,
    dialect: Dialect,
    #[serde(rename = "FAIL_TO_PASS")]
    fail_to_pass: Option<Vec<String>>,
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let tasks = std::fs::read_to_string(args.next().ok_or("which tasks?")?)?;
    let threads: usize = args.next().map_or(Ok(1), |threads| threads.parse())?;
    let tasks = tasks.lines().map(serde_json::from_str).collect::<Result<Vec<Task>, _>>()?;
    let (next, counting, tests) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> std::io::Result<()> {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(found) = run(task)? {
                counting.fetch_add(1, Ordering::Relaxed);
                tests.fetch_add(found, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Ok(())))
    })?;
    println!("{} logs count of {}, with {} tests", counting.into_inner(), tasks.len(), tests.into_inner());
    Ok(())
}

/// Returns how many tests were read or, by a list, passed; nothing when the log does not count.
fn run(task: &Task) -> std::io::Result<Option<usize>> {
    let Some(parser) = Parser::for_repo(&task.repo) else { return Ok(None) };
    let log = File::open(&task.log)?;
    let Some(fail_to_pass) = task.fail_to_pass.clone() else {
        return Ok(read_log(log, parser, task.dialect)?.statuses.ok().map(|map| map.len()));
    };
    let eval_type = EvalType::PassAndFail;
    let spec = GradingSpec { dialect: task.dialect, parser, eval_type, fail_to_pass, pass_to_pass: Vec::new() };
    Ok(grade(log, &spec)?.report.tests_status.map(|tests| tests.fail_to_pass.success.len()))
}
