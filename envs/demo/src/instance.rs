//! One instance as a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use env_core::{Dialect, EnvError, Instance, Patch};
use grading::{EvalType, GradingSpec, Naming, OwnTests, Parser, TestSpec};
use include_dir::{Dir, include_dir};
use serde::Deserialize;
use swebench::Entry;
use tool_core::{Image, Source};

/// The instances, a folder each.
pub(crate) static FOLDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/instances");

const RUNNER: &str = include_str!("../run_tests.py");

/// `instance.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    instance_id: String,
    repo: String,
    version: String,
    base_commit: String,
    /// Test modules to run.
    tests: Vec<String>,
    #[serde(rename = "FAIL_TO_PASS")]
    fail_to_pass: Vec<String>,
    #[serde(rename = "PASS_TO_PASS")]
    pass_to_pass: Vec<String>,
}

/// Returns the instance of a folder with what it is judged by.
pub(crate) fn load(folder: &Dir<'static>) -> Result<Entry, EnvError> {
    let row: Row = serde_json::from_str(text(folder, "instance.json")?).map_err(|err| unusable(folder, &err))?;
    let instance = Instance {
        instance_id: row.instance_id.clone(),
        repo: row.repo.clone(),
        base_commit: row.base_commit.clone(),
        problem_statement: text(folder, "problem_statement.md")?.to_owned(),
        hints_text: String::new(),
        version: row.version.clone(),
    };
    let tests = TestSpec {
        eval_script: eval_script(&row, text(folder, "test.patch")?),
        grading: GradingSpec {
            dialect: Dialect::SweBench5,
            parser: Parser::Pytest,
            eval_type: EvalType::PassAndFail,
            fail_to_pass: row.fail_to_pass,
            pass_to_pass: row.pass_to_pass,
        },
        timeout: Duration::from_secs(120),
        own: Ok(own_tests()),
    };
    let repo = folder.get_dir(folder.path().join("repo")).ok_or_else(|| unusable(folder, &"it has no `repo`"))?;
    let mut files = BTreeMap::new();
    collect(repo, repo.path(), &mut files);
    let image = Image { source: Source::Files(files), root: "/testbed".to_owned(), startup: String::new() };
    let gold = Some(Patch(text(folder, "gold.patch")?.to_owned()));
    Ok(Entry { instance, image, gold, tests: Ok(tests) })
}

/// Returns the script that applies the test patch and runs the tests between the official markers.
fn eval_script(row: &Row, test_patch: &str) -> String {
    let tests = row.tests.join(" ");
    let touched: Vec<&str> = test_patch.lines().filter_map(|line| line.strip_prefix("+++ b/")).collect();
    let (touched, base) = (touched.join(" "), &row.base_commit);
    format!(
        "set -uxo pipefail
rm -f {touched}
git checkout {base} -- {touched}
git apply -v - <<'EOF_TEST_PATCH'
{test_patch}EOF_TEST_PATCH
: '>>>>> Start Test Output'
python3 - {tests} <<'EOF_RUNNER'
{RUNNER}EOF_RUNNER
exit_code=$?
: '>>>>> End Test Output'
echo \">>>>> Test Exit Code: $exit_code\"
"
    )
}

/// Returns how the tests of a repository are run.
fn own_tests() -> OwnTests {
    OwnTests {
        setup: "set -uo pipefail".to_owned(),
        before: "python3 - ".to_owned(),
        after: format!(" <<'EOF_RUNNER'\n{RUNNER}EOF_RUNNER"),
        naming: Naming::Module,
    }
}

fn collect(dir: &Dir<'_>, base: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        let name = file.path().strip_prefix(base).unwrap_or(file.path());
        files.insert(name.to_string_lossy().into_owned(), file.contents().to_vec());
    }
    for dir in dir.dirs() {
        collect(dir, base, files);
    }
}

fn text(folder: &Dir<'static>, name: &str) -> Result<&'static str, EnvError> {
    let file = folder.get_file(folder.path().join(name)).and_then(include_dir::File::contents_utf8);
    file.ok_or_else(|| unusable(folder, &format!("it has no `{name}`")))
}

fn unusable(folder: &Dir<'_>, reason: &dyn std::fmt::Display) -> EnvError {
    EnvError::Unusable { id: folder.path().display().to_string(), reason: reason.to_string() }
}
