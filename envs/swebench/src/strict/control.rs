//! Tests that must fail, put beside the real ones or into them.

use env_core::{Distrust, Sign, Status, StatusMap};
use grading::GradingSpec;
use grading::markers::TESTS_START;
use repo::sections;
use tool_core::shell_quote;

use super::compare::{Changed, first, is_in};

/// What puts them there.
const CONTROL: &str = include_str!("control.py");

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
    /// A word that nothing else has, in the names of the tests that must fail.
    word: String,
    /// The files of its test patch that are Python.
    files: Vec<String>,
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
        let files: Vec<String> = sections(&patch)
            .iter()
            .filter(|section| !section.text.contains("\n+++ /dev/null"))
            .map(|section| section.path().to_owned())
            .filter(|path| path.ends_with(".py"))
            .collect();
        if files.is_empty() {
            return Err("no test file in Python: no failure could be put into one");
        }
        let marker = format!(": '{TESTS_START}'");
        let at =
            lines.iter().rposition(|line| line.trim_end() == marker).filter(|at| *at > opening).unwrap_or(closing + 1);
        let word: String = (0..16).map(|_| fastrand::lowercase()).collect();
        let mode = match mode {
            Mode::Canary => "canary",
            Mode::Control => "control",
        };
        // The interpreter of the tests first, then those that know newer syntax. What the patch has put into the
        // repository, into variables or into site-packages is not looked at.
        let step = format!(
            "for own_python in python3 python /opt/miniconda3/bin/python3 /usr/bin/python3; do\n\
             \"$own_python\" -I -S - {mode} {word} {} <<'EOF_{word}' && break\n{CONTROL}EOF_{word}\ndone\nunset own_python\n",
            files.iter().map(|path| shell_quote(path)).collect::<Vec<_>>().join(" ")
        );
        let mut script = String::with_capacity(script.len() + step.len() + 64);
        for (number, line) in lines.iter().enumerate() {
            if number == at {
                script.push_str(&step);
            }
            match number == opening {
                // Git takes all of a patch or nothing of it.
                true => script.push_str(&format!("{} && echo '{word} applied'\n", line.trim_end())),
                false => script.push_str(line),
            }
        }
        if at >= lines.len() {
            script.push_str(&step);
        }
        Ok(Self { script, word, files })
    }

    /// Returns what was put where, or why it was not.
    pub(super) fn put(&self, log: &[u8]) -> Result<Put, Unchanged> {
        let log = String::from_utf8_lossy(log);
        let said = |what: &str| {
            let start = format!("{} {what}", self.word);
            log.lines().find_map(|line| line.strip_prefix(start.as_str()))
        };
        if said("applied").is_none() {
            return Err(Unchanged::NotApplied);
        }
        let Some(tests) = said("done") else {
            return Err(if said("old").is_some() { Unchanged::OldPython } else { Unchanged::Broken });
        };
        let place = |place: &str| Some((place.parse().ok()?, self.files.get(place.parse::<usize>().ok()?)?.clone()));
        let files = said("files").unwrap_or_default().split_whitespace().filter_map(place).collect();
        let numbers: Vec<u32> =
            said("python").unwrap_or_default().split_whitespace().filter_map(|number| number.parse().ok()).collect();
        Ok(Put { files, changed: Changed::read(tests), is_new_python: numbers.as_slice() >= [3, 9].as_slice() })
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
            let (before, after) = controlled.script.split_once("for own_python").unwrap();
            assert!(
                before.contains("<<'EOF_1' && echo '")
                    && before.ends_with("EOF_1\n")
                    && after.contains("'tests/test_a.py' <<"),
                "{}",
                controlled.script
            );
            assert!(after.split_once("unset own_python\n").unwrap().1.ends_with("pytest\n"));
            assert!(!after.contains("d.txt"));
        }
        assert!(Controlled::new(&SCRIPT.replace("test_a.py", "case.test"), Mode::Canary).is_err());
        assert!(Controlled::new("pytest\n", Mode::Canary).is_err());
    }

    #[test]
    fn what_was_put_where_is_read_from_the_log() {
        let controlled = Controlled::new(SCRIPT, Mode::Canary).unwrap();
        let word = &controlled.word;
        let log = |lines: &str| lines.replace('W', word).into_bytes();
        let put =
            controlled.put(&log("+ echo W applied\nW applied\nW python 3 11\nW files 0\nW done +a::b\n")).unwrap();
        assert_eq!((put.files, put.is_new_python), (vec![(0, "tests/test_a.py".to_owned())], true));
        let why = |lines| controlled.put(&log(lines)).unwrap_err();
        assert_eq!(why("W python 3 11\nW files 0\nW done \n"), Unchanged::NotApplied);
        assert_eq!(why("W applied\nW python 3 6\nW old\n"), Unchanged::OldPython);
        assert_eq!(why("W applied\nW python 3 6\n"), Unchanged::Broken);
    }

    #[test]
    fn tests_that_must_fail_are_missed_in_each_file_that_counts() {
        let files = ["t/test_a.py", "t/test_b.py"].map(str::to_owned);
        let controlled = Controlled { script: String::new(), word: "word".to_owned(), files: files.to_vec() };
        let put = controlled.put(b"word applied\nword files 0 1\nword done\n").unwrap();
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
