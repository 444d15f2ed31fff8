//! Tests that must fail, put beside the real ones or into them.

use env_core::{Distrust, Sign, Status, StatusMap, sha256};
use grading::GradingSpec;
use grading::markers::TESTS_START;
use repo::sections;

use super::compare::{Changed, first, is_in};

/// What puts them there.
const CONTROL: &str = include_str!("control.py");

/// Runs it. The interpreter of the tests comes first, then those that know newer syntax; a file that none of them can read
/// is left out. What the patch has put into the repository, into variables or into site-packages is not looked at.
const STEP: &str = "\
for own_skip in '' skip; do
for own_python in python3 python /opt/miniconda3/bin/python3 /usr/bin/python3; do
\"$own_python\" -I -S \"${0%/*}/control.py\" \"${0%/*}/control.json\" $own_skip && break 2
done
done
rm -f \"${0%/*}/control.py\" \"${0%/*}/control.json\" \"${0%/*}/applied\"
unset own_python own_skip
";

/// What is put into the test files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Tests that fail, beside the real ones.
    Canary,
    /// The same, and a failure in each real one.
    Control,
}

/// An evaluation script that puts failures into the test files before the tests run.
pub(super) struct Controlled {
    /// The script.
    pub(super) script: String,
    /// What the script reads before the first test runs, and removes: the name in the scratch folder, and the text.
    pub(super) files: [(&'static str, String); 2],
    /// A word that nothing else has, in the names of the tests that must fail.
    word: String,
    /// What the answers are sealed with, which the tests never see.
    key: String,
    /// The files of its test patch that are Python.
    tests: Vec<String>,
}

impl Controlled {
    /// Returns the script with this done.
    ///
    /// # Errors
    /// Why nothing can be put anywhere: it has no test patch, or that has no file of Python.
    pub(super) fn new(script: &str, mode: Mode) -> Result<Self, &'static str> {
        let lines: Vec<&str> = script.split_inclusive('\n').collect();
        let (opening, closing, patch) =
            test_patch(&lines).ok_or("no test patch in the script: no failure could be put into its files")?;
        let tests: Vec<String> = sections(&patch)
            .iter()
            .filter(|section| !section.text.contains("\n+++ /dev/null"))
            .map(|section| section.path().to_owned())
            .filter(|path| path.ends_with(".py"))
            .collect();
        if tests.is_empty() {
            return Err("no test file in Python: no failure could be put into one");
        }
        let marker = format!(": '{TESTS_START}'");
        let at =
            lines.iter().rposition(|line| line.trim_end() == marker).filter(|at| *at > opening).unwrap_or(closing + 1);
        let made = |length| -> String { (0..length).map(|_| fastrand::lowercase()).collect() };
        let (word, key) = (made(16), made(32));
        let mode = match mode {
            Mode::Canary => "canary",
            Mode::Control => "control",
        };
        let task = serde_json::json!({ "mode": mode, "word": word, "key": key, "files": tests }).to_string();
        let files = [("control.py", CONTROL.to_owned()), ("control.json", task)];
        let mut script = String::with_capacity(script.len() + STEP.len() + 64);
        for (number, line) in lines.iter().enumerate() {
            if number == at {
                script.push_str(STEP);
            }
            match number == opening {
                // Git takes all of a patch or nothing of it.
                true => script.push_str(&format!("{} && : > \"${{0%/*}}/applied\"\n", line.trim_end())),
                false => script.push_str(line),
            }
        }
        if at >= lines.len() {
            script.push_str(STEP);
        }
        Ok(Self { script, files, word, key, tests })
    }

    /// Returns what was put where, or why it was not.
    pub(super) fn put(&self, log: &[u8]) -> Result<Put, Unchanged> {
        let log = String::from_utf8_lossy(log);
        let start = format!("{} ", self.word);
        let sealed = |line| {
            let (seal, said): (&str, &str) = str::strip_prefix(line, start.as_str())?.split_once(' ')?;
            (seal == self.seal(said)).then_some(said)
        };
        // The log is a file that tests can write, too.
        let lines: Vec<&str> = log.lines().filter_map(sealed).collect();
        let said = |what: &str| lines.iter().find_map(|line| line.strip_prefix(what));
        if said("applied").is_none() {
            return Err(Unchanged::NotApplied);
        }
        let Some(tests) = said("done") else {
            return Err(if said("old").is_some() { Unchanged::OldPython } else { Unchanged::Broken });
        };
        let place = |place: &str| Some((place.parse().ok()?, self.tests.get(place.parse::<usize>().ok()?)?.clone()));
        let files = said("files").unwrap_or_default().split_whitespace().filter_map(place).collect();
        let numbers: Vec<u32> =
            said("python").unwrap_or_default().split_whitespace().filter_map(|number| number.parse().ok()).collect();
        Ok(Put { files, changed: Changed::read(tests), is_new_python: numbers.as_slice() >= [3, 9].as_slice() })
    }

    /// Returns what only one who has the key can say with a line.
    fn seal(&self, line: &str) -> String {
        sha256(format!("{0}{line}{0}", self.key))
    }

    /// Returns what the tests that must fail say: each that did not, and that there are none in a file whose tests count
    /// as passed.
    pub(super) fn canaries(&self, spec: &GradingSpec, put: &Put, statuses: &StatusMap) -> Vec<Distrust> {
        let ours: Vec<(&str, &Status)> = statuses.iter().filter(|(test, _)| test.contains(&self.word)).collect();
        let missing = |evidence: String| vec![Distrust { sign: Sign::CanaryMissing, evidence }];
        if ours.is_empty() {
            return missing("none of them is in the log".to_owned());
        }
        let is_needed = |path: &str| {
            let of_spec = spec.fail_to_pass.iter().chain(&spec.pass_to_pass).filter(|test| is_in(test, path));
            of_spec.filter_map(|test| first(statuses, test)).any(|status| *status == Status::Passed)
        };
        let is_there = |place: usize| ours.iter().any(|(test, _)| test.contains(&format!("{}{place}x", self.word)));
        if let Some((_, path)) = put.files.iter().find(|(place, path)| !is_there(*place) && is_needed(path)) {
            return missing(format!("none of those in {path} is in the log"));
        }
        let passed =
            ours.iter().filter(|(_, status)| matches!(status, Status::Passed | Status::Xfail | Status::Skipped));
        let evidence = |(test, status): &(&str, &Status)| format!("{status} {}", test.replace(&self.word, "canary_"));
        passed.map(|found| Distrust { sign: Sign::CanaryPassed, evidence: evidence(found) }).collect()
    }

    /// Returns statuses without those of the tests that must fail.
    pub(super) fn without_canaries(&self, statuses: &StatusMap) -> StatusMap {
        let mut kept = StatusMap::default();
        for (test, status) in statuses.iter().filter(|(test, _)| !test.contains(&self.word)) {
            kept.insert(test, status.clone());
        }
        kept
    }
}

/// What was put where.
#[derive(Debug)]
pub(super) struct Put {
    /// The files with tests that must fail, each with its number in their names.
    pub(super) files: Vec<(usize, String)>,
    /// The tests that were changed.
    pub(super) changed: Changed,
    /// Whether the Python that did it is one that can change tests: 3.9 or later.
    pub(super) is_new_python: bool,
}

/// Why no test was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unchanged {
    /// The test patch did not apply.
    NotApplied,
    /// There is no Python that can.
    OldPython,
    /// It did not come to its end.
    Broken,
}

