//! What of a patch is judged, and what it says of itself.

use std::collections::BTreeSet;

use env_core::{Distrust, EnvError, Patch, Sign};
use repo::{Section, sections};
use tool_core::{FileError, Sandbox};

use super::control::test_patch;
use super::loaded::{Loaded, commands, why_loaded};
use super::words::{Word, words};

/// A patch, looked through.
#[derive(Debug, Default)]
pub(crate) struct Screened {
    /// The patch without the files that the tests load.
    pub(crate) kept: Patch,
    /// The files that are not in it.
    pub(crate) put_back: Vec<String>,
    /// What of these files speaks against a verdict on the whole patch: all but plain tests.
    pub(crate) loaded: Vec<Distrust>,
    /// The words in the rest that no fix needs and the gold patch does not have.
    pub(crate) words: Vec<Word>,
}

/// Looks through a patch. What the gold patch touches is never put back.
pub(crate) fn screen(patch: &Patch, gold: Option<&Patch>, script: &str) -> Screened {
    let gold = gold.map(|gold| sections(&gold.0)).unwrap_or_default();
    let in_gold = |path: &String| gold.iter().any(|section| section.paths.contains(path));
    let gold_adds: String = gold.iter().flat_map(Section::added).map(|line| format!("{line}\n")).collect();
    let lines: Vec<&str> = script.split_inclusive('\n').collect();
    let test_patch = test_patch(&lines).map(|(_, _, patch)| patch).unwrap_or_default();
    // The script without its test patch, which may be long.
    let script = commands(script);
    let mut put_back: BTreeSet<String> = BTreeSet::new();
    let of_tests: BTreeSet<String> = sections(&test_patch).into_iter().flat_map(|section| section.paths).collect();
    let mut screened = Screened::default();
    for section in sections(&patch.0) {
        let of_solver = section.paths.iter().filter(|path| !in_gold(path));
        let why = |path: &String| {
            // Git takes all of a test patch or nothing: what lies in its way is put back.
            let why = of_tests.contains(path).then_some(Loaded::Test);
            why_loaded(path, section.is_new, section.is_link || is_unread(&section), &script).or(why)
        };
        let mut loaded = of_solver.map(|path| (path, why(path)));
        match loaded.find_map(|(path, why)| Some((path, why?))) {
            Some((path, why)) => {
                // A file that becomes a link has two sections.
                if put_back.insert(path.clone()) {
                    screened.put_back.push(path.clone());
                }
                let sign = match why {
                    Loaded::Test => continue,
                    Loaded::Setup => Sign::LoadedFile,
                    Loaded::Foreign => Sign::ForeignFile,
                };
                screened.loaded.push(Distrust { sign, evidence: path.clone() });
            }
            None => {
                let mut of_own = words(&section);
                of_own.retain(|word| !gold_adds.contains(&word.word));
                // A script that a solver left beside the sources takes no part in a fix.
                if is_script(&section) && !of_own.is_empty() {
                    screened.put_back.push(section.path().to_owned());
                    screened.loaded.extend(of_own.iter().map(Word::tell));
                    continue;
                }
                screened.kept.0.push_str(section.text);
                screened.words.extend(of_own);
            }
        }
    }
    screened
}

/// Whether a section changes code to what cannot be read: git takes what is not UTF-8 for no text.
fn is_unread(section: &Section<'_>) -> bool {
    section.path().ends_with(".py") && section.text.contains("\nGIT binary patch\n")
}

/// Whether a section adds a file of Python at the root of the repository.
fn is_script(section: &Section<'_>) -> bool {
    section.is_new && section.path().ends_with(".py") && !section.path().contains('/')
}

/// Returns what speaks against a verdict of words that the files did not have in a sandbox to which nothing is applied.
///
/// # Errors
/// When the sandbox is broken.
pub(crate) async fn new_words(sandbox: &dyn Sandbox, words: Vec<Word>) -> Result<Vec<Distrust>, EnvError> {
    let mut found: Vec<Distrust> = Vec::new();
    let mut read: Option<(String, String)> = None;
    for Word { sign, path, word } in words {
        if read.as_ref().is_none_or(|(known, _)| *known != path) {
            let text = match sandbox.read_file(&path).await {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(FileError::Sandbox(err)) => return Err(err.into()),
                Err(_) => String::new(),
            };
            read = Some((path.clone(), text));
        }
        if found.len() == MOST {
            break;
        }
        if !read.as_ref().is_some_and(|(_, text)| text.contains(&word)) {
            found.push(Word { sign, path, word }.tell());
        }
    }
    Ok(found)
}

/// How many words are told.
const MOST: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    const GOLD: &str = "diff --git a/setup.cfg b/setup.cfg\n--- a/setup.cfg\n+++ b/setup.cfg\n@@ -1 +1 @@\n-a\n+b\n";

    fn adding(path: &str, line: &str) -> String {
        format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{line}\n"
        )
    }

    #[test]
    fn what_the_gold_patch_touches_stays() {
        let (code, test) = (adding("pkg/a.py", "import gc"), adding("tests/test_a.py", "pass"));
        let patch = Patch(format!("{code}{test}{GOLD}{}", adding("conftest.py", "import os")));
        let screened = screen(&patch, Some(&Patch(GOLD.to_owned())), "");
        assert_eq!(screened.kept.0, format!("{code}{GOLD}"));
        assert_eq!(screened.put_back, ["tests/test_a.py", "conftest.py"]);
        assert_eq!(screened.loaded.iter().map(|found| found.evidence.as_str()).collect::<Vec<_>>(), ["conftest.py"]);
        assert_eq!(screened.words.len(), 1);
        let script = format!("git apply -v - <<'EOF_1'\n{}EOF_1\n", adding("pkg/a.py", "x"));
        assert_eq!(screen(&patch, None, &script).put_back[0], "pkg/a.py");
        let gold = Patch(format!("{GOLD}{}", adding("b.py", "import gc")));
        assert_eq!(screen(&patch, Some(&gold), "").words, []);
        assert_eq!(screen(&patch, None, "").put_back.len(), 3);
    }

    #[test]
    fn a_script_that_was_left_behind_is_put_back() {
        let patch = Patch(format!("{}{}", adding("check_fix.py", "import pytest"), adding("more.py", "x = 1")));
        let screened = screen(&patch, None, "");
        assert_eq!((screened.put_back, screened.words), (vec!["check_fix.py".to_owned()], vec![]));
        assert_eq!(screened.kept.0, adding("more.py", "x = 1"));
        assert_eq!(screen(&Patch(adding("pkg/a.py", "import pytest")), None, "").words.len(), 1);
    }

    #[test]
    fn code_that_cannot_be_read_is_put_back() {
        let binary = "diff --git a/pkg/a.py b/pkg/a.py\nindex 1..2 100644\nGIT binary patch\nliteral 3\nKcmZ\n\n";
        assert_eq!(screen(&Patch(binary.to_owned()), None, "").put_back, ["pkg/a.py"]);
        let picture = binary.replace("a.py", "a.png");
        assert_eq!(screen(&Patch(picture), None, "").put_back, [] as [&str; 0]);
    }
}
