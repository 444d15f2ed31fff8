//! Episodes whose record shows that they looked the solution up.

mod commands;

use agent_core::{Message, Trajectory};
use serde_json::Value;

use commands::{any_command, base};

/// Names that only the judging has; `test_patch` is none, as tests of patches are called so.
pub(crate) const HIDDEN: [&str; 4] = ["FAIL_TO_PASS", "PASS_TO_PASS", "/eval.sh", "gold_patch.diff"];

/// Commands of git that show what commits hold, where they are told to go beyond the current branch.
const SHOWS: [&str; 16] = [
    "log",
    "show",
    "diff",
    "rev-list",
    "whatchanged",
    "shortlog",
    "checkout",
    "cherry-pick",
    "cat-file",
    "grep",
    "blame",
    "format-patch",
    "restore",
    "merge",
    "archive",
    "range-diff",
];

/// Commands of git that show or bring later commits whatever else they are told.
const ALWAYS: [&str; 5] = ["reflog", "fetch", "pull", "ls-remote", "fsck"];

/// Options of git itself that take the next word.
const TAKE_ONE: [&str; 6] = ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"];

/// Returns why an episode is left out as one that looked the solution up; `None` for all others.
///
/// It looks at the calls of answers, and at the words of those without one, as some agents call in words. It takes two
/// things for a look-up: the name of a file of the judging, and, where the history behind the base commit was left in
/// reach or another program ran the episode, a command of git that reads commits beyond the current branch or brings new
/// ones.
pub(crate) fn leak(trajectory: &Trajectory) -> Option<&'static str> {
    // What other programs kept from their agents is not known.
    let kept = trajectory.header().is_some_and(|header| header.history_kept || header.environment == "imported");
    trajectory.completions().find_map(|(_, completion)| {
        let answer = &completion.message;
        match () {
            () if names_hidden(answer) => Some("an answer names hidden tests"),
            () if kept && reads_history(answer) => Some("an answer reads later history"),
            () => None,
        }
    })
}

fn names_hidden(answer: &Message) -> bool {
    let arguments = answer.tool_calls.iter().map(|call| call.arguments.as_str());
    let mut said = std::iter::once(answer.content.as_str()).chain(arguments);
    said.any(|said| HIDDEN.iter().any(|name| said.contains(name)))
}

fn reads_history(answer: &Message) -> bool {
    if answer.tool_calls.is_empty() {
        return reads(&answer.content);
    }
    answer.tool_calls.iter().any(|call| {
        // Most calls do not name git at all.
        call.arguments.contains("git")
            && match serde_json::from_str(&call.arguments) {
                Ok(arguments) => any_text(&arguments, &reads),
                Err(_) => reads(&call.arguments),
            }
    })
}

fn any_text(value: &Value, look: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => look(text),
        Value::Array(list) => list.iter().any(|one| any_text(one, look)),
        Value::Object(map) => map.values().any(|one| any_text(one, look)),
        _ => false,
    }
}

/// Returns whether a text has a command of git that reads later history.
fn reads(text: &str) -> bool {
    // Tags of calls in words stand on the line of their command.
    text.contains("git") && any_command(&text.replace(['<', '>'], "\n"), &goes_beyond)
}

fn goes_beyond(words: &[String]) -> bool {
    let Some((name, mut rest)) = words.split_first() else { return false };
    if base(name) != "git" {
        return false;
    }
    while let Some((option, after)) = rest.split_first().filter(|(option, _)| option.starts_with('-')) {
        rest = if TAKE_ONE.contains(&option.as_str()) { after.get(1..).unwrap_or_default() } else { after };
    }
    let Some((command, arguments)) = rest.split_first() else { return false };
    let command = command.as_str();
    let arguments = || arguments.iter().map(String::as_str).take_while(|argument| *argument != "--");
    match command {
        _ if ALWAYS.contains(&command) => true,
        "remote" => arguments().any(|argument| argument == "update"),
        _ => SHOWS.contains(&command) && arguments().any(|argument| is_beyond(command, argument)),
    }
}

/// Returns whether an argument of a command of git leads beyond the current branch.
fn is_beyond(command: &str, argument: &str) -> bool {
    let option = argument.split_once('=').map_or(argument, |(name, _)| name);
    let walks = ["--all", "--branches", "--remotes", "--tags", "--glob", "--reflog", "--walk-reflogs"];
    // `git checkout` and others have options of the same names that mean something else.
    let is_walk = walks.contains(&option) && ["log", "show", "rev-list", "whatchanged", "shortlog"].contains(&command);
    let is_walk = is_walk || (argument == "-g" && ["log", "show"].contains(&command));
    let names = |part: &str| {
        let part = part.trim_start_matches('^');
        ["origin/", "upstream/", "remotes/", "refs/remotes/"].iter().any(|remote| part.starts_with(remote))
            || ["FETCH_HEAD", "@{"].iter().any(|word| part.contains(word))
    };
    is_walk || (!argument.starts_with('-') && argument.split("..").any(|part| names(part.trim_start_matches('.'))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_commands_beyond_the_branch_read_history() {
        for (command, expected) in [
            ("git log -3", false),
            ("git log --all --oneline", true),
            ("git show origin/main:a.py", true),
            ("git diff HEAD", false),
            ("git diff HEAD...origin/main", true),
            ("git reflog", true),
            ("git --no-pager log --all", true),
            ("git -C /repo log --all", true),
            ("git --git-dir=/repo/.git --work-tree /repo log --branches=*", true),
            ("git --git-dir /repo/.git -c color.ui=never log --remotes", true),
            ("cd .. && git log --all", true),
            ("cd x; timeout 10 /usr/bin/git log -g", true),
            ("bash -c \"git log --all -S foo\"", true),
            ("x=$(git rev-list --all | head -1)", true),
            ("git log \\\n  --all", true),
            ("git fetch origin", true),
            ("git remote -v", false),
            ("git remote update", true),
            ("git cat-file -p HEAD@{1}", true),
            ("git log -- origin/a.py", false),
            ("git add --all && git log -1", false),
            ("grep -r --all x", false),
            ("grep -rn 'git log --all' docs", false),
            ("<function=bash>\n<parameter=command>git log --all</parameter>", true),
            ("python - <<E\nprint('git log --all')\nE", true),
        ] {
            assert_eq!(reads(command), expected, "{command}");
        }
    }

    #[test]
    fn words_beside_a_call_are_no_command() {
        let call = |command: &str| agent_core::ToolCall {
            id: "c".to_owned(),
            name: "bash".to_owned(),
            arguments: serde_json::json!({ "command": command }).to_string(),
        };
        let answer = |words: &str, command: &str| Message::assistant(words, vec![call(command)]);
        assert!(!reads_history(&answer("I will not use `git log --all`.", "ls")));
        assert!(reads_history(&answer("", "git log --all")));
        assert!(reads_history(&Message::assistant("```\ngit log --all\n```", Vec::new())));
    }
}
