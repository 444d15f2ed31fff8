//! A patch, file by file.

use crate::capture::unquote;

/// What a patch does to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section<'patch> {
    /// The lines, headers included.
    pub text: &'patch str,
    /// Every path that the headers name, old and new, without prefix and each once.
    pub paths: Vec<String>,
    /// Whether the file is new.
    pub is_new: bool,
    /// Whether it is, or becomes, a symbolic link or another repository.
    pub is_link: bool,
}

impl<'patch> Section<'patch> {
    /// Returns the path after the patch, or before it for a file that goes.
    pub fn path(&self) -> &str {
        self.paths.last().map_or("", String::as_str)
    }

    /// Returns the lines that the patch adds, without their sign.
    pub fn added(&self) -> impl Iterator<Item = &'patch str> {
        let mut hunk = (0, 0);
        self.text.lines().filter_map(move |line| {
            if hunk == (0, 0) {
                hunk = hunk_of(line).unwrap_or_default();
                return None;
            }
            hunk = rest(hunk, line);
            line.strip_prefix('+')
        })
    }
}

/// Returns what a patch does, file by file. What comes before the first header belongs to none.
pub fn sections(patch: &str) -> Vec<Section<'_>> {
    let mut starts = Vec::new();
    let (mut hunk, mut at, mut in_body) = ((0, 0), 0, true);
    for line in patch.split_inclusive('\n') {
        let text = line.trim_end_matches(['\n', '\r']);
        if hunk != (0, 0) {
            hunk = rest(hunk, text);
        } else if text.starts_with("diff --git ") || (in_body && text.starts_with("--- ")) {
            starts.push(at);
            in_body = false;
        } else if let Some(lines) = hunk_of(text) {
            hunk = lines;
            in_body = true;
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([patch.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| patch.get(*start..end)).map(section).collect()
}

fn section(text: &str) -> Section<'_> {
    let mut section = Section { text, paths: Vec::new(), is_new: false, is_link: false };
    let add = |paths: &mut Vec<String>, path: Option<String>| {
        if let Some(path) = path.filter(|path| path != "/dev/null" && !path.is_empty()) {
            paths.retain(|known| *known != path);
            paths.push(path);
        }
    };
    for line in text.lines().take_while(|line| hunk_of(line).is_none()) {
        if let Some(names) = line.strip_prefix("diff --git ") {
            for name in both(names) {
                add(&mut section.paths, name);
            }
        } else if let Some(name) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
            section.is_new |= name.starts_with("/dev/null") && line.starts_with("---");
            add(&mut section.paths, stripped(name));
        } else if let Some((_, name)) = line.split_once("rename from ").or_else(|| line.split_once("rename to ")) {
            add(&mut section.paths, Some(plain(name)));
        } else if let Some(name) = line.strip_prefix("copy to ") {
            section.is_new = true;
            add(&mut section.paths, Some(plain(name)));
        } else if line.starts_with("new file mode") {
            section.is_new = true;
        }
        let is_mode = ["new file mode ", "new mode ", "index "].iter().any(|start| line.starts_with(start));
        section.is_link |= is_mode && (line.ends_with(" 120000") || line.ends_with(" 160000"));
    }
    section
}

/// Returns the two paths of `a/PATH b/PATH`; where a blank leaves that open, the halves that are alike.
fn both(names: &str) -> [Option<String>; 2] {
    if let Some((old, new)) = names.split_once(" \"") {
        return [stripped(old), stripped(&format!("\"{new}"))];
    }
    if let Some((old, new)) = names.strip_prefix('"').and_then(|rest| rest.split_once("\" ")) {
        return [stripped(&format!("\"{old}\"")), stripped(new)];
    }
    let alike = names.match_indices(" b/").find_map(|(at, _)| {
        let (old, new) = (names.get(..at)?.strip_prefix("a/")?, names.get(at + 3..)?);
        (old == new).then(|| old.to_owned())
    });
    match (alike, names.split_once(" b/")) {
        (Some(path), _) => [Some(path), None],
        (None, Some((old, new))) => [stripped(old), Some(new.to_owned())],
        (None, None) => [None, None],
    }
}

/// Returns a path without its first component, which is `a` or `b`.
fn stripped(name: &str) -> Option<String> {
    let name = plain(name.split('\t').next().unwrap_or(name));
    if name == "/dev/null" {
        return None;
    }
    Some(name.split_once('/').map_or_else(|| name.clone(), |(_, path)| path.to_owned()))
}

/// Returns a path without git's quoting, and without the `./` that leads nowhere.
fn plain(name: &str) -> String {
    let name = name.trim_end();
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => String::from_utf8_lossy(&unquote(quoted.as_bytes())).into_owned(),
        None => name.to_owned(),
    }
}

/// Returns how many lines of the old and the new file the header of a hunk names.
fn hunk_of(line: &str) -> Option<(usize, usize)> {
    let ranges = line.strip_prefix("@@ -")?.split_once(" @@")?.0;
    let (old, new) = ranges.split_once(" +")?;
    let count = |range: &str| range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some((count(old)?, count(new)?))
}

/// Returns how many lines are left of a hunk after a line of it.
fn rest((old, new): (usize, usize), line: &str) -> (usize, usize) {
    match line.as_bytes().first() {
        Some(b'-') => (old.saturating_sub(1), new),
        Some(b'+') => (old, new.saturating_sub(1)),
        Some(b'\\') => (old, new),
        _ => (old.saturating_sub(1), new.saturating_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart_whatever_their_lines_hold() {
        let patch = "some words\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-diff --git a/y b/y\n+++ b/z\n \n\
            diff --git a/old name b/new name\nsimilarity index 100%\nrename from old name\nrename to new name\n\
            diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+/etc\n\\ No newline at end\n\
            diff --git \"a/\\303\\251\" \"b/\\303\\251\"\ndeleted file mode 100644\n--- \"a/\\303\\251\"\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n\
            --- a/plain\t2024\n+++ b/plain\t2024\n@@ -1 +1 @@\n-a\n+b\n";
        let found = sections(patch);
        let brief: Vec<_> =
            found.iter().map(|section| (section.paths.join(","), section.is_new, section.is_link)).collect();
        let plain = |paths: &str| (paths.to_owned(), false, false);
        let link = ("l".to_owned(), true, true);
        assert_eq!(brief, [plain("x"), plain("old name,new name"), link, plain("é"), plain("plain")]);
        assert_eq!(found[0].added().collect::<Vec<_>>(), ["++ b/z"]);
        assert_eq!(patch, format!("some words\n{}", found.iter().map(|section| section.text).collect::<String>()));
    }
}
