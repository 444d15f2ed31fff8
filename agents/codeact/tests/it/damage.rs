//! Sweeps whose run folder is damaged, full or cannot be written to.
//!
//! `SPOTTER_LONG=1` cuts the journal at every byte of its last record instead of at a few.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::program::Program;
use crate::sweep::{Model, answers, model_settings, ok, results, solution, write};

const SWEEP: &str = "instances: {dataset: demo}\nsamples: 4\nworkers: 3\nname: damaged\n\
    retries: {count: 1, wait: 0.2}\n";

fn model() -> Model {
    Model { patch: Arc::new(Mutex::new(solution())), ..Model::default() }
}

fn run(name: &str, arguments: &[&str], path: &Path) {
    let done = Command::new(name).args(arguments).arg(path).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A file system in memory for the run folders of a program.
struct Mounted(PathBuf);

impl Mounted {
    fn new(program: &Program, kilobytes: u64) -> Self {
        let path = program.path(".runs");
        fs::create_dir(&path).unwrap();
        run("mount", &["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "none"], &path);
        Self(path)
    }

    fn change(&self, options: &str) {
        run("mount", &["-o", &format!("remount,{options}")], &self.0);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_journal_cut_in_its_last_record_costs_no_answer() {
    let model = model();
    let (_runtime, url) = model.serve();
    let text = format!("{}instances: {{dataset: demo}}\nname: damaged\n", model_settings(&url));
    let whole = Program::new();
    write(&whole, "s.yaml", &text);
    ok(&whole.run(&["sweep", "s.yaml"]));
    let (expected, asked) = (results(&whole, "damaged"), model.count());
    let journal = |program: &Program| {
        let folder = program.path(".runs/damaged/journal");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    };
    let bytes = fs::read(journal(&whole)).unwrap();
    let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let is_long = std::env::var_os("SPOTTER_LONG").is_some_and(|value| value == "1");
    let step = if is_long { 1 } else { (bytes.len() - last) / 5 };
    for end in (last..bytes.len()).step_by(step) {
        let program = Program::new();
        write(&program, "s.yaml", &text);
        run("cp", &["-r", &whole.path(".runs").display().to_string()], program.folder.path());
        fs::write(journal(&program), &bytes[..end]).unwrap();
        let ran = program.run(&["sweep", "s.yaml"]);
        ok(&ran);
        assert_eq!(results(&program, "damaged"), expected, "cut at {end}: {ran:?}");
        assert_eq!(model.count(), asked, "cut at {end}: {ran:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_ends_a_sweep_and_costs_no_answer_that_was_kept() {
    let model = model();
    let (_runtime, url) = model.serve();
    let undisturbed = Program::new();
    let text = format!("{}{SWEEP}", model_settings(&url));
    write(&undisturbed, "s.yaml", &text);
    ok(&undisturbed.run(&["sweep", "s.yaml"]));
    let needed = model.count();
    for kilobytes in [40, 120, 200] {
        let program = Program::new();
        let disk = Mounted::new(&program, kilobytes);
        write(&program, "s.yaml", &text);
        let ran = program.run(&["sweep", "s.yaml"]);
        assert_eq!(ran.code, Some(1), "{kilobytes} KB: {ran:?}");
        assert!(ran.stderr.contains("No space left on device"), "{kilobytes} KB: {ran:?}");
        let (kept, before) = (answers(&program), model.count());
        disk.change("size=100m");
        let ran = program.run(&["sweep", "s.yaml"]);
        ok(&ran);
        assert_eq!(results(&program, "damaged"), results(&undisturbed, "damaged"), "{kilobytes} KB: {ran:?}");
        assert!(kept.is_subset(&answers(&program)), "{kilobytes} KB: answers are lost");
        // Nothing that was kept is asked for again.
        assert_eq!(model.count() - before, needed - kept.len(), "{kilobytes} KB: {ran:?}");
    }
}

#[test]
#[ignore = "needs root"]
fn a_folder_that_cannot_be_written_to_is_refused_before_a_model_is_asked() {
    let model = model();
    let (_runtime, url) = model.serve();
    let program = Program::new();
    let disk = Mounted::new(&program, 100_000);
    write(&program, "s.yaml", &format!("{}{SWEEP}", model_settings(&url)));
    disk.change("ro");
    let refused = |asked: usize| {
        let ran = program.run(&["sweep", "s.yaml"]);
        assert!(ran.code.is_some_and(|code| code > 0), "{ran:?}");
        assert!(ran.stderr.contains("Read-only file system") && ran.stderr.contains(".runs"), "{ran:?}");
        assert_eq!(model.count(), asked, "{ran:?}");
    };
    refused(0);
    disk.change("rw");
    let mut child = program.start(&["sweep", "s.yaml"]);
    while model.count() < 12 {
        assert!(child.try_wait().unwrap().is_none(), "the sweep ended early");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    disk.change("ro");
    refused(model.count());
    disk.change("rw");
    ok(&program.run(&["sweep", "s.yaml"]));
    assert_eq!(results(&program, "damaged").len(), 12);
}
