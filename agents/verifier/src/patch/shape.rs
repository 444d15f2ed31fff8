//! A git diff taken apart.

/// What a patch does to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileChange {
    /// Path in the repository after the change; before it, for a file that is deleted.
    pub path: String,
    /// Whether the patch creates the file.
    pub is_new: bool,
    /// Whether it deletes the file.
    pub is_deleted: bool,
    /// The hunks.
    pub hunks: Vec<Hunk>,
}

/// One hunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunk {
    /// Lines that are removed, each with its number in the old file, from 1.
    pub removed: Vec<(usize, String)>,
    /// Lines that are added, each with the number of the old line that it stands before.
    pub added: Vec<(usize, String)>,
    /// Lines around them that stay, each with its number in the old file.
    pub kept: Vec<(usize, String)>,
}

/// What a file is for, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Code of the repository.
    Source,
    /// Tests of the repository.
    Test,
    /// A script that was made on the way and left, such as `reproduce.py` at the root.
    Scratch,
    /// Anything else: documentation, configuration, data.
    Other,
}

/// Endings of code.
const CODE: [&str; 17] =
    ["py", "pyx", "rs", "js", "jsx", "ts", "tsx", "go", "java", "c", "h", "cc", "cpp", "hpp", "rb", "php", "kt"];

/// Words in the names of scripts that agents make to reproduce or try something, wherever they put them.
const SCRATCH: [&str; 8] = ["repro", "reproduce", "reproduces", "reproducer", "reproduction", "tmp", "temp", "scratch"];

/// Words that such names begin with before another one, as in `verify_fix.py`. Alone they are names of modules as well.
const BEGINS: [&str; 6] = ["debug", "demo", "verify", "check", "simple", "patch"];

impl FileChange {
    /// Returns what the file is for.
    pub fn kind(&self) -> Kind {
        let path = self.path.to_lowercase();
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let is_code = CODE.contains(&ending);
        let is_test = stem.starts_with("test") || stem.ends_with("_test") || stem == "conftest";
        let scratch = folder.is_empty() && stem != "setup" || is_scratch(stem);
        if self.is_new && is_code && scratch {
            return Kind::Scratch;
        }
        if is_test || folder.split('/').any(|part| matches!(part, "test" | "tests" | "testing")) {
            return Kind::Test;
        }
        if is_code { Kind::Source } else { Kind::Other }
    }

    /// Returns the lines that are added.
    pub fn added(&self) -> impl Iterator<Item = &str> {
        self.hunks.iter().flat_map(|hunk| &hunk.added).map(|(_, line)| line.as_str())
    }

    /// Returns the lines that are removed.
    pub fn removed(&self) -> impl Iterator<Item = &str> {
        self.hunks.iter().flat_map(|hunk| &hunk.removed).map(|(_, line)| line.as_str())
    }
}

/// Returns whether a name, by its words, is that of a script that was made to try something.
fn is_scratch(stem: &str) -> bool {
    let mut words = stem.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let begins = words.clone().count() > 1 && words.clone().next().is_some_and(|first| BEGINS.contains(&first));
    begins || words.any(|word| SCRATCH.contains(&word))
}

/// Returns what a git diff changes, file by file. Lines that belong to no diff are passed over, as `git apply` does.
pub fn shape(patch: &str) -> Vec<FileChange> {
    let mut files: Vec<FileChange> = Vec::new();
    // What is left of the hunk at hand, in old and new lines, and the number of the next old line.
    let (mut old_left, mut new_left, mut old_line) = (0, 0, 0);
    for line in patch.lines() {
        if old_left > 0 || new_left > 0 {
            let Some(hunk) = files.last_mut().and_then(|file| file.hunks.last_mut()) else { continue };
            match line.as_bytes().first() {
                Some(b'+') => {
                    hunk.added.push((old_line, line[1..].to_owned()));
                    new_left = usize::saturating_sub(new_left, 1);
                }
                Some(b'-') => {
                    hunk.removed.push((old_line, line[1..].to_owned()));
                    (old_line, old_left) = (usize::saturating_add(old_line, 1), usize::saturating_sub(old_left, 1));
                }
                Some(b'\\') => {}
                _ => {
                    hunk.kept.push((old_line, line.get(1..).unwrap_or_default().to_owned()));
                    (old_left, new_left) = (usize::saturating_sub(old_left, 1), usize::saturating_sub(new_left, 1));
                    old_line = usize::saturating_add(old_line, 1);
                }
            }
        } else if let Some(ranges) = line.strip_prefix("@@ ") {
            let Some((old, new)) = hunk_ranges(ranges) else { continue };
            // The number of an empty range is that of the line before it.
            ((old_line, old_left), new_left) = ((old.0.saturating_add(usize::from(old.1 == 0)), old.1), new.1);
            files.last_mut().into_iter().for_each(|file| file.hunks.push(Hunk::default()));
        } else {
            header(line, &mut files);
        }
    }
    files
}