/// Returns where the test patch of a script opens and closes, and the patch.
pub(super) fn test_patch(lines: &[&str]) -> Option<(usize, usize, String)> {
    let opens = |line: &&str| line.starts_with("git apply ") && line.contains("<<");
    let opening = lines.iter().rposition(opens)?;
    let mark = lines.get(opening)?.split_once("<<")?.1.trim().trim_start_matches('-');
    let mark = mark.split_whitespace().next()?.trim_matches(['\'', '"']);
    let count = lines.get(opening + 1..)?.iter().position(|line| line.trim_end() == mark)?;
    let patch = lines.get(opening + 1..opening + 1 + count)?.concat();
    Some((opening, opening + 1 + count, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "set -x\ngit checkout base tests/test_a.py\ngit apply -v - <<'EOF_1'\n\
        diff --git a/tests/test_a.py b/tests/test_a.py\n--- a/tests/test_a.py\n+++ b/tests/test_a.py\n@@ -1 +1 @@\n-a\n+b\n\
        diff --git a/d.txt b/d.txt\n--- a/d.txt\n+++ b/d.txt\n@@ -1 +1 @@\n-a\n+b\nEOF_1\n: '>>>>> Start Test Output'\npytest\n";

    #[test]
    fn failures_are_put_between_the_test_patch_and_the_tests() {
        for script in [SCRIPT.to_owned(), SCRIPT.replace(": '>>>>> Start Test Output'\n", "")] {
            let controlled = Controlled::new(&script, Mode::Control).unwrap();
            let (before, after) = controlled.script.split_once(STEP).unwrap();
            assert!(
                before.contains("<<'EOF_1' && : > ") && before.ends_with("EOF_1\n") && after.ends_with("pytest\n"),
                "{}",
                controlled.script
            );
            let [_, (_, task)] = &controlled.files;
            assert!(task.contains("test_a.py") && !task.contains("d.txt"));
            // Nothing that stays while the tests run tells what is done.
            assert!(!controlled.script.contains(&controlled.word) && !controlled.script.contains("control "));
        }
        assert!(Controlled::new(&SCRIPT.replace("test_a.py", "case.test"), Mode::Canary).is_err());
        assert!(Controlled::new("pytest\n", Mode::Canary).is_err());
    }

    #[test]
    fn what_was_put_where_is_read_from_the_log() {
        let controlled = Controlled::new(SCRIPT, Mode::Canary).unwrap();
        let line = |line: &str| match line.strip_prefix("W ") {
            Some(said) => format!("{} {} {said}\n", controlled.word, controlled.seal(said)),
            None => format!("{line}\n"),
        };
        let log = |lines: &str| lines.lines().map(line).collect::<String>().into_bytes();
        let put = controlled.put(&log("+ echo\nW applied\nW python 3 11\nW files 0\nW done +a::b\n")).unwrap();
        assert_eq!((put.files, put.is_new_python), (vec![(0, "tests/test_a.py".to_owned())], true));
        let why = |lines| controlled.put(&log(lines)).unwrap_err();
        assert_eq!(why("W python 3 11\nW files 0\nW done \n"), Unchanged::NotApplied);
        assert_eq!(why("W applied\nW python 3 6\nW old\n"), Unchanged::OldPython);
        assert_eq!(why("W applied\nW python 3 6\n"), Unchanged::Broken);
        // A line without the seal is one of the tests.
        let forged = format!("{0} {1} applied\n{0} {1} files\n{0} {1} done \n", controlled.word, controlled.seal(""));
        assert_eq!(controlled.put(forged.as_bytes()).unwrap_err(), Unchanged::NotApplied);
    }

    #[test]
    fn tests_that_must_fail_are_missed_in_each_file_that_counts() {
        let files = ["t/test_a.py", "t/test_b.py"].map(str::to_owned);
        let controlled = Controlled { tests: files.to_vec(), ..Controlled::new(SCRIPT, Mode::Canary).unwrap() };
        let controlled = Controlled { word: "word".to_owned(), ..controlled };
        let said = ["applied", "files 0 1", "done "].map(|said| format!("word {} {said}\n", controlled.seal(said)));
        let put = controlled.put(said.concat().as_bytes()).unwrap();
        let spec = |test: &str| GradingSpec {
            dialect: env_core::Dialect::SweBench5,
            parser: grading::Parser::Pytest,
            eval_type: grading::EvalType::PassAndFail,
            fail_to_pass: vec![test.to_owned()],
            pass_to_pass: Vec::new(),
        };
        let mut statuses = StatusMap::default();
        statuses.insert("t/test_a.py::test_word0x_function", Status::Failed);
        statuses.insert("t/test_a.py::test_1", Status::Passed);
        statuses.insert("t/test_b.py::test_1", Status::Passed);
        assert_eq!(controlled.canaries(&spec("t/test_a.py::test_1"), &put, &statuses), []);
        let missing = controlled.canaries(&spec("t/test_b.py::test_1"), &put, &statuses);
        assert_eq!(missing[0].sign, Sign::CanaryMissing);
    }
}
