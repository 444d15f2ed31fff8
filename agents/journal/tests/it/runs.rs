//! Who works on a run, since when, and what another process reads of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::OutcomeClass;
use journal::{CellDir, Ended, Failed, Journal, Lease, Run, Subject};

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn ended() -> Ended {
    Ended {
        exit_status: "submitted".to_owned(),
        class: OutcomeClass::Submitted,
        error: None,
        spending: None,
        config: None,
    }
}

#[test]
fn who_works_on_which_episode_is_known_to_other_processes() {
    let folder = tempfile::tempdir().unwrap();
    let first = CellDir::create(folder.path(), "run", "cell").unwrap();
    let third = first.of_sample(2);
    // The name of a folder may be another than the id.
    first.ask(["b/1", "a"]).unwrap();
    third.ask(["a"]).unwrap();
    let began = now();
    let held = [first.episode("b/1").unwrap(), third.episode("a").unwrap()];
    let run = Run::open(&folder.path().join("run")).unwrap();
    let found = run.in_flight("cell");
    let keys: Vec<(&str, u32)> = found.iter().map(|one| (one.instance_id.as_str(), one.sample)).collect();
    assert_eq!(keys, [("a", 2), ("b/1", 0)]);
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for one in &found {
        assert_eq!((one.cell.as_str(), one.machine.as_str()), ("cell", machine.trim()));
        assert_eq!(one.process, std::process::id());
        assert!(one.taken.is_none_or(|taken| (began - 5.0..now() + 5.0).contains(&taken)), "{one:?}");
    }
    assert!(first.is_held("b/1") && third.is_held("a") && !first.is_held("a"));
    drop(held);
    assert!(run.in_flight("cell").is_empty() && !first.is_held("b/1"));
}

#[test]
fn a_lease_of_another_machine_is_held_while_it_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    CellDir::create(folder.path(), "run", "cell").unwrap().ask(["a"]).unwrap();
    let lease = run.join("leases/sweep");
    fs::create_dir_all(lease.parent().unwrap()).unwrap();
    fs::write(&lease, "elsewhere/boot/space 7 1\n0\n").unwrap();
    let run = Run::open(&run).unwrap();
    let touched = |seconds: u64| {
        let file = fs::File::options().append(true).open(&lease).unwrap();
        file.set_modified(SystemTime::now() - std::time::Duration::from_secs(seconds)).unwrap();
    };
    for (seconds, is_held) in [(0, true), (60, true), (180, false)] {
        touched(seconds);
        assert_eq!(run.is_held("sweep"), is_held, "after {seconds} s");
    }
    assert!(!run.is_held("another"));
}

#[test]
fn a_run_spans_from_its_first_episode_to_what_came_last() {
    let folder = tempfile::tempdir().unwrap();
    let cell_dir = CellDir::create(folder.path(), "run", "cell").unwrap();
    cell_dir.ask(["a", "b"]).unwrap();
    let run = Run::of(cell_dir.journal());
    assert_eq!(run.span(), None);
    let before = now();
    let dir = cell_dir.episode("a").unwrap();
    cell_dir.begin(&dir, "a").unwrap();
    let begun = run.episode("cell", "a", 0).unwrap().begun.unwrap();
    assert!(begun >= before && begun <= now());
    assert_eq!(run.span(), Some((begun, begun)));
    cell_dir.end(&dir, "a", ended()).unwrap();
    let came = run.episode("cell", "a", 0).unwrap().came.unwrap();
    assert!(came >= begun && came <= now());
    assert_eq!(run.span(), Some((begun, came)));
    assert_eq!(cell_dir.came("a"), Some(came));
    // An episode that runs on counts from its begin only.
    let dir = cell_dir.episode("b").unwrap();
    cell_dir.begin(&dir, "b").unwrap();
    assert_eq!(run.span(), Some((begun, came)));
}

