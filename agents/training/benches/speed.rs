//! Trajectories to training data: imported, filtered, tokenised, written; beside the same with `datasets` and
//! `transformers`, in one run.
//!
//! `SPOTTER_PYTHON` names a Python with `datasets`, `jinja2`, `tokenizers` and `transformers`. `SPOTTER_TRAJECTORIES` says how many
//! trajectories of 40 messages are made, `SPOTTER_TOKENIZER` which folder has the tokenizer, else one is trained.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark may panic, and says aloud what it measures")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use journal::Run;
use serde_json::{Value, json};
use training::sft::{Order, Settings, Target, export};
use training::tokens::Counter;
use training::{Out, Target as Into, import};

/// As in `spotter`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGES: usize = 40;

fn main() {
    let Some(python) = std::env::var_os("SPOTTER_PYTHON") else {
        println!("skipped: SPOTTER_PYTHON names no Python with datasets, tokenizers and transformers");
        return;
    };
    let python = Path::new(&python);
    let number =
        |name: &str, default: usize| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let trajectories = number("SPOTTER_TRAJECTORIES", 10_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tokenizer =
        std::env::var_os("SPOTTER_TOKENIZER").map_or_else(|| folder.path().join("tokenizer"), PathBuf::from);
    if !tokenizer.join("tokenizer.json").is_file() {
        run(script(python).arg("tokenizer").arg(&tokenizer));
    }
    let rows = folder.path().join("rows.jsonl");
    let bytes = make(&rows, trajectories, &library(python));
    println!("{trajectories} trajectories of {MESSAGES} messages, {} MB", bytes / 1_000_000);
    let ours = ours(folder.path(), &rows, &tokenizer);
    println!("spotter: {ours}");
    let theirs = theirs(folder.path(), &rows, &tokenizer, python);
    println!("datasets and transformers: {theirs}");
    for what in ["rows", "tokens", "trained"] {
        assert_eq!(ours[what], theirs[what], "both make the same {what}");
    }
    let seconds = |told: &Value| told["seconds"].as_f64().expect("seconds");
    println!("{:.1} times as fast", seconds(&theirs) / seconds(&ours));
}

/// Imports, filters, tokenises and writes, and returns what it took.
fn ours(folder: &Path, rows: &Path, tokenizer: &Path) -> Value {
    // The peak from here on.
    fs::write("/proc/self/clear_refs", "5").expect("the peak of memory is set back");
    let begun = Instant::now();
    let into = Into { runs: folder.join("runs"), run: "r".to_owned(), cell: None };
    let counts = import(&[rows.to_owned()], &into, |_, _| ()).expect("imported");
    assert!(counts.iter().all(|counts| counts.errors.is_empty()), "{counts:?}");
    let imported = begun.elapsed().as_secs_f64();
    let counter = Counter::load(&tokenizer.join("tokenizer.json")).expect("a tokenizer");
    let settings =
        Settings { pretokenized: true, max_tokens: Some(32_768), order: Order::Sorted, ..Settings::new(Target::Trl) };
    let run = Run::open(&folder.join("runs/r")).expect("a run");
    let out = folder.join("ours");
    export(std::slice::from_ref(&run), &settings, &counter, Out::new(&out)).expect("exported");
    let seconds = begun.elapsed().as_secs_f64();
    let peak = peak_kib();
    let text = fs::read_to_string(out.join("train.jsonl")).expect("rows");
    let (mut lines, mut tokens, mut trained) = (0, 0, 0);
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let labels = row["labels"].as_array().expect("labels");
        lines += 1;
        tokens += labels.len();
        trained += labels.iter().filter(|label| **label != json!(-100)).count();
    }
    let phases = json!({ "import": imported, "export": seconds - imported });
    json!({ "seconds": seconds, "rows": lines, "tokens": tokens, "trained": trained, "peak_kib": peak, "phases": phases })
}

fn theirs(folder: &Path, rows: &Path, tokenizer: &Path, python: &Path) -> Value {
    let mut command = script(python);
    command.arg("export").arg(rows).arg(tokenizer).arg(folder.join("theirs.jsonl")).arg("2");
    command.env("HF_HOME", folder.join("cache")).env("HF_HUB_OFFLINE", "1");
    serde_json::from_str(run(&mut command).trim()).expect("JSON")
}

fn script(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed.py"));
    command
}

fn run(command: &mut Command) -> String {
    let output = command.stderr(std::process::Stdio::inherit()).output().expect("Python starts");
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Returns the lines of Python's own library, which observations show.
fn library(python: &Path) -> Vec<String> {
    let mut command = Command::new(python);
    command.args(["-c", "import sysconfig; print(sysconfig.get_paths()['stdlib'])"]);
    let root = PathBuf::from(run(&mut command).trim());
    let (mut folders, mut files) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("site-packages") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                files.push(path);
            }
        }
    }
    files.sort();
    let texts = files.iter().map(|path| String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned());
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Writes trajectories, nine of ten resolved, and returns how many bytes.
fn make(rows: &Path, trajectories: usize, lines: &[String]) -> u64 {
    let mut rng = fastrand::Rng::with_seed(42);
    let mut file = BufWriter::new(File::create(rows).expect("a file"));
    let shown = |rng: &mut fastrand::Rng, most: usize| {
        let (from, count) = (rng.usize(..lines.len() - most), rng.usize(1..=most));
        lines[from..from + count].join("\n")
    };
    let parameter = |text: &str| json!({ "type": "string", "description": text });
    let properties = json!({ "command": parameter("What the shell runs."), "path": parameter("A file.") });
    let parameters = json!({ "type": "object", "properties": properties });
    let tool = json!({ "name": "bash", "description": "Runs a command in a shell.", "parameters": parameters });
    let tools = json!([{ "type": "function", "function": tool }]).to_string();
    for number in 0..trajectories {
        let mut messages = vec![
            json!({ "role": "system", "content": shown(&mut rng, 60) }),
            json!({ "role": "user", "content": format!("Repair {number}.\n{}", shown(&mut rng, 60)) }),
        ];
        for step in 0..(MESSAGES - 2) / 2 {
            let id = format!("call-{number}-{step}");
            let arguments = json!({ "command": format!("sed -n 1,{}p {}", step, shown(&mut rng, 4)), "path": "a.py" });
            let call = json!({ "name": "bash", "arguments": arguments.to_string() });
            let calls = json!([{ "id": id, "type": "function", "function": call }]);
            let thought = format!("I look at this: {}", shown(&mut rng, 6));
            messages.push(json!({ "role": "assistant", "content": thought, "tool_calls": calls }));
            let observed = shown(&mut rng, 90);
            messages.push(json!({ "role": "tool", "content": observed, "tool_call_id": id, "name": "bash" }));
        }
        let patch = format!("diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+{number}\n");
        let row = json!({
            "instance_id": format!("owner__r{}-{number}", number % 50), "run_id": "synthetic", "resolved": number % 10 > 0,
            "messages": messages, "tools": tools, "test_result": { "git_patch": patch },
        });
        serde_json::to_writer(&mut file, &row).expect("written");
        file.write_all(b"\n").expect("written");
    }
    file.flush().expect("written");
    fs::metadata(rows).expect("a file").len()
}
