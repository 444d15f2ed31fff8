//! Whether a patch is where the reference solution is.

use verifier::patch::{FileChange, Kind, shape};

/// Lines by which two changes may be apart and still count as at one place.
pub(super) const NEAR: usize = 10;

/// Where a patch is, beside the reference solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// It changes none of the solution's files, which these are.
    OtherFiles(Vec<String>),
    /// It changes a file of the solution, but nowhere near; the file.
    Elsewhere(String),
    /// It changes a file of the solution near a place that the solution changes.
    Near,
}

/// Returns where a patch is. `None` where either changes no file.
pub(super) fn place(patch: &str, gold: &str) -> Option<Place> {
    let (ours, theirs) = (shape(patch), shape(gold));
    let is_code = |file: &&FileChange| file.kind() == Kind::Source;
    let mut wanted: Vec<&FileChange> = theirs.iter().filter(is_code).collect();
    if wanted.is_empty() {
        wanted = theirs.iter().collect();
    }
    if ours.is_empty() || wanted.is_empty() {
        return None;
    }
    let both: Vec<(&FileChange, &FileChange)> = wanted
        .iter()
        .flat_map(|theirs| ours.iter().filter(|ours| ours.path == theirs.path).map(|ours| (ours, *theirs)))
        .collect();
    if both.is_empty() {
        return Some(Place::OtherFiles(wanted.iter().map(|file| file.path.clone()).collect()));
    }
    let near = both.iter().any(|(ours, theirs)| {
        let (ours, theirs) = (lines(ours), lines(theirs));
        ours.is_empty()
            || theirs.is_empty()
            || ours.iter().any(|line| theirs.iter().any(|other| line.abs_diff(*other) <= NEAR))
    });
    let file = both.first().map(|(file, _)| file.path.clone()).unwrap_or_default();
    Some(if near { Place::Near } else { Place::Elsewhere(file) })
}

/// Returns the old lines that a change is at.
fn lines(file: &FileChange) -> Vec<usize> {
    let mut lines: Vec<usize> =
        file.hunks.iter().flat_map(|hunk| hunk.removed.iter().chain(&hunk.added)).map(|(line, _)| *line).collect();
    lines.dedup();
    lines
}
