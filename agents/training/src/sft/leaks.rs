//! Episodes whose record shows that they looked the solution up.

use agent_core::{Record, Trajectory};

/// Names that only the judging has; `test_patch` is none, as tests of patches are called so.
const HIDDEN: [&str; 4] = ["FAIL_TO_PASS", "PASS_TO_PASS", "/eval.sh", "gold_patch.diff"];

/// What a call of git reaches beyond the base commit with.
const BEYOND: [&str; 9] =
    ["--all", "--branches", "--remotes", "--tags", "--reflog", "origin/", "upstream/", "FETCH_HEAD", "HEAD@{"];

/// Returns why an episode is left out as one that looked the solution up; `None` for all others.
///
/// It looks at the arguments of calls alone, and takes two things for a look-up: the name of a file of the judging, and,
/// where the history behind the base commit was left in reach, a `git log`, `git show` or `git diff` over more than the
/// current branch, `git reflog`, `git fetch` or `git pull`.
pub(super) fn leak(trajectory: &Trajectory) -> Option<&'static str> {
    let kept = trajectory.header().is_some_and(|header| header.history_kept);
    trajectory.records.iter().find_map(|record| match record {
        Record::Observation { call, .. } if HIDDEN.iter().any(|name| call.arguments.contains(name)) => {
            Some("a call names hidden tests")
        }
        Record::Observation { call, .. } if kept && reads_history(&call.arguments) => {
            Some("a call reads later history")
        }
        _ => None,
    })
}

fn reads_history(arguments: &str) -> bool {
    let has = |word: &str| arguments.contains(word);
    let looks = ["git log", "git show", "git diff", "git rev-list"].into_iter().any(has);
    ["git reflog", "git fetch", "git pull"].into_iter().any(has) || (looks && BEYOND.into_iter().any(has))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_beyond_the_branch_read_history() {
        for (arguments, expected) in [
            (r#"{"command":"git log -3"}"#, false),
            (r#"{"command":"git log --all --oneline"}"#, true),
            (r#"{"command":"git show origin/main:a.py"}"#, true),
            (r#"{"command":"git diff HEAD"}"#, false),
            (r#"{"command":"git reflog"}"#, true),
            (r#"{"command":"grep -r --all x"}"#, false),
        ] {
            assert_eq!(reads_history(arguments), expected, "{arguments}");
        }
    }
}
