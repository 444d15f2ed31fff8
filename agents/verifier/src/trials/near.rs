//! The tests of a repository that are near what patches touch.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::split::{is_runnable, split};
use crate::candidate::Candidates;
use crate::patch::shape;

/// What the lines of a survey begin with.
const FILE: &str = "own-file ";
const MENTION: &str = "own-mention ";

/// Names too common to say anything where a test mentions them.
const COMMON: [&str; 8] = ["__init__", "base", "core", "main", "utils", "util", "test", "setup"];

/// The files of a repository at its base commit, and which tests mention what is patched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    files: BTreeSet<String>,
    /// Test files by the name that they mention.
    mentions: BTreeMap<String, BTreeSet<String>>,
}

/// Returns a line of bash whose output [`Inventory::read`] takes.
pub fn survey(candidates: &Candidates) -> String {
    let mut command = format!("git -c core.quotePath=off ls-files | sed 's/^/{FILE}/'");
    for stem in touched(candidates).iter().filter_map(|path| stem(path)).collect::<BTreeSet<_>>() {
        // Names are of letters, digits and underscores, so that no quoting is needed.
        let _ = write!(
            command,
            "; git -c core.quotePath=off grep -lwF -e {stem} -- '*test*.py' | sed 's/^/{MENTION}{stem} /'"
        );
    }
    command + "; true"
}

impl Inventory {
    /// Reads the output of a survey; other lines are passed over.
    pub fn read(output: &str) -> Self {
        let mut inventory = Self::default();
        for line in output.lines() {
            if let Some(path) = line.strip_prefix(FILE) {
                inventory.files.insert(path.to_owned());
            } else if let Some((stem, path)) = line.strip_prefix(MENTION).and_then(|rest| rest.split_once(' ')) {
                inventory.mentions.entry(stem.to_owned()).or_default().insert(path.to_owned());
            }
        }
        inventory
    }

    /// Returns whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the test files that are nearest to what the candidates touch, no more than `most`, the nearest first.
    pub fn near(&self, candidates: &Candidates, most: usize) -> Vec<String> {
        let touched = touched(candidates);
        let score = |test: &String| touched.iter().map(|source| self.nearness(test, source)).max().unwrap_or_default();
        let mut tests: Vec<(usize, &String)> =
            self.files.iter().filter(|path| is_runnable(path)).map(|test| (score(test), test)).collect();
        tests.retain(|(score, _)| *score > 0);
        tests.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
        tests.into_iter().take(most).map(|(_, test)| test.clone()).collect()
    }

    /// Returns how near a test is to a source: by its name, by what it mentions, and by its folder.
    fn nearness(&self, test: &str, source: &str) -> usize {
        let (folder, name) = test.rsplit_once('/').unwrap_or(("", test));
        let own = name.strip_suffix(".py").unwrap_or(name);
        let own = own.strip_prefix("test_").or_else(|| own.strip_suffix("_test")).unwrap_or(own);
        let by_name = stem(source).map_or(0, |stem| {
            let is_same = own == stem || own.strip_suffix('s') == Some(stem);
            let is_part = stem.len() > 3 && own.contains(stem);
            let is_folder = folder.split('/').any(|part| part == stem);
            let mentions = self.mentions.get(stem).is_some_and(|tests| tests.contains(test));
            8 * usize::from(is_same) + 4 * usize::from(is_part || is_folder) + 3 * usize::from(mentions)
        });
        let parents = source.rsplit_once('/').map_or("", |(folder, _)| folder);
        // The first part is the name of the package, which all share.
        let shared = parents.split('/').skip(1).filter(|part| {
            let in_folder = folder.split('/').any(|other| other == *part);
            !part.is_empty() && (in_folder || own.contains(part))
        });
        by_name + 2 * shared.count()
    }

    /// Returns where in the repository a file stands that an agent wrote somewhere: the longest end of its path whose
    /// folder is there, else its name at the root.
    pub(super) fn place(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let name = parts.last().filter(|name| !parts.contains(&"..") && !name.contains(['\n', '\0']))?;
        let is_there = |folder: &str| {
            self.files.iter().any(|file| file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
        };
        let ends = (0..parts.len().saturating_sub(1)).filter_map(|from| parts.get(from..parts.len() - 1));
        let folder = ends.map(|folder| folder.join("/")).find(|folder| is_there(folder));
        Some(folder.map_or_else(|| (*name).to_owned(), |folder| format!("{folder}/{name}")))
    }

    /// Returns whether a file is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains(path)
    }
}

/// Returns the files of the program that the candidates touch.
fn touched(candidates: &Candidates) -> BTreeSet<String> {
    let of = |patch: &str| shape(&split(patch).source).into_iter().map(|file| file.path).collect::<Vec<_>>();
    candidates.candidates.iter().flat_map(|candidate| of(&candidate.patch.0)).collect()
}

/// Returns the name of a module, where it says something.
fn stem(path: &str) -> Option<&str> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).trim_start_matches('_');
    let is_word = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_word && !COMMON.contains(&stem)).then_some(stem)
}

#[cfg(test)]
mod tests {
    use env_core::Patch;

    use super::*;
    use crate::candidate::Candidate;

    fn touching(path: &str) -> Candidates {
        let patch = Patch(format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"));
        Candidates { instance_id: "a__b-1".to_owned(), candidates: vec![Candidate { patch, ..Candidate::default() }] }
    }

    #[test]
    fn the_nearest_tests_come_first() {
        let output = "+ git ls-files\nown-file pkg/fields.py\nown-file pkg/tests/test_fields.py\nown-file pkg/tests/test_forms.py\n\
                      own-file pkg/io/tests/test_csv.py\nown-mention fields pkg/tests/test_forms.py\nown-file tests/fields/tests.py\n";
        let inventory = Inventory::read(output);
        let near = inventory.near(&touching("pkg/fields.py"), 8);
        assert_eq!(near, ["pkg/tests/test_fields.py", "tests/fields/tests.py", "pkg/tests/test_forms.py"]);
        assert_eq!(inventory.near(&touching("pkg/io/csv.py"), 1), ["pkg/io/tests/test_csv.py"]);
        assert_eq!(survey(&touching("pkg/$(x).py")).matches("grep").count(), 0);
        assert!(survey(&touching("pkg/fields.py")).contains("-e fields --"));
    }

    #[test]
    fn a_file_that_was_written_somewhere_has_a_place_in_the_repository() {
        let inventory = Inventory::read("own-file pkg/tests/test_a.py\n");
        for (path, expected) in [
            ("/testbed/pkg/tests/test_new.py", Some("pkg/tests/test_new.py")),
            ("/tmp/x/repro.py", Some("repro.py")),
            ("repro.py", Some("repro.py")),
            ("../repro.py", None),
            ("", None),
        ] {
            assert_eq!(inventory.place(path).as_deref(), expected, "{path}");
        }
    }
}
