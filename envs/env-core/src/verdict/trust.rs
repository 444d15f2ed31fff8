//! How far a verdict can be trusted.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How patches are judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judging {
    /// As the official harness does, with its holes: verdicts equal its own, and those that are not to be trusted are
    /// named.
    #[default]
    Official,
    /// So that a patch cannot bring about its own verdict: what the tests load is put back, tests that must fail are run
    /// along, and a verdict that is not to be trusted is none in favour of the patch.
    Strict,
}

impl Judging {
    /// Returns the name as the configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Strict => "strict",
        }
    }
}

impl FromStr for Judging {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [Self::Official, Self::Strict].into_iter().find(|judging| judging.name() == name);
        known.ok_or_else(|| format!("`{name}` is no way of judging: they are official and strict"))
    }
}

/// How far a verdict can be trusted, and what that rests on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trust {
    /// How the patch was judged.
    pub judging: Judging,
    /// Files of the patch that were put back before the tests, as the tests load them and the gold patch leaves them
    /// alone; only in strict judging.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub put_back: Vec<String>,
    /// What shows that the verdict is not to be trusted; empty where nothing does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distrust: Vec<Distrust>,
    /// What strict judging could not check, which says nothing against the patch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
}

impl Trust {
    /// Returns whether nothing is to be said: an official verdict that nothing speaks against.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that shows that a verdict is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distrust {
    /// What it is.
    pub sign: Sign,
    /// Where it was seen: a file with its line, or the name of a test.
    pub evidence: String,
}

impl fmt::Display for Distrust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.sign, self.evidence)
    }
}

/// What speaks against a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The patch changes a file that a test run loads, and the gold patch does not.
    LoadedFile,
    /// The patch adds a link, a repository or a compiled file.
    ForeignFile,
    /// Code of the patch names the test runner.
    NamesRunner,
    /// Code of the patch names tests, or files of tests.
    NamesTests,
    /// Code of the patch names the words of a test log.
    NamesLog,
    /// Code of the patch reaches for the process, its end, or its open files.
    ReachesProcess,
    /// Code of the patch reaches into the interpreter: frames, modules, builtins.
    ReachesInterpreter,
    /// Code of the patch is made while it runs.
    HiddenCode,
    /// An object of the patch is equal to everything.
    EqualToAll,
    /// Code of the patch replaces or removes something of the language or of a module that is not its own.
    ReplacesOthers,
    /// A test that must fail was reported as passed.
    CanaryPassed,
    /// The tests that must fail were not reported.
    CanaryMissing,
    /// A test passed as well with a failure put into it.
    ControlPassed,
    /// A test was skipped, or was expected to fail, by the code that it tests.
    Excused,
    /// The tests with failures put into them could not be run to their end.
    ControlBroken,
}

impl fmt::Display for Sign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::LoadedFile => "changes a file that the tests load",
            Self::ForeignFile => "adds a link, a repository or a compiled file",
            Self::NamesRunner => "names the test runner",
            Self::NamesTests => "names tests",
            Self::NamesLog => "names words of a test log",
            Self::ReachesProcess => "reaches for the process",
            Self::ReachesInterpreter => "reaches into the interpreter",
            Self::HiddenCode => "makes code while it runs",
            Self::EqualToAll => "has an object that equals everything",
            Self::ReplacesOthers => "replaces what is not its own",
            Self::CanaryPassed => "a test that must fail passed",
            Self::CanaryMissing => "the tests that must fail were not reported",
            Self::ControlPassed => "a test passed with a failure put into it",
            Self::Excused => "a test was excused by the code that it tests",
            Self::ControlBroken => "the tests with failures put into them did not run",
        })
    }
}
