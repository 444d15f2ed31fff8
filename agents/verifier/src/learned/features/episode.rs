//! Counters of an episode's record.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use agent_core::{ExitStatus, Record, Role, Trajectory};

use super::lexicon::Lexicon;
use super::patch::{flag, log};

/// Their names.
pub(super) const NAMES: [&str; 18] = [
    "episode: recorded",
    "episode: submitted",
    "episode: gave up or hit a limit",
    "episode: steps",
    "episode: answers",
    "episode: calls",
    "episode: edits",
    "episode: test runs",
    "episode: share of errors",
    "episode: repeated actions",
    "episode: malformed calls",
    "episode: letters of answers",
    "episode: letters of observations",
    "episode: last answer",
    "episode: tests after the last edit",
    "episode: last tests passed",
    "episode: last tests failed",
    "episode: ends with an error",
];

/// Words of calls that change files.
const EDITS: [&str; 10] = [
    "str_replace",
    "\"insert\"",
    "\"create\"",
    "apply_patch",
    "replace_code",
    "sed -i",
    "edit ",
    "string_replace",
    "cat <<",
    "> ",
];
/// Words of calls that run tests.
const TESTS: [&str; 7] = ["pytest", "runtests", "bin/test", "unittest", "tox", "test_", "run_tests"];
/// Words of observations that tell of errors.
const ERRORS: [&str; 5] =
    ["traceback (most recent call last)", "error:", "command not found", "no such file", "failed"];

/// Words of the output of tests that do not pass.
const FAILED: [&str; 3] = [" failed", "failures", "traceback"];
/// Words of the output of tests that pass.
const PASSED: [&str; 2] = [" passed", "\nok"];

static ACTIONS: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::new(&[&EDITS, &TESTS]));
static OUTPUTS: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::new(&[&ERRORS, &FAILED, &PASSED]));

/// What is counted while the record is read.
#[derive(Default)]
struct Counters {
    answers: usize,
    actions: usize,
    edits: usize,
    tests: usize,
    observations: usize,
    errors: usize,
    repeated: usize,
    malformed: usize,
    answer_letters: usize,
    observation_letters: usize,
    last_answer: usize,
    tests_after_edit: bool,
    last_passed: bool,
    last_failed: bool,
    last_error: bool,
    /// Whether what was called last runs tests.
    testing: bool,
    /// Hashes of the actions so far.
    seen: HashSet<u64>,
}

/// Returns the counters, sizes on a logarithmic scale; zeros where there is no record.
pub(super) fn features(trajectory: Option<&Trajectory>) -> [f64; NAMES.len()] {
    let Some(trajectory) = trajectory else { return [0.0; NAMES.len()] };
    let mut counters = Counters::default();
    trajectory.records.iter().for_each(|record| counters.take(record));
    let status = trajectory.outcome().map(|outcome| &outcome.exit_status);
    let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    [
        1.0,
        flag(matches!(status, Some(ExitStatus::Submitted))),
        flag(matches!(status, Some(ExitStatus::Limit(_) | ExitStatus::GaveUp(_)))),
        log(usize::try_from(trajectory.steps()).unwrap_or(usize::MAX)),
        log(counters.answers),
        log(counters.actions),
        log(counters.edits),
        log(counters.tests),
        share(counters.errors, counters.observations),
        share(counters.repeated, counters.actions),
        log(counters.malformed),
        log(counters.answer_letters),
        log(counters.observation_letters),
        log(counters.last_answer),
        flag(counters.tests_after_edit),
        flag(counters.last_passed),
        flag(counters.last_failed),
        flag(counters.last_error),
    ]
}

impl Counters {
    fn take(&mut self, record: &Record) {
        match record {
            Record::Completion { completion, .. } => {
                self.malformed += usize::from(completion.malformed.is_some());
                self.answer(&completion.message);
            }
            // Imported conversations may hold answers and observations as plain messages.
            Record::Message { message, .. } if message.role == Role::Assistant => self.answer(message),
            Record::Message { message, .. } if self.answers > 0 => self.observe(&message.content, None),
            Record::Observation { observation, .. } => {
                self.observe(
                    &observation.text,
                    Some(observation.is_error || observation.exit_code.is_some_and(|code| code != 0)),
                );
            }
            _ => {}
        }
    }

    fn answer(&mut self, message: &agent_core::Message) {
        self.answers += 1;
        self.last_answer = message.content.len();
        self.answer_letters +=
            message.content.len() + message.tool_calls.iter().map(|call| call.arguments.len()).sum::<usize>();
        if message.tool_calls.is_empty() {
            // Without calls of the protocol, the action stands in the text.
            self.act(&message.content);
        }
        for call in &message.tool_calls {
            self.act(&format!("{} {}", call.name, call.arguments));
        }
    }

    fn act(&mut self, action: &str) {
        let [edits, tests, _] = ACTIONS.groups_in(action);
        self.testing = tests;
        self.actions += 1;
        self.edits += usize::from(edits);
        self.tests += usize::from(self.testing);
        self.tests_after_edit = self.testing || self.tests_after_edit && !edits;
        let mut hasher = DefaultHasher::new();
        action.hash(&mut hasher);
        self.repeated += usize::from(!self.seen.insert(hasher.finish()));
    }

    fn observe(&mut self, text: &str, error: Option<bool>) {
        let [errors, failed, passed] = OUTPUTS.groups_in(text);
        let is_error = errors || error.unwrap_or(false);
        self.observations += 1;
        self.errors += usize::from(is_error);
        self.observation_letters += text.len();
        self.last_error = is_error;
        if self.testing {
            self.last_failed = failed;
            self.last_passed = passed && !failed;
        }
    }
}
