//! What a test patch says of the tests: which files it touches and which tests to run.

/// Endings of files that are not tests. One lacks its dot, in the official harness too.
const NO_TESTS: [&str; 11] = [".json", ".png", "csv", ".txt", ".md", ".jpg", ".jpeg", ".pkl", ".yml", ".yaml", ".toml"];

/// Returns the arguments of the test command: the touched files that may be tests, for Django as module names.
pub(crate) fn directives(repo: &str, test_patch: &str) -> Vec<String> {
    if repo.eq_ignore_ascii_case("swe-bench/humaneval") {
        return vec!["test.py".to_owned()];
    }
    let files = test_patch.lines().filter_map(target_file);
    let tests = files.filter(|file| !NO_TESTS.iter().any(|ending| file.ends_with(ending)));
    if repo.eq_ignore_ascii_case("django/django") {
        return tests.map(django_module).collect();
    }
    tests.map(str::to_owned).collect()
}

/// Returns the new path in a line `diff --git a/... b/...`.
fn target_file(line: &str) -> Option<&str> {
    let (_, paths) = line.split_once("diff --git a/")?;
    paths.rsplit_once(" b/").map(|(_, file)| file)
}

pub(crate) fn django_module(file: &str) -> String {
    let file = file.strip_suffix(".py").unwrap_or(file);
    file.strip_prefix("tests/").unwrap_or(file).replace('/', ".")
}

/// Returns the names in `[case name]` anywhere in a patch for mypy, whose tests are data files.
pub(crate) fn mypy_cases(test_patch: &str) -> Vec<&str> {
    let mut cases = Vec::new();
    let mut rest = test_patch;
    while let Some((_, after)) = rest.split_once("[case ") {
        rest = after;
        match after.find(']') {
            Some(0) => {}
            Some(end) => {
                cases.push(&after[..end]);
                rest = &after[end + 1..];
            }
            None => break,
        }
    }
    cases
}

/// Returns the path on each line that holds `--- a/`, wherever in the line, as SWE-Gym's fork does.
pub(crate) fn old_files_anywhere(test_patch: &str) -> Vec<&str> {
    test_patch.split('\n').filter_map(|line| line.split_once("--- a/").map(|(_, file)| file)).collect()
}

/// Returns the old path of each file of a patch that was there before, as SWE-bench 4 does by reading the patch.
pub fn old_files(test_patch: &str) -> Vec<&str> {
    let mut files: Vec<&str> = Vec::new();
    let mut header: Option<&str> = None;
    let mut hunk = (0, 0);
    for line in test_patch.split('\n') {
        if hunk != (0, 0) {
            hunk = rest_of_hunk(hunk, line);
        } else if let Some(paths) = line.strip_prefix("diff --git ") {
            files.extend(header.take());
            header = paths.split_once(" b/").and_then(|(old, _)| old.strip_prefix("a/"));
        } else if line.starts_with("new file mode") || line == "--- /dev/null" {
            header = None;
        } else if let Some(old) = line.strip_prefix("--- a/") {
            header = Some(old.split('\t').next().unwrap_or(old));
        } else if line.starts_with("@@ ") {
            hunk = (hunk_lines(line, '-'), hunk_lines(line, '+'));
        }
    }
    files.extend(header);
    files
}

/// Returns how many lines of the old and the new file a hunk has left after `line`.
fn rest_of_hunk((old, new): (usize, usize), line: &str) -> (usize, usize) {
    match line.as_bytes().first() {
        Some(b'-') => (old.saturating_sub(1), new),
        Some(b'+') => (old, new.saturating_sub(1)),
        Some(b'\\') => (old, new),
        _ => (old.saturating_sub(1), new.saturating_sub(1)),
    }
}

/// Returns how many lines of the old or the new file the header `@@ -1,2 +3,4 @@` of a hunk names.
fn hunk_lines(header: &str, side: char) -> usize {
    let range = header.split(' ').skip(1).find_map(|word| word.strip_prefix(side)).unwrap_or_default();
    range.split_once(',').map_or(Ok(1), |(_, count)| count.parse()).unwrap_or(0)
}
