//! The rules by which failures are tagged.

use agent_core::{Record, Trajectory};
use env_core::Failure;
use journal::{Ending, Judged, Subject};
use viewer::why::{Evidence, RULES, tags};

use crate::written::{PATCH, records, turn};

const UNSOLVED: Evidence<'static> =
    Evidence { trajectory: None, patch: PATCH, gold: None, ending: Ending::Unsolved, exit: "submitted", judged: None };

fn judged(failure: Option<Failure>, fail_to_pass: [usize; 2], pass_to_pass: [usize; 2]) -> Judged {
    Judged {
        subject: Subject { patch: String::new(), judging: String::new(), image: None },
        failure,
        infra: None,
        broken: None,
        trust: Default::default(),
        report: None,
        resolved: Some(false),
        fail_to_pass: Some(fail_to_pass),
        pass_to_pass: Some(pass_to_pass),
    }
}

/// Returns the names of the tags with the steps that show them.
fn found(evidence: &Evidence<'_>) -> Vec<String> {
    let one = |tag: viewer::why::Tag| tag.step.map_or(tag.tag.to_owned(), |step| format!("{}@{step}", tag.tag));
    tags(evidence).into_iter().map(one).collect()
}

fn done(commands: &[&str]) -> Trajectory {
    let pairs: Vec<(&str, &str)> = commands.iter().map(|command| (*command, "")).collect();
    Trajectory { records: records("i", &pairs), torn: false }
}

#[test]
fn each_rule_finds_what_it_is_for() {
    let tested = done(&["ls", "python -m pytest tests"]);
    let circles = done(&["ls", "cat a", "cat a", "cat a", "tox"]);
    let untested = done(&["ls", "python reproduce.py"]);
    let mut long = done(&["pytest"]);
    long.records.insert(2, Record::TooLong { step: 7, request: String::new(), restored: false });
    let contradicted = judged(Some(Failure::LogContradicted), [0, 1], [0, 0]);
    let (broken, half) = (judged(None, [2, 2], [3, 5]), judged(None, [1, 2], [5, 5]));
    let elsewhere = PATCH.replace("@@ -1 +1 @@", "@@ -100 +100 @@");
    let other = PATCH.replace("a.py", "b.py");
    let base = Evidence { trajectory: Some(&tested), ..UNSOLVED };
    let cases: [(&str, Evidence<'_>); 14] = [
        ("", base),
        ("", Evidence { ending: Ending::Solved, trajectory: Some(&untested), ..UNSOLVED }),
        ("infrastructure", Evidence { ending: Ending::Infrastructure, ..base }),
        ("distrusted", Evidence { judged: Some(&contradicted), ..base }),
        ("context ran out@7", Evidence { trajectory: Some(&long), ..base }),
        ("limit", Evidence { exit: "limit_steps", ..base }),
        ("loop@2", Evidence { trajectory: Some(&circles), ..base }),
        ("loop", Evidence { exit: "limit_stuck", ..base }),
        ("empty patch", Evidence { ending: Ending::Empty, patch: "", gold: Some(PATCH), ..base }),
        ("did not apply", Evidence { ending: Ending::NotApplied, ..base }),
        ("never ran the tests", Evidence { trajectory: Some(&untested), ..base }),
        ("wrong file", Evidence { gold: Some(&other), ..base }),
        ("wrong place", Evidence { gold: Some(&elsewhere), ..base }),
        ("broke other tests", Evidence { judged: Some(&broken), gold: Some(PATCH), ..base }),
    ];
    for (expected, evidence) in &cases {
        assert_eq!(found(evidence).join(", "), *expected);
    }
    assert_eq!(found(&Evidence { judged: Some(&half), ..base }), ["half a fix"]);
    let named: Vec<&str> = cases.iter().map(|(tag, _)| tag.split('@').next().unwrap()).chain(["half a fix"]).collect();
    let missing: Vec<_> = RULES.iter().filter(|rule| !named.contains(&rule.name)).map(|rule| rule.name).collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn commands_in_the_text_of_answers_count_as_well() {
    let mut trajectory = done(&[]);
    let [mut answer, _] = turn(1, "", "");
    if let Record::Completion { completion, .. } = &mut answer {
        completion.message.tool_calls.clear();
        completion.message.content = "I test.\n\n```bash\npython -m pytest\n```\n".to_owned();
    }
    trajectory.records.insert(1, answer.clone());
    assert!(found(&Evidence { trajectory: Some(&trajectory), ..UNSOLVED }).is_empty());
    trajectory.records.extend([answer.clone(), answer]);
    assert_eq!(found(&Evidence { trajectory: Some(&trajectory), ..UNSOLVED }), ["loop@1"]);
}

#[test]
fn what_runs_tests_is_what_the_rule_says() {
    let rule = RULES.iter().find(|rule| rule.name == "never ran the tests").unwrap();
    let named = rule.says.split(['(', ')']).skip(1).step_by(2).map(|list| list.split(", "));
    let [runners, tools]: [Vec<&str>; 2] = named.map(Iterator::collect).collect::<Vec<_>>().try_into().unwrap();
    assert!(runners.len() > 10 && tools.len() > 1, "{runners:?} {tools:?}");
    let is_tagged = |trajectory: &Trajectory| {
        found(&Evidence { trajectory: Some(trajectory), ..UNSOLVED }).contains(&"never ran the tests".to_owned())
    };
    for runner in runners {
        assert!(!is_tagged(&done(&[&format!("cd a && {runner} -q")])), "{runner}");
        assert!(!is_tagged(&done(&[&format!("cd a\n{runner}")])), "{runner}");
        assert!(is_tagged(&done(&[&format!("ls pre{runner}ic")])), "pre{runner}ic");
    }
    for tool in tools {
        let mut trajectory = done(&["ls"]);
        let Record::Completion { completion, .. } = &mut trajectory.records[1] else { panic!("no answer") };
        completion.message.tool_calls[0].name = tool.to_owned();
        assert!(!is_tagged(&trajectory), "{tool}");
    }
}

#[test]
fn the_readme_has_every_rule_in_its_own_words() {
    let readme = include_str!("../../README.md");
    for rule in RULES {
        assert!(readme.contains(&format!("| {} | {} |", rule.name, rule.says)), "the README lacks `{}`", rule.name);
    }
}
