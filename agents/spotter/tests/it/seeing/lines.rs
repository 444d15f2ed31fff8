//! What a sweep says on standard error: to a file, to a program, to a terminal.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::{Server, sweep};

const KEY: (&str, &str) = ("OPENAI_API_KEY", "k-1234567890");

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let model = Server::model(Duration::ZERO);
    let program = sweep(&model);
    let output = program.command(&["sweep", "seen.yaml", "-v"]).env(KEY.0, KEY.1).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "{text:?}");
    for line in ["sweep `seen`: 2 cells, 8 episodes, 3 at once", "[8/8] demo__", "2 of 2 cells done", "24 steps ("] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

#[test]
fn as_json_each_line_is_an_object_that_names_its_item() {
    let model = Server::model(Duration::ZERO);
    let program = sweep(&model);
    let output = program.command(&["sweep", "seen.yaml", "-vv", "--log", "json"]).env(KEY.0, KEY.1).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        for key in ["timestamp", "level", "target", "message"] {
            assert!(line[key].is_string(), "no `{key}` in {line}");
        }
        let is_of_item = |event: &str| !["planned", "queued", "finished", "progress"].contains(&event);
        if line["event"].as_str().is_some_and(is_of_item) {
            let id = format!(
                "{}/{}/{}",
                line["cell"].as_str().unwrap(),
                line["instance_id"].as_str().unwrap(),
                line["sample"]
            );
            assert_eq!(line["item"], id, "{line}");
        }
    }
    let of = |event: &'static str| lines.iter().filter(move |line| line["event"] == event);
    let count = |event: &'static str| of(event).count();
    assert_eq!([count("planned"), count("queued"), count("finished")], [1, 1, 1], "{text}");
    assert_eq!([count("started"), count("ended"), count("answered"), count("called")], [8, 8, 24, 24], "{text}");
    let items: BTreeSet<&str> = of("ended").map(|line| line["item"].as_str().unwrap()).collect();
    assert!(items.len() == 8 && items.contains("codeact+temperature=0.5/demo__lru-1/1"), "{items:?}");
    assert!(of("ended").all(|line| line["ending"] == "unsolved" && line["seconds"].is_f64()), "{text}");
    assert!(of("answered").all(|line| line["step"].is_u64() && line["input_tokens"].as_u64() >= Some(1000)), "{text}");
    // What is said by the parts below names the item that they are at.
    let engine = ["engine", "progress", "console"];
    let below = lines.iter().filter(|line| !engine.contains(&line["target"].as_str().unwrap()));
    assert!(below.filter(|line| line["item"].is_string()).count() > 0, "{text}");
    let last = of("progress").next_back().unwrap();
    assert_eq!((&last["done"], &last["total"], &last["cells_done"]), (&8.into(), &8.into(), &2.into()), "{last}");
    assert_eq!(
        (&last["steps"], &last["tokens"]),
        (&24.into(), &(8 * (1000 + 1010 + 1020 + 7 + 8 + 9)).into()),
        "{last}"
    );
}

#[test]
fn the_log_has_its_format_wherever_the_argument_stands() {
    let program = crate::program::Program::new();
    fs::write(program.path("log"), "").unwrap();
    let cases: [&[&str]; 3] = [
        &["--log", "json", "solve", "nothing"],
        &["solve", "nothing", "--log", "json"],
        &["--log=json", "grade", "--log", "log", "--instance", "nothing"],
    ];
    for arguments in cases {
        let ran = program.run(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let line: Value = serde_json::from_str(ran.stderr.trim_end()).unwrap_or_else(|err| panic!("{err}: {ran:?}"));
        assert_eq!(line["level"], "error", "{ran:?}");
    }
}

#[test]
fn on_a_terminal_a_block_of_figures_is_drawn_anew() {
    let model = Server::model(Duration::from_millis(400));
    let program = sweep(&model);
    // It gives the program a terminal, and copies what is written there.
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &format!("'{}' sweep seen.yaml", env!("CARGO_BIN_EXE_spotter")), "/dev/null"]);
    terminal.current_dir(program.path("")).env(KEY.0, KEY.1).env("TERM", "xterm").env("HOME", program.path(""));
    let output = terminal.output().expect("`script` of util-linux gives a terminal");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for part in ["/8 ", "0 unsolved", "of 2 cells done, ", " under way", " tokens (", "demo__lru-1/0  step 1", "left"] {
        assert!(text.contains(part), "no `{part}` in {text:?}");
    }
    // The cursor goes up, and lines are cleared.
    assert!(text.matches("\u{1b}[2K").count() > 5 && text.contains("A\r\u{1b}[2K"), "{text:?}");
    // Nothing of the block is left at the end.
    let (_, end) = text.rsplit_once("\u{1b}[2K").unwrap();
    assert!(end.contains("8 unsolved") && !end.contains("under way"), "{end:?}");
}
