//! Standard output and standard error whose reader is slow, gone, or no terminal.

use std::fs;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::program::Program;

/// What Linux keeps of a pipe that nobody reads.
const PIPE: usize = 1 << 16;
/// Long enough for a busy machine; only a failure takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a pipe that is full, so that the next write to it waits.
fn full() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'x'; PIPE]).unwrap();
    (reader, writer)
}

#[test]
fn whoever_asks_for_traces_of_a_program_without_them_is_told_once() {
    let program = Program::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let ran = program.run(&["solve", "demo__lru-1"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // Built together with `spotter` it has them, and then nobody is at that port.
    let told = ["was built without traces", "the trace collector accepts no spans"]
        .map(|text| ran.stderr.matches(text).count());
    assert_eq!((told[0] + told[1], ran.stderr.matches("warning").count()), (1, 1), "{ran:?}");
}

fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < PATIENCE, "`{}` did not come", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns how a program ended; one that does not end is killed.
fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("the program did not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
}

/// Connects the streams of a command to a full pipe each, and returns the readers, which nobody reads.
fn fill(command: &mut Command, output: bool, error: bool) -> Vec<PipeReader> {
    let mut readers = Vec::new();
    for (is_full, is_output) in [(output, true), (error, false)] {
        let (reader, writer) = if is_full { full() } else { std::io::pipe().unwrap() };
        if is_output {
            command.stdout(writer)
        } else {
            command.stderr(writer)
        };
        readers.push(reader);
    }
    readers
}

#[test]
fn signals_end_a_run_whose_streams_are_full_and_its_sandboxes_are_removed() {
    for (signal, output, error) in [("INT", true, false), ("TERM", false, true), ("INT", true, true)] {
        let program = Program::new();
        let begun = program.path("begun");
        let bash = |command: &str| json!({ "calls": [{ "name": "bash", "arguments": { "command": command } }] });
        // The first command is told of before the second one runs.
        let turns = json!({ "turns": [bash("ls"), bash(&format!("touch {}; sleep 1000", begun.display()))] });
        fs::write(program.path("script.yaml"), turns.to_string()).unwrap();
        let script = ["-c", "model.provider=script", "-c", "model.path=script.yaml"];
        let mut command = program.command(&[&["solve", "demo__lru-1", "--run", "r"], &script[..]].concat());
        let _readers = fill(&mut command, output, error);
        let mut child = command.spawn().unwrap();
        drop(command);
        wait_for(&begun);
        send(signal, &child);
        assert_eq!(ended(&mut child).code(), Some(1), "{signal} {output} {error}");
        let left: Vec<_> = fs::read_dir(program.temporary()).unwrap().flatten().map(|entry| entry.path()).collect();
        assert!(left.is_empty(), "{signal} {output} {error}: {left:?}");
    }
}

#[test]
fn what_a_slow_reader_has_not_read_is_waited_for_until_a_signal() {
    let program = Program::new();
    for (run, signal) in [("read", None), ("left", Some("INT"))] {
        let mut command = program.command(&["evaluate", "-d", "demo", "-p", "gold", "--run", run]);
        let mut readers = fill(&mut command, true, false);
        let mut child = command.spawn().unwrap();
        drop(command);
        // All is done, and nothing is written.
        wait_for(&program.path(&format!(".runs/{run}/evaluate/summary.json")));
        match signal {
            Some(signal) => {
                send(signal, &child);
                assert_eq!(ended(&mut child).code(), Some(1));
            }
            None => {
                let mut read = String::new();
                readers[0].read_to_string(&mut read).unwrap();
                let lines: Vec<Value> = read[PIPE..].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                assert_eq!(lines.len(), 3);
                assert_eq!(ended(&mut child).code(), Some(0));
            }
        }
    }
}

#[test]
fn a_reader_that_went_away_costs_nothing() {
    let program = Program::new();
    let mut command = program.command(&["evaluate", "-d", "demo", "-p", "gold", "--run", "r"]);
    drop(fill(&mut command, false, false));
    let mut child = command.spawn().unwrap();
    assert_eq!(ended(&mut child).code(), Some(0));
    let summary = fs::read_to_string(program.path(".runs/r/evaluate/summary.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&summary).unwrap()["solved"], 3);
}

#[test]
fn what_cannot_be_written_is_told() {
    let program = Program::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = program.command(&["instances", "-d", "demo"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: cannot write to standard output: "), "{said}");
}

#[test]
fn there_are_no_colours_in_a_pipe() {
    for (name, value) in [("TERM", "xterm-256color"), ("NO_COLOR", ""), ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")] {
        let program = Program::new().with(name, value);
        for arguments in [
            // Told by `tracing`, by clap, and by the help.
            &[
                "-vv",
                "solve",
                "demo__lru-1",
                "-c",
                "model.base_url=http://127.0.0.1:9/v1",
                "--model",
                "m",
                "-c",
                "model.retry.max_elapsed=0",
            ][..],
            &["solve"],
            &["--nothing"],
            &["--help"],
        ] {
            let ran = program.run(arguments);
            assert!(!ran.stderr.contains('\u{1b}') && !ran.stdout.contains('\u{1b}'), "{name}={value}: {ran:?}");
        }
    }
}

#[test]
fn ten_instances_take_little_of_standard_output_and_the_reports_are_there_when_asked_for() {
    let program = Program::new();
    let command = ["evaluate", "-d", "demo", "-p", "gold", "--run", "r"];
    let ran = program.run(&command);
    assert!(ran.stdout.lines().all(|line| line.len() < 320), "{ran:?}");
    let names = ["demo__durations-1", "demo__lru-1", "demo__tables-1"];
    for id in names {
        let (line, report) = (ran.line(id), ran.report(id));
        assert_eq!(line["resolved"], report["resolved"]);
        let passed = report["tests_status"]["FAIL_TO_PASS"]["success"].as_array().unwrap().len();
        assert_eq!(line["fail_to_pass"], json!([passed, passed]));
        assert!(ran.stderr.contains(&format!("\n{id}")), "{ran:?}");
    }
    let whole = program.run(&[&command[..], &["--reports"]].concat());
    for id in names {
        assert_eq!(whole.printed_report(id), ran.report(id));
    }
}
