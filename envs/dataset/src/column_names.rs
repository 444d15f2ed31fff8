//! Columns that a dataset names differently.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Every column that a row is read from, by its usual name.
const COLUMNS: [&str; 16] = [
    "instance_id",
    "repo",
    "base_commit",
    "patch",
    "test_patch",
    "problem_statement",
    "hints_text",
    "created_at",
    "version",
    "FAIL_TO_PASS",
    "PASS_TO_PASS",
    "environment_setup_commit",
    "image",
    "eval_script",
    "log_parser",
    "eval_type",
];

/// Columns that a dataset names differently: its names by the usual ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames(BTreeMap<String, String>);

impl ColumnNames {
    /// Every column that a row is read from, by its usual name.
    pub const USUAL: [&str; 16] = COLUMNS;

    /// Returns the names of a dataset by the usual ones.
    ///
    /// # Errors
    /// The first key that is not a usual name.
    pub fn new(names: BTreeMap<String, String>) -> Result<Self, String> {
        match names.keys().find(|name| !COLUMNS.contains(&name.as_str())) {
            Some(unknown) => Err(unknown.clone()),
            None => Ok(Self(names)),
        }
    }

    /// Gives the columns of a record their usual names.
    pub(crate) fn rename(&self, record: &mut Map<String, Value>) {
        let found: Vec<_> = self.0.iter().filter_map(|(usual, own)| Some((usual, record.remove(own)?))).collect();
        for (usual, value) in found {
            record.insert(usual.clone(), value);
        }
    }
}
