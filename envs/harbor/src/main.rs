//! Judges the patch that an agent handed in, in the sandbox of a verifier: `spotter-grader TESTS LOGS [ROOT]`.
//!
//! `TESTS` is the folder of the task's tests, `LOGS` the one of its logs, `ROOT` where the repository is, if it is not
//! where the task says.

use std::path::PathBuf;
use std::process::ExitCode;

use harbor::grader::{Places, run};

#[expect(clippy::print_stderr, reason = "it is a program of its own, without a console")]
fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(tests), Some(logs)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: spotter-grader TESTS LOGS [ROOT]");
        return ExitCode::from(2);
    };
    match run(&Places { tests, logs, root: arguments.next() }) {
        Ok(untold) => {
            untold.iter().for_each(|what| eprintln!("spotter-grader: {what}"));
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("spotter-grader: {reason}");
            ExitCode::FAILURE
        }
    }
}
