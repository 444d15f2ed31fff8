//! Counters of a patch alone.

use crate::patch::{FileChange, Kind};

/// Their names.
pub(super) const NAMES: [&str; 20] = [
    "patch: empty",
    "patch: source files",
    "patch: no source",
    "patch: test files",
    "patch: scratch files",
    "patch: other files",
    "patch: new source files",
    "patch: hunks",
    "patch: lines added",
    "patch: lines removed",
    "patch: lines added net",
    "patch: only adds",
    "patch: only removes",
    "patch: comments",
    "patch: definitions",
    "patch: exceptions caught",
    "patch: exceptions raised",
    "patch: prints",
    "patch: conditions",
    "patch: length of lines",
];

/// Returns the counters, sizes on a logarithmic scale.
pub(super) fn features(files: &[FileChange]) -> [f64; NAMES.len()] {
    let of = |kind: Kind| files.iter().filter(move |file| file.kind() == kind);
    let source: Vec<&FileChange> = of(Kind::Source).collect();
    let added: Vec<&str> = source.iter().flat_map(|file| file.added()).map(str::trim).collect();
    let removed = source.iter().flat_map(|file| file.removed()).count();
    let hunks = source.iter().map(|file| file.hunks.len()).sum::<usize>();
    let starts =
        |words: &[&str]| log(added.iter().filter(|line| words.iter().any(|word| line.starts_with(word))).count());
    let letters = added.iter().map(|line| line.len()).sum::<usize>();
    [
        flag(files.iter().all(|file| file.hunks.is_empty())),
        log(source.len()),
        flag(source.is_empty()),
        log(of(Kind::Test).count()),
        log(of(Kind::Scratch).count()),
        log(of(Kind::Other).count()),
        log(source.iter().filter(|file| file.is_new).count()),
        log(hunks),
        log(added.len()),
        log(removed),
        log(added.len()) - log(removed),
        flag(removed == 0),
        flag(added.is_empty()),
        starts(&["#", "//", "\"\"\""]),
        starts(&["def ", "class ", "async def ", "fn ", "func ", "function "]),
        starts(&["except", "catch", "try"]),
        starts(&["raise", "throw"]),
        starts(&["print(", "console.log", "println"]),
        starts(&["if ", "elif ", "else"]),
        letters as f64 / added.len().max(1) as f64 / 80.0,
    ]
}

pub(super) fn log(count: usize) -> f64 {
    (count as f64).ln_1p()
}

pub(super) fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}
