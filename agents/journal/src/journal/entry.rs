//! The entries of a journal.

use std::time::{SystemTime, UNIX_EPOCH};

use agent_core::{OutcomeClass, Spending};
use env_core::{Failure, Infra, Trust};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::predictions::Prediction;
use crate::subject::Subject;

/// Version of the lines, in the first line of each file. It changes when a reader of an earlier one would misread them.
pub const VERSION: u32 = 1;

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// When it was written, in seconds since 1970.
    pub at: f64,
    /// The cell that it is about; empty where it is about the whole run.
    pub cell: String,
    /// What it says.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Line {
    pub(crate) fn now(cell: &str, entry: Entry) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        Self { at, cell: cell.to_owned(), entry }
    }
}

/// What a line of a journal says, by its `type`. `sample` counts the episodes of one agent on one instance from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    /// A process has started to write this file.
    Opened {
        /// [`VERSION`] of its lines.
        version: u32,
        /// Version of the program.
        spotter: String,
    },
    /// A command was asked for these instances, besides those of earlier ones; what a rate is of.
    Asked {
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// The instances.
        instance_ids: Vec<String>,
    },
    /// A sweep asks for these instances and for no others any more.
    Planned {
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// The instances.
        instance_ids: Vec<String>,
    },
    /// How often infrastructure has broken for an episode does not count any more: it is retried.
    Retried {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
    },
    /// An episode starts over: whatever is said of it before does not count any more.
    Reset {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
    },
    /// An episode runs, or continues.
    Begun {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
    },
    /// An episode has ended, or could not be run.
    Ended {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// How.
        ended: Ended,
    },
    /// There is a patch to judge.
    Predicted {
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// The patch, for an instance, by a model.
        prediction: Prediction,
    },
    /// A patch has its verdict.
    Judged {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// What it is on and what it says; the tests by name are in the `report.json` of the episode's folder.
        judged: Judged,
    },
    /// Infrastructure prevented the verdict on a patch.
    Failed {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// What the verdict would have been on, and what prevented it.
        failed: Failed,
    },
    /// An episode was imported from the record of another program.
    Imported {
        /// The instance.
        instance_id: String,
        /// The sample.
        #[serde(default)]
        sample: u32,
        /// Which record.
        imported: Imported,
        /// Which of all that were imported into the run, from 0; `None` in runs of versions that did not count.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u64>,
    },
    /// What a later version says; it is skipped.
    #[serde(other)]
    Unknown,
}

impl Entry {
    /// Returns whether what a line says took money or time to come by.
    pub(crate) fn is_paid_for(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::Predicted { .. } | Self::Judged { .. })
    }
}

/// The record of another program that an episode was imported from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Digest of what it says.
    pub digest: String,
    /// Name of its format.
    pub format: String,
    /// The file, and the line or row in it.
    pub place: String,
    /// What else it says, where there is no trajectory whose header could hold it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub record: Map<String, Value>,
}

/// How an episode ended that the budget stopped, in a word.
const BUDGET_SPENT: &str = "budget_spent";

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The exit status in a word; `error` when the episode could not be run.
    pub exit_status: String,
    /// What it counts as.
    pub class: OutcomeClass,
    /// Why it could not be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What it took, also what earlier attempts at it had paid for. Absent where it could not be run, and in what
    /// earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spending: Option<Spending>,
    /// Fingerprint of the settings that it was made with. Absent in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
}

impl Ended {
    /// Returns whether the budget stopped the episode: it continues with a larger one, and is unfinished until then.
    pub fn lacks_budget(&self) -> bool {
        self.exit_status == BUDGET_SPENT
    }

    /// Returns whether infrastructure broke.
    pub fn is_infrastructure(&self) -> bool {
        self.class == OutcomeClass::Infrastructure && !self.lacks_budget()
    }
}

/// What a verdict is on and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What it is on.
    #[serde(flatten)]
    pub subject: Subject,
    /// Why the verdict is not an ordinary one, when it is not.
    pub failure: Option<Failure>,
    /// A sign in the log that the environment broke.
    #[serde(default)]
    pub infra: Option<Infra>,
    /// What shows that the environment is broken, when the tests do not run without the patch either.
    #[serde(default)]
    pub broken: Option<String>,
    /// How far it can be trusted. Absent for an official verdict that nothing speaks against.
    #[serde(default, skip_serializing_if = "Trust::is_plain")]
    pub trust: Trust,
    /// Digest of the `report.json` that holds the tests by name. Absent in what versions before the journal wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
    /// Whether the patch is resolved. Absent in what versions before the journal wrote.
    #[serde(default)]
    pub resolved: Option<bool>,
    /// How many tests of FAIL_TO_PASS passed, and how many there are; `null` when none were graded.
    #[serde(default)]
    pub fail_to_pass: Option<[usize; 2]>,
    /// The same for PASS_TO_PASS.
    #[serde(default)]
    pub pass_to_pass: Option<[usize; 2]>,
}

/// A verdict that infrastructure prevented.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What the verdict would have been on.
    #[serde(flatten)]
    pub subject: Subject,
    /// What failed.
    pub error: String,
}
