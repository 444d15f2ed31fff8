//! A sweep on Kubernetes, whose command is stood in for by a script that runs the processes of a job on this machine. That
//! the job is one which a cluster takes is checked by its types alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::program::Program;

/// Takes the place of `kubectl`: creates a job from what it is told of one, tells of it, deletes it.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import json, os, pathlib, subprocess, sys
state, arguments = pathlib.Path(__file__).parent / "state", sys.argv[1:]
state.mkdir(exist_ok=True)
with open(state / "calls", "a") as calls:
    print(*arguments, file=calls)
if "create" in arguments:
    lines = pathlib.Path(arguments[arguments.index("--filename") + 1]).read_text().splitlines()
    value = lambda key: next(line.split(": ", 1)[1] for line in lines if line.strip().startswith(key + ": "))
    script = next(line for line in lines if line.strip().startswith("exec ")).strip()
    for index in range(int(value("completions"))):
        variables = {**os.environ, "JOB_COMPLETION_INDEX": str(index)}
        log = open(state / f"log-{index}", "w")
        process = subprocess.Popen(["/bin/sh", "-c", script], env=variables, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        (state / f"pid-{index}").write_text(str(process.pid))
    print(value("generateName") + "x7k2p", end="")
elif "get" in arguments:
    alive = [pid for pid in state.glob("pid-*") if os.path.exists(f"/proc/{pid.read_text()}")]
    done = [{"type": "Complete", "status": "True"}] if not alive else []
    print(json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": arguments[4]}, "status": {"active": len(alive), "ready": len(alive), "conditions": done}}))
"#;

#[test]
fn a_sweep_on_kubernetes_is_shown_and_run_by_kubectl() {
    let program = Program::new();
    let (bin, run) = (program.path("bin"), program.path(""));
    fs::create_dir(&bin).unwrap();
    fs::write(bin.join("kubectl"), STAND_IN).unwrap();
    fs::set_permissions(bin.join("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let program = program.with("PATH", path.into());
    let own =
        format!("{{image: 'spotter:1', claim: runs, namespace: lab, program: '{}'}}", env!("CARGO_BIN_EXE_spotter"));
    let engine = format!("engine: {{kind: kubernetes, pilots: 2, kubernetes: {own}}}\n");
    fs::write(program.path("s.yaml"), format!("instances: {{dataset: demo}}\nsamples: 2\n{engine}")).unwrap();

    let shown = program.run(&["sweep", "s.yaml", "--dry-run"]);
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    // The plan is told, so that what is printed can be handed on.
    assert!(shown.stdout.starts_with("apiVersion: batch/v1\nkind: Job\n"), "{}", shown.stdout);
    assert!(shown.stdout.contains("completions: 2") && shown.stderr.contains("6 episodes"), "{}", shown.stderr);
    assert!(!program.path(".runs").exists());

    let ran = program.run(&["sweep", "s.yaml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("job spotter-s-x7k2p: 2 processes"), "{}", ran.stderr);
    assert!(ran.stderr.contains("6 solved"), "{}", ran.stderr);
    let calls = fs::read_to_string(bin.join("state/calls")).unwrap();
    let yaml = run.canonicalize().unwrap().join(".runs/s/engine/kubernetes.yaml");
    let create = format!("--namespace lab create --filename {} --output=jsonpath={{.metadata.name}}", yaml.display());
    assert!(calls.lines().any(|line| line == create), "{calls}");
    assert!(calls.contains("--namespace lab get job spotter-s-x7k2p --output=json"), "{calls}");
    assert_eq!(fs::read_to_string(yaml).unwrap(), shown.stdout);
    let kept: Value =
        serde_json::from_str(&fs::read_to_string(program.path(".runs/s/engine/kubernetes.json")).unwrap()).unwrap();
    assert_eq!(kept["job"], "spotter-s-x7k2p");
}
