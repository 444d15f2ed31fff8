//! Many instances at once come to what they come to one by one.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::cases::{self, Case};
use crate::oracle::Oracle;
use crate::oracle::gold::Gold;
use crate::program::{Program, Ran};

/// Settings that let the agent make large changes, too.
const WIDE: [&str; 3] = ["moatless.create_files=true", "moatless.max_visits=100", "moatless.max_transitions=300"];

/// Returns what a run came to: the line on each instance without its time, in the order of the lines, and the files of
/// the cell.
fn came_to(program: &Program, run: &str, ran: &Ran) -> Vec<String> {
    let lines = ran.stdout.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        line["seconds"] = Value::Null;
        line.to_string()
    });
    let read = |name: &str| fs::read_to_string(program.path(&format!(".runs/{run}/moatless/{name}"))).unwrap();
    let mut all: Vec<String> = lines.chain(read("preds.jsonl").lines().map(str::to_owned)).collect();
    all.sort();
    all.extend(["report.json", "summary.json"].map(read));
    all
}

/// Solves the instances in both flows, one by one and by eight workers, and compares.
fn check(name: &str, cases: &[Case], program: &Program) {
    let tasks = cases.iter().map(|case| (Gold::parse(&case.patch), case.issue.clone())).collect();
    let oracle = Oracle::of(tasks);
    for flow in ["states", "actions"] {
        let solve = |workers: &str| {
            let (begun, run) = (Instant::now(), program.free_run());
            let mut arguments: Vec<String> =
                ["solve", "--agent", "moatless", "--run", &run, "--workers", workers].map(str::to_owned).into();
            arguments.extend(cases.iter().map(|case| case.id.clone()));
            let model = [
                "model.name=oracle".to_owned(),
                format!("model.base_url={}", oracle.base_url()),
                format!("moatless.flow={flow}"),
            ];
            let layers = cases[0].layers.iter().cloned().chain(model).chain(WIDE.map(str::to_owned));
            arguments.extend(layers.flat_map(|layer| ["-c".to_owned(), layer]));
            let ran = program.run(&arguments);
            assert_eq!(ran.code, Some(0), "{ran:?}");
            println!("{name}, {flow}: {} instances by {workers} in {:.1?}", cases.len(), begun.elapsed());
            came_to(program, &run, &ran)
        };
        let (one, eight) = (solve("1"), solve("8"));
        let solved = one.iter().filter(|line| line.contains("\"resolved\":true")).count();
        assert_eq!(solved, cases.len(), "{one:#?}");
        assert_eq!(one, eight);
    }
}

#[test]
fn eight_workers_come_to_what_one_comes_to() {
    check("demo", &cases::demo(), &Program::new());
}

#[test]
#[ignore = "needs registry images"]
fn eight_workers_come_to_what_one_comes_to_on_registry_instances() {
    let program = cases::program_of_registry();
    for dataset in cases::DATASETS {
        let of_dataset = cases::of_registry().into_iter().filter(|(name, _)| *name == dataset);
        let cases: Vec<Case> = of_dataset.map(|(_, case)| case).collect();
        assert!(!cases.is_empty(), "no image of `{dataset}` is there");
        check(dataset, &cases, &program);
    }
}
