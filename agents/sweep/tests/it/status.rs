//! How far runs have got.

use std::time::{SystemTime, UNIX_EPOCH};

use expect_test::{Expect, expect};
use journal::{CellDir, Lease};
use sweep::status::{Live, Status};

use crate::written_run::Written;

/// Looks at a run as if so many seconds had passed.
fn look(written: &Written, after: f64) -> Status {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    Status::read(&written.open("run"), "run", &mut Live::default(), now + after)
}

/// Checks what is shown, with this process and machine under other names.
fn check(status: &Status, expected: &Expect) {
    let mut status = status.clone();
    status.workers.iter_mut().for_each(|worker| (worker.machine, worker.process) = ("machine".to_owned(), 7));
    expected.assert_eq(&status.text());
}

#[test]
fn a_run_in_flight_is_told_with_who_works_on_it_and_what_broke() {
    let written = Written::new();
    let endings = "
        a__a-1 solved 10 1000 0.5\n a__a-2 unsolved 10 1000 0.5\n a__a-3 no_verdict 5 500 0.1\n a__a-4 error
        a__a-5 model_failed 1 100 0.01\n a__a-6 asked\n a__a-7 asked\n a__a-8 begun";
    written.cell("run", "codeact", endings);
    written.cell("run", "moatless", "a__a-1#3 begun\n a__a-2#3 unjudged 5 500 0.1\n a__a-3 dropped");
    let episode = |cell: CellDir, id: &str| cell.episode(id).unwrap();
    let first = episode(written.cell_dir("run", "codeact", 0), "a__a-8");
    let second = episode(written.cell_dir("run", "moatless", 3), "a__a-1");
    let judged = episode(written.cell_dir("run", "moatless", 3), "a__a-2");
    let line = |step: u64| {
        format!(
            "{{\"type\":\"completion\",\"step\":{step},\"completion\":{{\"usage\":{{\"prompt_tokens\":50,\
             \"completion_tokens\":1}},\"cost\":0.25}}}}\n"
        )
    };
    std::fs::write(first.file("trajectory.jsonl"), line(1) + &line(2) + "{\"type\":\"compl").unwrap();
    let status = look(&written, 1800.0);
    check(
        &status,
        &expect![[r#"
            cell      planned  done  solved  unsolved  infrastructure  unjudged  in flight
            codeact   8        5     1       1         3               0         1
            moatless  2        0     0       0         0               1         2
            all       10       5     1       1         3               1         3

            5 of 10 done, 10.0 an hour, left: 30m 00s; tokens: ≥3202, cost: ≥$1.7100

            machine  process  in flight
            machine  7        3

            slowest in flight  sample  cell      stage  for      turns  tokens  cost
            a__a-8             0       codeact   solve  30m 00s  2      102     $0.5000
            a__a-1             3       moatless  solve  30m 00s  -      -       -
            a__a-2             3       moatless  judge  30m 00s  -      -       -

            infrastructure  episodes  last    ago      error
            error           1         a__a-4  30m 00s  no image
            model failed    1         a__a-5  30m 00s  -
            no verdict      1         a__a-3  30m 00s  the engine�[31m died
        "#]],
    );
    let errors: Vec<(&str, usize)> =
        status.infrastructure.iter().map(|broken| (broken.kind.as_str(), broken.count)).collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(!status.is_done());
    drop((first, second, judged));
    let after = look(&written, 0.0);
    assert!(after.in_flight.is_empty() && after.workers.is_empty() && after.seconds_left.is_none(), "{after:?}");
}

#[test]
fn while_a_process_is_at_the_sweep_what_it_tries_again_is_not_done() {
    let written = Written::new();
    written.cell("run", "codeact", "a__a-1 solved 10 1000 0.5\n a__a-2 error\n a__a-3 error\n a__a-3 error");
    assert!(look(&written, 0.0).is_done());
    std::fs::write(written.folder("run").join("sweep.yaml"), "retries: {count: 1}\n").unwrap();
    let lease = Lease::take(&written.folder("run").join("leases/sweep.run")).unwrap().unwrap();
    let status = look(&written, 60.0);
    assert!(!status.is_done());
    check(
        &status,
        &expect![[r#"
        cell     planned  done  solved  unsolved  infrastructure  to retry  unjudged  in flight
        codeact  3        2     1       0         1               1         0         0

        2 of 3 done, - an hour, left: -; tokens: ≥1000, cost: ≥$0.5000

        infrastructure  episodes  last    ago     error
        error           2         a__a-3  1m 00s  no image
    "#]],
    );
    // Also where nothing is left to try again: the process writes its summaries.
    written.cell("run", "codeact", "a__a-2 solved");
    assert!(!look(&written, 0.0).is_done());
    drop(lease);
    assert!(look(&written, 0.0).is_done());
}

#[test]
fn what_the_budget_stopped_is_neither_done_nor_broken() {
    let written = Written::new();
    written.cell("run", "codeact", "a__a-1 budget_spent 3 300 0.1");
    std::fs::write(written.folder("run").join("codeact/config.yaml"), "evaluate: false\n").unwrap();
    let status = look(&written, 0.0);
    let cell = &status.cells[0];
    assert_eq!((cell.done, cell.infrastructure, cell.unjudged, cell.to_retry), (0, 0, 0, 0));
    assert!(!status.is_done() && status.infrastructure.is_empty());
    assert_eq!(status.spent.cost, Some(0.1));
}

#[test]
fn looking_writes_nothing_and_leaves_leases_of_dead_processes_out() {
    let written = Written::new();
    written.cell("run", "codeact", "a__a-1 begun\n a__a-2 asked");
    let leases = written.folder("run").join("leases/codeact");
    std::fs::create_dir_all(&leases).unwrap();
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let id = child.id();
    child.wait().unwrap();
    // As this process would write it, but for its id.
    let dir = written.cell_dir("run", "codeact", 0).episode("a__a-2").unwrap();
    let ours = std::fs::read_to_string(leases.join("a__a-2")).unwrap();
    let machine = ours.lines().next().unwrap().rsplitn(3, ' ').nth(2).unwrap().to_owned();
    drop(dir);
    std::fs::write(leases.join("a__a-1"), format!("{machine} {id} 1\n0\n")).unwrap();
    // Of another machine: one that is touched, and one that has not been for long.
    std::fs::write(leases.join("a__a-2"), "node7/boot/space 12 1\n0\n").unwrap();
    let before = listing(&written);
    let status = look(&written, 0.0);
    assert_eq!(
        status.in_flight.iter().map(|one| (one.machine.as_str(), one.process)).collect::<Vec<_>>(),
        [("node7", 12)]
    );
    let file = std::fs::File::options().append(true).open(leases.join("a__a-2")).unwrap();
    file.set_modified(SystemTime::now() - std::time::Duration::from_secs(500)).unwrap();
    assert!(look(&written, 0.0).in_flight.is_empty());
    assert_eq!(listing(&written), before);
}

fn listing(written: &Written) -> Vec<std::path::PathBuf> {
    let mut found = vec![written.folder("run")];
    let mut at = 0;
    while let Some(folder) = found.get(at) {
        let entries: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        found.extend(entries);
        at += 1;
    }
    found.sort();
    found
}