/// Takes in a line between hunks.
fn header(line: &str, files: &mut Vec<FileChange>) {
    if let Some(paths) = line.strip_prefix("diff --git ") {
        let path = paths.rsplit_once(" b/").map_or(paths, |(_, path)| path);
        files.push(FileChange { path: path.to_owned(), ..FileChange::default() });
    } else if let Some(old) = line.strip_prefix("--- ") {
        // A diff of another program than git has no line of its own before this one.
        if files.last().is_none_or(|file| !file.hunks.is_empty()) {
            let path = old.split('\t').next().unwrap_or(old);
            let path = path.strip_prefix("a/").unwrap_or(path);
            files.push(FileChange { path: path.to_owned(), ..FileChange::default() });
        }
        if let (Some(file), "/dev/null") = (files.last_mut(), old.trim()) {
            file.is_new = true;
        }
    } else if let (Some(file), Some(new)) = (files.last_mut(), line.strip_prefix("+++ ")) {
        match new.split('\t').next().unwrap_or(new).trim() {
            "/dev/null" => file.is_deleted = true,
            path => file.path = path.strip_prefix("b/").unwrap_or(path).to_owned(),
        }
    } else if let Some(file) = files.last_mut() {
        file.is_new |= line.starts_with("new file mode ");
        file.is_deleted |= line.starts_with("deleted file mode ");
    }
}

/// Reads `-3,7 +3,9 @@ …` as start and count of the old and of the new range.
fn hunk_ranges(text: &str) -> Option<((usize, usize), (usize, usize))> {
    let mut parts = text.split(' ');
    let mut range = |sign: char| {
        let part = parts.next()?.strip_prefix(sign)?;
        let (start, count) = part.split_once(',').unwrap_or((part, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    Some((range('-')?, range('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/src/a.py b/src/a.py\n--- a/src/a.py\n+++ b/src/a.py\n@@ -3,3 +3,4 @@ def f():\n one\n\
                         --- two\n+++ 2\n+three\n four\n@@ -20,0 +22 @@\n+end\ndiff --git a/reproduce.py b/reproduce.py\n\
                         new file mode 100644\n--- /dev/null\n+++ b/reproduce.py\n@@ -0,0 +1 @@\n+print(1)\n";

    #[test]
    fn a_patch_is_taken_apart_with_the_numbers_of_old_lines() {
        let files = shape(PATCH);
        let line = |number: usize, text: &str| (number, text.to_owned());
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].hunks[0].removed, [line(4, "-- two")]);
        assert_eq!(files[0].hunks[0].added, [line(5, "++ 2"), line(5, "three")]);
        assert_eq!(files[0].hunks[1].added, [line(21, "end")]);
        assert_eq!((files[1].is_new, files[1].kind(), files[0].kind()), (true, Kind::Scratch, Kind::Source));
    }

    #[test]
    fn files_have_a_purpose() {
        let kind = |path: &str, is_new| FileChange { path: path.to_owned(), is_new, ..FileChange::default() }.kind();
        assert_eq!(kind("sympy/core/tests/test_x.py", false), Kind::Test);
        assert_eq!(kind("test_issue.py", true), Kind::Scratch);
        assert_eq!(kind("pkg/testing/base.py", false), Kind::Test);
        assert_eq!(kind("docs/index.rst", false), Kind::Other);
        assert_eq!(kind("pkg/new.py", true), Kind::Source);
        for path in ["pkg/dispatch.py", "pkg/template.py", "pkg/checkers.py", "pkg/contemporary.py", "pkg/debug.py"] {
            assert_eq!(kind(path, true), Kind::Source, "{path}");
        }
        for path in ["pkg/reproduce.py", "pkg/repro_1234.py", "pkg/verify_fix.py", "pkg/tmp.py", "simple.py"] {
            assert_eq!(kind(path, true), Kind::Scratch, "{path}");
        }
    }

    #[test]
    fn no_number_of_a_hunk_is_too_great() {
        let most = usize::MAX;
        for ranges in [format!("-{most},0 +{most},1"), format!("-{most},2 +1,{most}")] {
            let files = shape(&format!("--- a/a.py\n+++ b/a.py\n@@ {ranges} @@\n a\n-b\n+c\n"));
            assert_eq!(files.len(), 1, "{ranges}");
        }
    }

    #[test]
    fn what_is_no_patch_has_no_files() {
        assert!(shape("").is_empty());
        assert!(shape("no diff\n@@ nonsense @@\n+x\n").is_empty());
    }
}
