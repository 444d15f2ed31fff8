//! A sweep on HyperQueue, whose command is stood in for by a script that notes how it was called and starts the
//! processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{Undisturbed, interrupt, kill, pilots, slow_model, wait_until};
use crate::program::Program;
use crate::sweep::{model_settings, results, write};

/// Takes the place of `hq`: submits, tells of a job, cancels it as the worker does, and knows of one job at a time.
const STAND_IN: &str = r#"#!/bin/sh
state=${0%/*}/state
mkdir -p "$state"
printf '%s\n' "$*" >>"$state/calls"
case "$*" in
*' submit '*)
    for word in "$@"; do
        case "$word" in
        --array=0-*) last=${word#--array=0-} ;;
        --name=*) echo "${word#--name=}" >"$state/name" ;;
        esac
    done
    while [ "$1" != -- ]; do shift; done
    shift
    rm -f "$state"/pid-*
    job=$(($(cat "$state/job" 2>/dev/null || echo 0) + 1))
    echo "$job" >"$state/job"
    for task in $(seq 0 "$last"); do
        HQ_JOB_ID=$job HQ_TASK_ID=$task setsid "$@" >/dev/null 2>&1 </dev/null &
        echo $! >"$state/pid-$task"
    done
    echo "$job"
    ;;
*' job info '*)
    running=0
    for file in "$state"/pid-*; do
        if kill -0 "$(cat "$file")" 2>/dev/null; then running=$((running + 1)); fi
    done
    printf '[{"info": {"id": %s, "name": "%s", "task_stats": {"running": %s, "finished": 0, "waiting": 0}}}]\n' \
        "$4" "$(cat "$state/name")" "$running"
    ;;
'job cancel '*)
    for file in "$state"/pid-*; do kill -INT "$(cat "$file")" 2>/dev/null; done
    ;;
esac
"#;

/// Returns a program that finds the stand-in.
fn program() -> Program {
    let program = Program::new();
    let folder = program.path("bin");
    fs::create_dir(&folder).unwrap();
    let hq = folder.join("hq");
    fs::write(&hq, STAND_IN).unwrap();
    fs::set_permissions(&hq, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    program.with("PATH", &path)
}

#[test]
fn a_sweep_on_hyperqueue_goes_on_when_its_tasks_have_ended() {
    let whole =
        Undisturbed::new(6, "engine: {kind: hyperqueue, pilots: 3, cpus: 1, memory: 1G, time: 10, restarts: 2}\n");
    let program = program();
    let coordinator = whole.start(&program);
    wait_until("all processes are at it", || pilots(&program).len() == 3);
    whole.wait_for(4, "a quarter is asked");
    let found = pilots(&program);
    let mut tasks: Vec<&str> = found.iter().map(|pilot| pilot.task.as_str()).collect();
    tasks.sort_unstable();
    assert_eq!(tasks, ["0", "1", "2"]);
    // A task that fails is not started again by HyperQueue, so that all of them are submitted again.
    found.iter().for_each(|pilot| kill(pilot.process));
    let said = whole.check(&program, coordinator, "three processes killed");
    assert!(
        said.contains("job 1 has ended, and") && said.contains("job 2: 3 processes of 2 episodes at once"),
        "{said}"
    );
    let run = program.path(".runs/s").canonicalize().unwrap().display().to_string();
    let calls = fs::read_to_string(program.path("bin/state/calls")).unwrap();
    let expected = format!(
        "--output-mode=quiet submit --directives=off --stdout=none --stderr=none --array=0-2 \
         --cwd={run} --crash-limit=3 --cpus=1 --resource=mem=1024 --time-limit=600s -- /bin/sh {run}/engine/pilot.sh"
    );
    // Each job has a name of its own, as its number may come to be another's.
    let mut names: Vec<&str> =
        calls.lines().filter_map(|line| line.split_once("--name=")?.1.split(' ').next()).collect();
    names.dedup();
    assert!(names.len() == 2 && names.iter().all(|name| name.starts_with("spotter-s-")), "{calls}");
    assert!(calls.lines().any(|line| line.replace(&format!("--name={} ", names[0]), "") == expected), "{calls}");
    let log = fs::read_to_string(program.path(".runs/s/engine/pilot-0.log")).unwrap();
    assert_eq!(log.matches("working on the sweep `s`").count(), 2, "{log}");
}

#[test]
fn an_interrupted_command_ends_its_tasks_on_hyperqueue_and_a_killed_one_finds_them_again() {
    interrupt(&program(), "engine: {kind: hyperqueue, pilots: 3}\n");
}

#[test]
fn processes_that_have_spent_the_budget_are_not_submitted_again() {
    let model = slow_model();
    let (_runtime, url) = model.serve();
    let program = program();
    let engine = "budget: {tokens: 60000}\nengine: {kind: hyperqueue, pilots: 2}\n";
    let text = format!("{}instances: {{dataset: demo}}\nsamples: 4\nworkers: 1\n{engine}", model_settings(&url));
    write(&program, "s.yaml", &text);
    let ran = program.run(&["sweep", "s.yaml"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("stopped: the budget is spent"), "{ran:?}");
    let calls = || fs::read_to_string(program.path("bin/state/calls")).unwrap().matches(" submit ").count();
    assert_eq!(calls(), 1, "{ran:?}");
    // They stop while there is too little left for one more request.
    let asked = model.count();
    assert!(asked * 2001 < 60_000, "{asked}");
    // Those that were begun ahead end for want of it as well.
    let of_budget = |result: &&String| result.contains("budget_spent");
    let done = || results(&program, "s").values().filter(|result| !of_budget(result)).count();
    assert!(done() < 12, "{ran:?}");
    // With a larger one the same command continues, though some had ended for want of it.
    write(&program, "s.yaml", &text.replace("60000", "1000000"));
    let ran = program.run(&["sweep", "s.yaml"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(calls(), 2, "{ran:?}");
    assert_eq!(done(), 12, "{ran:?}");
}
