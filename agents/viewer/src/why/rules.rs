//! The rules.

use agent_core::{Record, Trajectory};
use env_core::Failure;
use journal::{Ending, Judged};
use serde::Serialize;

use super::actions::{Action, actions};
use super::place::{Place, place};

/// What rules go by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The record.
    pub trajectory: Option<&'a Trajectory>,
    /// What was handed in; empty where nothing was.
    pub patch: &'a str,
    /// The reference solution, where it is known.
    pub gold: Option<&'a str>,
    /// What the episode counts as.
    pub ending: Ending,
    /// How the agent ended, in a word.
    pub exit: &'a str,
    /// The verdict.
    pub judged: Option<&'a Judged>,
}

/// Something that a rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Name of the rule.
    pub tag: &'static str,
    /// The step that shows it, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u64>,
    /// What was found, in a sentence.
    pub why: String,
}

/// The step that shows it, where it is one, and what it shows.
type FoundAt = (Option<u64>, String);

/// A rule by which episodes without a solution are tagged.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it says, as a page shows it.
    pub says: &'static str,
    #[serde(skip)]
    find: fn(&Found<'_>) -> Option<FoundAt>,
}

/// All rules, the gravest first.
pub const RULES: &[Rule] = &[
    Rule {
        name: "infrastructure",
        says: "Something of ours broke: it counts as infrastructure, and the agent is not to blame.",
        find: infrastructure,
    },
    Rule {
        name: "distrusted",
        says: "The verdict is not an ordinary one: the log contradicts the exit code, shows no tests, or shows a broken environment.",
        find: distrusted,
    },
    Rule {
        name: "context ran out",
        says: "The model refused a request as too long, or the episode ended at the limit of the context.",
        find: context,
    },
    Rule { name: "limit", says: "The episode ended at another limit: of steps, of money, of time.", find: limit },
    Rule {
        name: "loop",
        says: "The agent was stopped as it went in circles, or made the same call with the same arguments three times in a row.",
        find: in_circles,
    },
    Rule { name: "empty patch", says: "Nothing was handed in, or a patch without a change.", find: empty },
    Rule { name: "did not apply", says: "The patch cannot be applied to the repository.", find: not_applied },
    Rule {
        name: "never ran the tests",
        says: "No action names a test runner as words of their own (pytest, py.test, unittest, tox, nosetests, runtests, runtests.py, bin/test, manage.py test, test.sh, cargo test, go test, npm test, make test, ctest), and no tool that runs tests (run_tests, RunTests) was called.",
        find: never_tested,
    },
    Rule {
        name: "wrong file",
        says: "The patch changes none of the source files that the reference solution changes.",
        find: wrong_file,
    },
    Rule {
        name: "wrong place",
        says: "The patch changes a file of the reference solution, but no line within 10 of one that the solution changes.",
        find: wrong_place,
    },
    Rule {
        name: "broke other tests",
        says: "All tests of FAIL_TO_PASS pass, and some of PASS_TO_PASS do not.",
        find: broke,
    },
    Rule { name: "half a fix", says: "Some tests of FAIL_TO_PASS pass, and some do not.", find: half },
];

/// What runs tests when a command names it, as words of its own: `tox`, but not `toxic`.
const RUNNERS: [&str; 15] = [
    "pytest",
    "py.test",
    "unittest",
    "tox",
    "nosetests",
    "runtests",
    "runtests.py",
    "bin/test",
    "manage.py test",
    "test.sh",
    "cargo test",
    "go test",
    "npm test",
    "make test",
    "ctest",
];

/// Tools that run tests.
const TEST_TOOLS: [&str; 2] = ["run_tests", "RunTests"];

/// The evidence with what the agent did.
struct Found<'a> {
    evidence: &'a Evidence<'a>,
    actions: Vec<Action<'a>>,
    /// Where the patch is, beside the reference solution.
    place: Option<Place>,
}

/// Returns what the rules say of an episode; nothing where it is solved or unfinished.
pub fn tags(evidence: &Evidence<'_>) -> Vec<Tag> {
    if matches!(evidence.ending, Ending::Solved | Ending::Unfinished) {
        return Vec::new();
    }
    let found = Found {
        evidence,
        actions: evidence.trajectory.map(actions).unwrap_or_default(),
        place: evidence.gold.and_then(|gold| place(evidence.patch, gold)),
    };
    let one = |rule: &Rule| (rule.find)(&found).map(|(step, why)| Tag { tag: rule.name, step, why });
    RULES.iter().filter_map(one).collect()
}

fn infrastructure(found: &Found<'_>) -> Option<FoundAt> {
    (found.evidence.ending == Ending::Infrastructure).then(|| (None, "it counts as infrastructure".to_owned()))
}

