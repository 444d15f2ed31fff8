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

/// Registry instances that are enough as a rule: a large repository, small ones, several files.
const FEW: [&str; 4] = ["pallets__flask-5014", "psf__requests-6028", "django__django-16485", "getmoto__moto-7365"];

/// How the agent works.
#[derive(Clone, Copy)]
pub(crate) enum Flow {
    States,
    Actions,
}

/// How calls travel.
#[derive(Clone, Copy)]
pub(crate) enum Style {
    Native,
    Json,
}

/// Runs an episode and says what is wrong with it.
pub(crate) fn solve(
    case: &Case,
    program: &Program,
    (flow, style): (Flow, Style),
    more: &[String],
) -> Result<(), String> {
    let flow = if let Flow::States = flow { "states" } else { "actions" };
    let style = if let Style::Native = style { "native" } else { "json" };
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
    settings.extend_from_slice(more);
    let (begun, run) = (Instant::now(), program.free_run());
    let ran = case.run(program, &run, &["solve", "--agent", "moatless"], &settings);
    println!("{:<36} {flow:<8} {style:<7} {:3} queries {:6.1?}", case.id, oracle.asked(), begun.elapsed());
    case.check_solved(&ran).map_err(|why| format!("{flow}, {style}: {why}"))?;
    // Tests do not see every line.
    let patch = fs::read_to_string(program.path(&format!(".runs/{run}/moatless/{}/patch.diff", case.id))).unwrap();
    let (found, wanted) = (Gold::parse(&patch).lines(), gold.lines());
    let is_same = found == wanted;
    is_same.then_some(()).ok_or_else(|| format!("{}: the patch has the lines\n{found:#?}\nfor\n{wanted:#?}", case.id))
}

/// Solves instances in one flow with one style of calls.
fn check(cases: &[Case], program: &Program, kind: (Flow, Style)) {
    let wrong: Vec<String> = cases.iter().filter_map(|case| solve(case, program, kind, &[]).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn check_demo(flow: Flow, style: Style) {
    check(&cases::demo(), &Program::new(), (flow, style));
}

/// Returns the registry instances whose images are there: those that few tests are run on, or the others.
fn registry(few: bool) -> Vec<Case> {
    let cases = cases::of_registry().into_iter().map(|(_, case)| case);
    let cases: Vec<Case> = cases.filter(|case| FEW.contains(&case.id.as_str()) == few).collect();
    assert!(!cases.is_empty(), "needs registry images: none of the {} is there", if few { "few" } else { "others" });
    cases
}

fn check_registry(flow: Flow, style: Style) {
    check(&registry(true), &cases::program_of_registry(), (flow, style));
}

#[test]
fn states_with_native_calls() {
    check_demo(Flow::States, Style::Native);
}

#[test]
fn states_with_calls_as_json() {
    check_demo(Flow::States, Style::Json);
}

#[test]
fn actions_with_native_calls() {
    check_demo(Flow::Actions, Style::Native);
}

#[test]
fn actions_with_calls_as_json() {
    check_demo(Flow::Actions, Style::Json);
}

#[test]
#[ignore = "needs registry images"]
fn states_with_native_calls_on_registry_instances() {
    check_registry(Flow::States, Style::Native);
}

#[test]
#[ignore = "needs registry images"]
fn states_with_calls_as_json_on_registry_instances() {
    check_registry(Flow::States, Style::Json);
}

#[test]
#[ignore = "needs registry images"]
fn actions_with_native_calls_on_registry_instances() {
    check_registry(Flow::Actions, Style::Native);
}

#[test]
#[ignore = "needs registry images"]
fn actions_with_calls_as_json_on_registry_instances() {
    check_registry(Flow::Actions, Style::Json);
}

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn the_other_registry_instances() {
    let (cases, program) = (registry(false), cases::program_of_registry());
    for flow in [Flow::States, Flow::Actions] {
        for style in [Style::Native, Style::Json] {
            check(&cases, &program, (flow, style));
        }
    }
}
