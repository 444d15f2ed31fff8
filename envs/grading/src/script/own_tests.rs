//! How tests are run that are not those of a test patch.

use env_core::Instance;

use super::test_patch::{directives, django_module};
use crate::markers::{TESTS_END, TESTS_START};

/// How the tests of a repository are run, with nothing in it of the test patch or of the lists of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTests {
    /// Bash that makes the environment ready.
    pub setup: String,
    /// The test command up to its files.
    pub before: String,
    /// What stands behind its files.
    pub after: String,
    /// How the command names its files.
    pub naming: Naming,
}

/// How a test command names test files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// By path.
    Path,
    /// By module from the root.
    Module,
    /// By module below `tests`, as Django's runner does.
    Django,
}

impl OwnTests {
    /// Takes from an evaluation script how it runs tests, and leaves in it whatever comes of the test patch.
    ///
    /// # Errors
    /// A text that says what the script lacks.
    pub fn of_script(instance: &Instance, script: &str, test_patch: &str) -> Result<Self, String> {
        if instance.repo.eq_ignore_ascii_case("python/mypy") {
            return Err("its tests are run by case and not by file".to_owned());
        }
        let lines: Vec<&str> = script.lines().collect();
        let is_patching = |line: &&str| line.starts_with("git checkout ") || line.starts_with("git apply ");
        let end = lines.iter().position(is_patching).ok_or("its evaluation script applies no test patch")?;
        let command = command(&lines, end).ok_or("no test command is found in its evaluation script")?;
        let words = directives(&instance.repo, test_patch);
        let (before, after) = without_files(&command, &words);
        let is_django = instance.repo.eq_ignore_ascii_case("django/django");
        let naming = if is_django { Naming::Django } else { Naming::Path };
        let setup = lines.get(..end).unwrap_or_default().join("\n");
        Ok(Self { setup, before, after, naming })
    }
}

impl Naming {
    /// Returns the name of a file by its path.
    pub fn of(self, file: &str) -> String {
        match self {
            Self::Path => file.to_owned(),
            Self::Module => file.strip_suffix(".py").unwrap_or(file).replace('/', "."),
            Self::Django => django_module(file),
        }
    }
}

/// Returns the test command of a script whose test patch begins at a line.
fn command(lines: &[&str], patch: usize) -> Option<String> {
    let (start, end) = (format!(": '{TESTS_START}'"), format!(": '{TESTS_END}'"));
    if let Some(at) = lines.iter().rposition(|line| *line == start) {
        let rest = lines.get(at + 1..)?;
        let count = rest.iter().position(|line| *line == end)?;
        return Some(rest.get(..count)?.join("\n"));
    }
    let rest = lines.get(patch..)?;
    let (opening, mark) = rest.iter().enumerate().find_map(|(at, line)| {
        let (_, mark) = line.strip_prefix("git apply ")?.split_once("<<'")?;
        Some((at, mark.trim_end_matches('\'')))
    })?;
    let closing = opening + 1 + rest.get(opening + 1..)?.iter().position(|line| *line == mark)?;
    let tests = rest.get(closing + 1..)?.iter().take_while(|line| !line.starts_with("git checkout "));
    let tests: Vec<&str> = tests.copied().collect();
    (!tests.is_empty()).then(|| tests.join("\n"))
}

/// Returns a command cut where its files stand, without them.
fn without_files(command: &str, files: &[String]) -> (String, String) {
    let is_file = |word: &str| files.iter().any(|file| file == word.trim_matches(['\'', '"']));
    let words: Vec<&str> = command.split_inclusive([' ', '\n']).collect();
    let Some(first) = words.iter().position(|word| is_file(word.trim_end())) else {
        return (format!("{} ", command.trim_end()), String::new());
    };
    let kept = |words: &[&str]| words.iter().filter(|word| !is_file(word.trim_end())).copied().collect::<String>();
    let (before, after) = words.split_at(first);
    let after = kept(after);
    (before.concat(), if after.is_empty() { after } else { format!(" {after}") })
}