fn distrusted(found: &Found<'_>) -> Option<FoundAt> {
    let judged = found.evidence.judged?;
    let unusual = |failure: &Failure| {
        matches!(failure, Failure::LogContradicted | Failure::TestsErrored | Failure::SandboxDamaged)
    };
    if let Some(first) = judged.trust.distrust.first() {
        return Some((None, first.to_string()));
    }
    let failure = judged.failure.filter(unusual).map(|failure| failure.to_string());
    let infra = judged.infra.map(|infra| format!("the log shows {}", journal::word(infra.reason).replace('_', " ")));
    let why = failure.or(infra)?;
    Some((None, why))
}

fn context(found: &Found<'_>) -> Option<FoundAt> {
    let too_long = found.evidence.trajectory.and_then(|trajectory| {
        trajectory.records.iter().rev().find_map(|record| match record {
            Record::TooLong { step, .. } => Some(*step),
            _ => None,
        })
    });
    match (found.evidence.exit, too_long) {
        ("limit_context" | "limit_context_length", step) => {
            Some((step, "it ended at the limit of the context".to_owned()))
        }
        (_, Some(step)) => Some((Some(step), "a request was refused as too long".to_owned())),
        _ => None,
    }
}

fn limit(found: &Found<'_>) -> Option<FoundAt> {
    let limit = found.evidence.exit.strip_prefix("limit_")?;
    let other = !matches!(limit, "stuck" | "context" | "context_length");
    other.then(|| (None, format!("it ended at the limit of {}", limit.replace('_', " "))))
}

fn in_circles(found: &Found<'_>) -> Option<FoundAt> {
    let thrice = found.actions.windows(3).find_map(|calls| match calls {
        [first, second, third] => {
            let same = |other: &Action<'_>| (first.tool, first.text) == (other.tool, other.text);
            (same(second) && same(third)).then_some(first.step)
        }
        _ => None,
    });
    match (found.evidence.exit, thrice) {
        ("limit_stuck", step) => Some((step, "it was stopped as it went in circles".to_owned())),
        (_, Some(step)) => Some((Some(step), "the same call three times in a row".to_owned())),
        _ => None,
    }
}

fn empty(found: &Found<'_>) -> Option<FoundAt> {
    (found.evidence.ending == Ending::Empty).then(|| (None, "there was no change to hand in".to_owned()))
}

fn not_applied(found: &Found<'_>) -> Option<FoundAt> {
    (found.evidence.ending == Ending::NotApplied).then(|| (None, "the patch does not apply".to_owned()))
}

fn never_tested(found: &Found<'_>) -> Option<FoundAt> {
    let tests = |action: &Action<'_>| {
        TEST_TOOLS.contains(&action.tool) || RUNNERS.iter().any(|runner| names(action.text, runner))
    };
    let never = !found.actions.is_empty() && !found.actions.iter().any(tests);
    never.then(|| (None, format!("none of {} actions runs tests", found.actions.len())))
}

/// Returns whether a text names something as words of its own. Escapes of JSON are no part of a word.
fn names(text: &str, what: &str) -> bool {
    text.match_indices(what).any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + what.len()..).unwrap_or_default());
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        let is_escape = || before.ends_with("\\n") || before.ends_with("\\t");
        (is_escape() || !before.ends_with(|letter| is_part(letter) || letter == '-'))
            && !after.starts_with(|letter| is_part(letter) || letter == '-')
    })
}

fn wrong_file(found: &Found<'_>) -> Option<FoundAt> {
    match found.place.as_ref()? {
        Place::OtherFiles(files) => Some((None, format!("the solution changes {}", files.join(", ")))),
        Place::Elsewhere(_) | Place::Near => None,
    }
}

fn wrong_place(found: &Found<'_>) -> Option<FoundAt> {
    match found.place.as_ref()? {
        Place::Elsewhere(file) => Some((None, format!("{file} is changed elsewhere than in the solution"))),
        Place::OtherFiles(_) | Place::Near => None,
    }
}

fn broke(found: &Found<'_>) -> Option<FoundAt> {
    let judged = found.evidence.judged?;
    let ([fixed, wanted], [kept, known]) = (judged.fail_to_pass?, judged.pass_to_pass?);
    (wanted > 0 && fixed == wanted && kept < known)
        .then(|| (None, format!("{} of {known} no longer pass", known - kept)))
}

fn half(found: &Found<'_>) -> Option<FoundAt> {
    let [fixed, wanted] = found.evidence.judged?.fail_to_pass?;
    (fixed > 0 && fixed < wanted).then(|| (None, format!("{fixed} of {wanted} pass")))
}
