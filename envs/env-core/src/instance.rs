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

/// Returns the part of an instance's id that names its repository: `owner__name` of SWE-bench's `owner__name-123`, of
/// SWE-smith's `owner__name.1fd52536.what__1` and of SWE-bench Pro's `instance_owner__name-<commit>-v<commit>`. An id of
/// another form stands for itself.
pub fn repository_part(instance_id: &str) -> &str {
    let id = instance_id.strip_prefix("instance_").unwrap_or(instance_id);
    let start = id.find("__").map_or(0, |at| at + 2);
    let name = id.get(start..).unwrap_or_default();
    let end = name.match_indices(['-', '.']).map(|(at, _)| at).find(|at| {
        let rest = name.get(at + 1..).unwrap_or_default();
        let token = rest.split(['-', '.']).next().unwrap_or_default();
        is_commit(token) || (token.len() == rest.len() && is_number(token))
    });
    end.and_then(|end| id.get(..start + end)).unwrap_or(id)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_their_repository() {
        for (id, expected) in [
            ("django__django-11099", "django__django"),
            ("scikit-learn__scikit-learn-1", "scikit-learn__scikit-learn"),
            ("oauthlib__oauthlib.1fd52536.combine_file__09vlz", "oauthlib__oauthlib"),
            ("instance_ansible__ansible-0ea40e09d1b35bcb69ff4d9cecf3d0defa4b36e8-v30a923fb", "ansible__ansible"),
            ("owner__lib-2-17", "owner__lib-2"),
            ("demo__lru-1", "demo__lru"),
            ("a__b.c", "a__b.c"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(repository_part(id), expected, "{id}");
        }
    }
}
