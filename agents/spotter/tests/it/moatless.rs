//! Moatless and a model that knows the solution: both flows, both styles of calls.
//!
//! Everything is real that an answer goes through, from the first search to the counts of the verdict and the lines of the
//! patch.

use std::fs;
use std::time::Instant;

use crate::cases::{self, Case};
use crate::oracle::Oracle;
use crate::oracle::gold::Gold;
use crate::program::Program;

/// Changes that an episode may plan by default, the end of the work included.
const VISITS: usize = 8;

/// Solves instances in one flow with one style of calls.
fn check(cases: &[Case], program: &Program, flow: &str, style: &str) {
    let wrong: Vec<String> = cases.iter().filter_map(|case| wrong(case, program, flow, style)).collect();
    assert!(wrong.is_empty(), "{flow}, {style}:\n{}", wrong.join("\n\n"));
}

/// Returns what is wrong with an episode.
fn wrong(case: &Case, program: &Program, flow: &str, style: &str) -> Option<String> {
    let gold = Gold::parse(&case.patch);
    let oracle = Oracle::start(gold.clone(), &case.issue);
    let mut settings = vec![
        "model.name=oracle".to_owned(),
        format!("model.base_url={}", oracle.base_url()),
        format!("model.tool_calls={style}"),
        format!("moatless.flow={flow}"),
        "moatless.create_files=true".to_owned(),
    ];
    if gold.hunks.len() >= VISITS {
        settings.push(format!("moatless.max_visits={}", 2 * gold.hunks.len()));
        settings.push(format!("moatless.max_transitions={}", 6 * gold.hunks.len()));
    }
    let begun = Instant::now();
    let run = format!("{}-{flow}-{style}", case.id);
    let ran = case.run(program, &run, &["solve", "--agent", "moatless"], &settings);
    println!("{:<36} {flow:<8} {style:<7} {:3} queries {:6.1?}", case.id, oracle.asked(), begun.elapsed());
    case.unsolved(&ran).or_else(|| {
        // Tests do not see every line.
        let patch = fs::read_to_string(program.path(&format!(".runs/{run}/moatless/{}/patch.diff", case.id))).unwrap();
        let (found, wanted) = (Gold::parse(&patch).lines(), gold.lines());
        (found != wanted).then(|| format!("{}: the patch has the lines\n{found:#?}\nfor\n{wanted:#?}", case.id))
    })
}

fn check_demo(flow: &str, style: &str) {
    check(&cases::demo(), &Program::new(), flow, style);
}

fn check_registry(flow: &str, style: &str) {
    let cases: Vec<Case> = cases::of_registry().into_iter().map(|(_, case)| case).collect();
    check(&cases, &cases::program_of_registry(), flow, style);
}

#[test]
fn states_with_native_calls() {
    check_demo("states", "native");
}

#[test]
fn states_with_calls_as_json() {
    check_demo("states", "json");
}

#[test]
fn actions_with_native_calls() {
    check_demo("actions", "native");
}

#[test]
fn actions_with_calls_as_json() {
    check_demo("actions", "json");
}

#[test]
#[ignore = "needs registry images"]
fn states_with_native_calls_on_registry_instances() {
    check_registry("states", "native");
}

#[test]
#[ignore = "needs registry images"]
fn states_with_calls_as_json_on_registry_instances() {
    check_registry("states", "json");
}

#[test]
#[ignore = "needs registry images"]
fn actions_with_native_calls_on_registry_instances() {
    check_registry("actions", "native");
}

#[test]
#[ignore = "needs registry images"]
fn actions_with_calls_as_json_on_registry_instances() {
    check_registry("actions", "json");
}
