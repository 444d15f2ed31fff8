//! Counters of a patch alone.

use super::agreement::{distinct, jaccard, words};
use crate::patch::{FileChange, Kind};

/// Their names.
pub(super) const NAMES: [&str; 28] = [
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
    "patch: brackets left open",
    "patch: words kept",
    "patch: long lines",
    "patch: spaces at ends",
    "patch: empty lines",
    "patch: returns",
    "patch: looks at types",
    "patch: signatures changed",
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
    let whole: Vec<&str> = source.iter().flat_map(|file| file.added()).collect();
    let holds = |words: &[&str]| log(added.iter().filter(|line| words.iter().any(|word| line.contains(word))).count());
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
        flag(source.iter().any(|file| leaves_open(file))),
        kept(&source),
        share(&whole, |line| line.len() > 100),
        share(&whole, |line| line.len() > line.trim_end().len() && !line.trim().is_empty()),
        share(&whole, |line| line.trim().is_empty()),
        starts(&["return", "yield"]),
        holds(&["isinstance", "hasattr", "getattr", "type("]),
        log(source.iter().flat_map(|file| file.removed()).filter(|line| line.trim_start().starts_with("def ")).count()),
    ]
}

/// Returns whether the lines that a file gains open more brackets than those that it loses, or fewer: what is left is seldom
/// code that can be read.
fn leaves_open(file: &FileChange) -> bool {
    let open = |lines: &mut dyn Iterator<Item = &str>| {
        let depth = |letter: char| match letter {
            '(' | '[' | '{' => 1_i64,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        lines.flat_map(str::chars).map(depth).sum::<i64>()
    };
    open(&mut file.added()) != open(&mut file.removed())
}

/// Returns how much of the words that are removed and added is in both.
fn kept(source: &[&FileChange]) -> f64 {
    let removed = distinct(source.iter().flat_map(|file| file.removed()).flat_map(words));
    let added = distinct(source.iter().flat_map(|file| file.added()).flat_map(words));
    jaccard(&removed, &added)
}

fn share(lines: &[&str], is: impl Fn(&str) -> bool) -> f64 {
    lines.iter().filter(|line| is(line)).count() as f64 / lines.len().max(1) as f64
}

pub(super) fn log(count: usize) -> f64 {
    (count as f64).ln_1p()
}

pub(super) fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}
