//! One task, and only what a solver may know of it.

use serde::{Deserialize, Serialize};

use crate::{EnvError, nearest};

/// One task, and only what a solver may know of it: no gold patch, no test patch, no test lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `<owner>__<repo>-<number>`; unique in its environment, compared without regard to case.
    pub instance_id: String,
    /// `<owner>/<repo>`.
    pub repo: String,
    /// The commit that the solver starts from.
    pub base_commit: String,
    /// The issue text.
    pub problem_statement: String,
    /// Comments on the issue from before the fix; empty when there are none.
    #[serde(default)]
    pub hints_text: String,
    /// The repository's version, `major.minor`; empty when the dataset has none.
    #[serde(default)]
    pub version: String,
}

/// Returns the instance with this id, in any case.
///
/// # Errors
/// [`EnvError::UnknownInstance`] with the nearest id, if one is near.
pub fn find_instance<'a>(instances: &'a [Instance], id: &str) -> Result<&'a Instance, EnvError> {
    if let Some(found) = instances.iter().find(|instance| instance.instance_id.eq_ignore_ascii_case(id)) {
        return Ok(found);
    }
    let nearest = nearest(id, instances.iter().map(|instance| instance.instance_id.as_str())).map(str::to_owned);
    Err(EnvError::UnknownInstance { id: id.to_owned(), nearest })
}
