//! Tests that agents wrote: in their patches, and in files that they made on the way.

use std::collections::{BTreeMap, HashMap};

use agent_core::{Message, Record, Role, Trajectory};
use serde_json::Value;

use super::near::Inventory;
use super::split::{is_runnable, is_test, split};
use crate::candidate::{Candidate, Candidates};
use crate::patch::FileChange;

/// Tests that an agent wrote, which are run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The candidates whose agents wrote it, by place. Equal tests are one.
    pub authors: Vec<usize>,
    /// What it changes of files that may be there.
    pub patch: String,
    /// Files that it is made of.
    pub files: BTreeMap<String, String>,
    /// What is run.
    pub run: Run,
}

/// What is run of [`Written`] tests.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Run {
    /// Test files.
    Tests(Vec<String>),
    /// A script, whose exit code says whether it passes.
    Script(String),
}

/// Longer files are data.
const LONGEST: usize = 100_000;

/// Returns the tests that the agents of the candidates wrote, no more than `most`: the first of each agent, then the second,
/// and so on. Those of its patch come before those of its record.
pub(super) fn written(candidates: &Candidates, inventory: &Inventory, most: usize) -> Vec<Written> {
    let of: Vec<Vec<Written>> =
        candidates.candidates.iter().enumerate().map(|(place, one)| of_candidate(place, one, inventory)).collect();
    let longest = of.iter().map(Vec::len).max().unwrap_or_default();
    let mut all: Vec<Written> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for one in (0..longest).flat_map(|round| of.iter().filter_map(move |tests| tests.get(round))) {
        let key = (one.patch.clone(), one.files.clone().into_iter().collect::<Vec<_>>(), one.run.clone());
        if let Some(same) = known.get(&key).and_then(|at| all.get_mut(*at)) {
            let new = one.authors.iter().filter(|author| !same.authors.contains(author)).copied();
            same.authors.extend(new.collect::<Vec<_>>());
        } else if all.len() < most {
            known.insert(key, all.len());
            all.push(one.clone());
        }
    }
    all
}

fn of_candidate(place: usize, candidate: &Candidate, inventory: &Inventory) -> Vec<Written> {
    let tests = split(&candidate.patch.0).tests;
    let patch: String =
        tests.iter().filter(|(file, _)| is_test(&file.path)).map(|(_, section)| section.as_str()).collect();
    let runnable = tests.iter().filter(|(file, _)| is_runnable(&file.path) && !file.is_deleted && !is_script(file));
    let paths: Vec<String> = runnable.map(|(file, _)| file.path.clone()).collect();
    let mut written = Vec::new();
    if !paths.is_empty() {
        written.push(Written { authors: vec![place], patch, files: BTreeMap::new(), run: Run::Tests(paths) });
    }
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (file, _) in tests.iter().filter(|(file, _)| file.is_new && is_script(file)) {
        files.insert(file.path.clone(), file.added().map(|line| format!("{line}\n")).collect());
    }
    let is_in_patch = |path: &str| tests.iter().any(|(file, _)| file.path == path);
    for (path, text) in candidate.trajectory.as_ref().map(created).unwrap_or_default() {
        let Some(path) = inventory.place(&path).filter(|path| path.ends_with(".py")) else { continue };
        if !inventory.has(&path) && !is_in_patch(&path) && text.len() <= LONGEST && is_of_tests(&path) {
            files.insert(path, text);
        }
    }
    written.extend(files.into_iter().map(|(path, text)| {
        let run = if is_script_text(&text) { Run::Script(path.clone()) } else { Run::Tests(vec![path.clone()]) };
        Written { authors: vec![place], patch: String::new(), files: [(path, text)].into(), run }
    }));
    written
}

/// Returns whether a file that an agent made is there to test something: by its name, or as it lies at the root.
fn is_of_tests(path: &str) -> bool {
    let file = FileChange { path: path.to_owned(), is_new: true, ..FileChange::default() };
    is_runnable(path) || file.kind() == crate::patch::Kind::Scratch
}

/// Returns whether a file of a patch is run by itself.
fn is_script(file: &FileChange) -> bool {
    file.is_new && is_script_text(&file.added().map(|line| format!("{line}\n")).collect::<String>())
}

/// Returns whether a text is run by itself rather than by what runs tests.
fn is_script_text(text: &str) -> bool {
    let has_tests = text.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("def test") || line.starts_with("async def test") || line.contains("TestCase)")
    });
    !has_tests
}

/// Returns the files that an agent made, as it last left them, by the path that it named.
fn created(trajectory: &Trajectory) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for record in &trajectory.records {
        match record {
            Record::Completion { completion, .. } => take(&completion.message, &mut files),
            Record::Message { message, .. } if message.role == Role::Assistant => take(message, &mut files),
            _ => {}
        }
    }
    files
}

fn take(message: &Message, files: &mut BTreeMap<String, String>) {
    if message.tool_calls.is_empty() {
        here_documents(&message.content, files);
    }
    for call in &message.tool_calls {
        let Ok(Value::Object(arguments)) = serde_json::from_str(&call.arguments) else { continue };
        let text = |names: &[&str]| names.iter().find_map(|name| arguments.get(*name)?.as_str());
        let path = text(&["path", "file_path", "filename"]);
        match (path, text(&["file_text", "contents", "content"]), text(&["old_str"]), text(&["new_str"])) {
            (Some(path), Some(contents), _, _) => {
                files.insert(path.to_owned(), contents.to_owned());
            }
            (Some(path), None, Some(old), new) => {
                if let Some(known) = files.get_mut(path) {
                    *known = known.replacen(old, new.unwrap_or_default(), 1);
                }
            }
            _ => {
                if let Some(command) = text(&["command", "code", "cmd"]) {
                    here_documents(command, files);
                }
            }
        }
    }
}

/// Takes the files that a script of bash writes by `cat > FILE <<'MARK'`, in either order.
fn here_documents(script: &str, files: &mut BTreeMap<String, String>) {
    let lines: Vec<&str> = script.lines().collect();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some((before, after)) = line.split_once("<<").filter(|_| line.contains("cat ")) else { continue };
        let after = after.trim_start_matches('-').trim_start();
        let mark: String = after.chars().take_while(|letter| !letter.is_whitespace() && *letter != '>').collect();
        let mark = mark.trim_matches(['\'', '"', '\\']);
        let target = |part: &str| {
            let (_, path) = part.rsplit_once('>')?;
            let path = path.split_whitespace().next()?;
            Some(path.trim_matches(['\'', '"']).to_owned())
        };
        let rest = lines.get(at..).unwrap_or_default();
        let (Some(path), Some(count)) =
            (target(before).or_else(|| target(after)), rest.iter().position(|line| line.trim() == mark))
        else {
            continue;
        };
        let text: String = rest.iter().take(count).map(|line| format!("{line}\n")).collect();
        if line.contains(">>") {
            files.entry(path).or_default().push_str(&text);
        } else {
            files.insert(path, text);
        }
        at += count + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_here_documents() {
        let mut files = BTreeMap::new();
        let script = "cd /testbed && cat > repro.py <<'EOF'\nprint(1)\nEOF\npython repro.py\ncat << \"X\" > \"a/test_b.py\"\nb\nX\n\
                      cat >> repro.py <<EOF\nprint(2)\nEOF\ncat <<EOF > open.py\nnever closed\n";
        here_documents(script, &mut files);
        let expected = [("a/test_b.py", "b\n"), ("repro.py", "print(1)\nprint(2)\n")];
        assert_eq!(files, expected.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    }
}
