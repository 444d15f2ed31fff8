//! Episodes whose record shows that they looked the solution up.

use agent_core::Trajectory;

/// Names that only the judging has; `test_patch` is none, as tests of patches are called so.
pub(crate) const HIDDEN: [&str; 4] = ["FAIL_TO_PASS", "PASS_TO_PASS", "/eval.sh", "gold_patch.diff"];

/// What a call of git reaches beyond the base commit with.
const BEYOND: [&str; 9] =
    ["--all", "--branches", "--remotes", "--tags", "--reflog", "origin/", "upstream/", "FETCH_HEAD", "HEAD@{"];

/// Returns why an episode is left out as one that looked the solution up; `None` for all others.
///
/// It looks at the calls and the words of answers, as some agents call in words, and takes two things for a look-up: the
/// name of a file of the judging, and, where the history behind the base commit was left in reach or another program ran
/// the episode, a `git log`, `git show` or `git diff` over more than the current branch, `git reflog`, `git fetch` or
/// `git pull`.
pub(crate) fn leak(trajectory: &Trajectory) -> Option<&'static str> {
    // What other programs kept from their agents is not known.
    let kept = trajectory.header().is_some_and(|header| header.history_kept || header.environment == "imported");
    let answers = trajectory.completions().map(|(_, completion)| &completion.message);
    let said = answers.flat_map(|answer| {
        std::iter::once(answer.content.as_str()).chain(answer.tool_calls.iter().map(|call| call.arguments.as_str()))
    });
    said.into_iter().find_map(|said| match () {
        () if HIDDEN.iter().any(|name| said.contains(name)) => Some("an answer names hidden tests"),
        () if kept && reads_history(said) => Some("an answer reads later history"),
        () => None,
    })
}

fn reads_history(arguments: &str) -> bool {
    let arguments = arguments.replace("git --no-pager ", "git ").replace("git -P ", "git ");
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
            (r#"{"command":"git --no-pager log --all"}"#, true),
            (r#"{"command":"grep -r --all x"}"#, false),
        ] {
            assert_eq!(reads_history(arguments), expected, "{arguments}");
        }
    }
}
