//! Processes killed at any instant.

use std::fs;
use std::time::Duration;

use agent_core::Trajectory;

use crate::live::{Recorded, serve};
use crate::program::Program;

/// Instants over the life of a run, spread evenly and shifted by an odd amount so that they fall between its stages.
fn instants(count: u64, span: Duration) -> impl Iterator<Item = Duration> {
    (0..count).map(move |index| {
        (span * u32::try_from(index * 7919 % (count * 100)).unwrap()) / u32::try_from(count * 100).unwrap()
    })
}

#[test]
fn killed_at_any_instant_a_run_reads_and_the_same_command_finishes_it() {
    let recorded = Recorded::default();
    let (_runtime, url) = serve(&recorded, Duration::from_millis(20));
    let program = Program::new().with("OPENAI_BASE_URL", &url);
    let arguments = ["solve", "demo__lru-1", "--run", "killed", "--model", "gpt-4o", "-c", "model.retry.max_elapsed=3"];
    for (index, instant) in instants(8, Duration::from_millis(1600)).enumerate() {
        let mut child = program.start(&arguments);
        std::thread::sleep(instant);
        child.kill().unwrap();
        child.wait().unwrap();
        for name in ["trajectory.jsonl", "trajectory.resumed.jsonl"] {
            for path in program.found(name) {
                let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
                Trajectory::parse(&text).unwrap_or_else(|err| panic!("killed the {index}th time: {err}"));
            }
        }
    }
    let ran = program.run(&arguments);
    assert_eq!(ran.report("demo__lru-1")["resolved"], true, "{ran:?}");
    let answers = demo::episode("demo__lru-1", "codeact").unwrap().matches("\"type\":\"completion\"").count();
    let mut asked = recorded.asked.lock().unwrap().clone();
    asked.sort_unstable();
    // Killed while an answer was on its way, a run asks for it again; one that had arrived is never paid twice. Each
    // kill can cost one answer at most.
    assert!(asked.len() <= answers + 8, "{} answers were asked for {} times: {asked:?}", answers, asked.len());
    let clean = program.run(&["clean"]);
    assert_eq!(clean.code, Some(0), "{clean:?}");
    let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn ctrl_c_and_sigterm_leave_nothing_behind() {
    for signal in ["INT", "TERM"] {
        let recorded = Recorded::default();
        let (_runtime, url) = serve(&recorded, Duration::from_secs(30));
        let program = Program::new().with("OPENAI_BASE_URL", &url);
        let child = program.start(&["solve", "demo__lru-1", "--model", "gpt-4o"]);
        // The sandbox is there once the first answer was asked for.
        while recorded.asked.lock().unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(fs::read_dir(program.temporary()).unwrap().next().is_some());
        let killed = std::process::Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "SIG{signal} left {left:?}");
    }
}