#[test]
fn each_verdict_that_infrastructure_prevents_counts_until_someone_asks_again() {
    let folder = tempfile::tempdir().unwrap();
    let cell_dir = CellDir::create(folder.path(), "run", "cell").unwrap();
    let dir = cell_dir.episode("a").unwrap();
    let subject = || Subject { patch: "p".to_owned(), judging: "j".to_owned(), image: None };
    for count in 1..=3 {
        cell_dir.fail(&dir, "a", Failed { subject: subject(), error: "no disk".to_owned() }).unwrap();
        assert_eq!(cell_dir.failures("a"), count);
    }
    // Another process counts on.
    assert_eq!(CellDir::create(folder.path(), "run", "cell").unwrap().failures("a"), 3);
    cell_dir.retry("a").unwrap();
    assert_eq!(cell_dir.failures("a"), 0);
}

/// Writes what a version without a journal left of an episode.
fn write_earlier(cell: &Path, folder: &str) {
    fs::create_dir_all(cell.join(folder)).unwrap();
    fs::write(cell.join(folder).join("ended.json"), r#"{"exit_status": "submitted", "class": "submitted"}"#).unwrap();
}

#[test]
fn what_a_version_without_a_journal_left_has_its_ids_and_no_times() {
    let folder = tempfile::tempdir().unwrap();
    let cell = folder.path().join("run/cell");
    // Two ids that are no names of folders: one known by what was asked for, one by its prediction.
    write_earlier(&cell, "owner__repo-1");
    write_earlier(&cell, "owner__repo-2");
    fs::write(cell.join("asked.json"), r#"["owner/repo-1"]"#).unwrap();
    let prediction = r#"{"instance_id": "owner/repo-2", "model_name_or_path": "m", "model_patch": "x"}"#;
    fs::write(cell.join("preds.jsonl"), format!("{prediction}\n")).unwrap();
    let run = Run::open(&folder.path().join("run")).unwrap();
    let mut ids: Vec<String> = run.episodes("cell").into_iter().map(|episode| episode.instance_id).collect();
    ids.sort();
    assert_eq!(ids, ["owner/repo-1", "owner/repo-2"]);
    for id in &ids {
        let episode = run.episode("cell", id, 0).unwrap();
        assert_eq!(episode.ended, Some(ended()), "{id}");
        assert_eq!((episode.begun, episode.came), (None, None), "{id}");
    }
    assert_eq!(run.span(), None);
}

/// Returns the only file of a run's journal.
fn journal_file(run: &Path) -> PathBuf {
    let mut files = fs::read_dir(run.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert!(files.next().is_none());
    file
}

#[test]
fn a_journal_names_its_writer_and_what_is_no_journal_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    for (run, id) in [("run", "a"), ("another", "b")] {
        CellDir::create(folder.path(), run, "cell").unwrap().ask([id]).unwrap();
    }
    let [run, another] = ["run", "another"].map(|run| folder.path().join(run));
    // Files of several machines lie in one folder.
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let safe = machine.trim().replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.', "_");
    let name = journal_file(&run).file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, format!("{safe}-{}-1.jsonl", std::process::id()));
    let asked = || Run::open(&run).unwrap().asked("cell").into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    fs::copy(journal_file(&another), run.join("journal/b.jsonl.bak")).unwrap();
    assert_eq!(asked(), ["a"]);
    fs::copy(journal_file(&another), run.join("journal/b.jsonl")).unwrap();
    assert_eq!(asked(), ["a", "b"]);
}

#[test]
fn a_lease_in_a_place_that_takes_no_file_is_an_error_and_is_not_waited_for() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(Lease::take(Path::new("/proc/self/lease")).map(|lease| lease.is_some())));
    let taken = receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("it is not waited for");
    assert!(taken.unwrap_err().to_string().contains("cannot take the lease `/proc/self/lease`"));
}

#[test]
fn a_journal_in_a_place_that_takes_no_file_is_an_error_and_no_other_name_is_tried() {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let journal = Journal::open(Path::new("/proc/self")).unwrap();
        sender.send(journal.append("cell", Vec::new()))
    });
    let written = receiver.recv_timeout(std::time::Duration::from_secs(20)).expect("it is not waited for");
    assert!(format!("{:#}", written.unwrap_err()).contains("cannot write to the journal"));
}
