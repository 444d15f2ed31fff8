//! How many of the definitions in Cython sources, templates among them, are found by name, of those that regular
//! expressions find.
//!
//! The list is made of lines alone, those in quotes, in comments and in the statements of templates left out:
//! - `def`, `cdef` and `cpdef` with a name before the first bracket (not `cdef int x = f(…)`, nor a pointer to a
//!   function), the name in C between or not;
//! - `class`, `struct`, `union`, `enum`, `fused` and `cppclass` with a name;
//! - `ctypedef` with the name at its end, or in `(*name)`;
//! - below `cdef extern from …:`, each line with a name before the first bracket as well.
//!
//! Files that the index leaves out as made by a tool are told of and not counted. A name counts as found where it is
//! defined in the file that the list has it from. That of a template, such as `take_{{name}}`, has to be found as it is
//! written, and by what is spelled out of it, where there are two letters of it.
//!
//! `cargo run --release -p search --example cython -- TREE…`; exits with 1 where it is less than 98%.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a measurement may panic, and prints")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use regex::{Captures, Regex};
use search::{Cache, CodeIndex, Options};
use walkdir::WalkDir;

/// Words that are not names.
const WORDS: [&str; 14] = [
    "cdef", "cpdef", "inline", "public", "api", "readonly", "extern", "if", "elif", "for", "while", "with", "sizeof",
    "return",
];

/// What defines something, told by lines alone.
struct Patterns {
    definitions: Vec<Regex>,
    alias: Regex,
    /// A block of foreign declarations, and what it declares.
    block: Regex,
    foreign: Regex,
    /// Statements of templates, quotes and comments.
    left_out: [Regex; 2],
    braces: Regex,
}

impl Patterns {
    fn new() -> Self {
        const NAME: &str = r"((?:\w|\{\{[^{}]*\}\})+)";
        let compile = |pattern: &str| Regex::new(&pattern.replace("NAME", NAME)).expect("it is a regular expression");
        let definitions = [
            r"^\s*(?:async\s+)?def\s+NAME\s*\(",
            // A `=` before the bracket makes it a variable, and a star after it a pointer.
            r#"^\s*cp?def\b(?:[^=({:#]|\{\{[^{}]*\}\}|\[[^\]]*\])*?[\s*&\])]NAME\s*(?:"[^"]*"\s*)?(?:\[[\w, ]+\])?\s*\((?:[^*]|$)"#,
            r"^\s*(?:(?:cdef|cpdef|ctypedef|public|api|extern)\s+)*class\s+(?:\w+\.)*NAME",
            r"^\s*(?:(?:cdef|cpdef|ctypedef|public|api|extern|packed)\s+)*(?:struct|union|enum|enum\s+class|fused|cppclass)\s+NAME",
        ];
        Self {
            definitions: definitions.map(compile).into(),
            alias: compile(r#"^\s*ctypedef\s.*?(?:\(\s*\*+\s*NAME\s*\).*|[\s*]NAME\s*(?:\[\w*\]\s*)*(?:".*")?\s*)$"#),
            block: compile(r"^\s*cdef\s+(?:public\s+)?extern\s+from\b.*:\s*$"),
            foreign: compile(
                r#"^\s*(?:[\w\s*&,.:]|\{\{[^{}]*\}\}|\[[^\]]*\])*?[\s*&]NAME\s*(?:"[^"]*"\s*)?(?:\[[\w, ]+\])?\s*\((?:[^*]|$)"#,
            ),
            left_out: [
                compile(r"(?s)\{\{(?:py:|#|for |endfor|if |elif |else|endif|default ).*?\}\}"),
                compile("(?s)\"\"\".*?\"\"\"|'''.*?'''|#[^\\n]*"),
            ],
            braces: compile(r"\{\{[^{}]*\}\}"),
        }
    }

    /// Returns the names that a text defines.
    fn names(&self, text: &str) -> Vec<String> {
        let blank = |found: &Captures<'_>| "\n".repeat(found[0].matches('\n').count());
        let text = self.left_out.iter().fold(text.to_owned(), |text, part| part.replace_all(&text, blank).into_owned());
        let mut names = Vec::new();
        let (mut block, mut depth): (Option<usize>, usize) = (None, 0);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let indent = line.len() - line.trim_start().len();
            let inner = depth > 0;
            depth = depth_after(depth, line);
            if block.is_some_and(|block| indent <= block) && !inner {
                block = None;
            }
            if self.block.is_match(line) {
                block = Some(indent);
                continue;
            }
            let mut found = self.definitions.iter().find_map(|pattern| pattern.captures(line));
            if found.is_none() && !inner {
                let foreign = block.and_then(|_| self.foreign.captures(line));
                found = if line.trim_start().starts_with("ctypedef ") { self.alias.captures(line) } else { foreign };
            }
            // The last rule has a name for each of its two forms.
            let name =
                found.and_then(|found| found.iter().skip(1).flatten().next().map(|name| name.as_str().to_owned()));
            names.extend(name.filter(|name| !WORDS.contains(&name.as_str())));
        }
        names
    }

    /// Returns what has to be found for a name.
    fn wanted(&self, name: &str) -> Vec<String> {
        let spelled = self.braces.replace_all(name, "").into_owned();
        let is_short = spelled.trim_matches('_').len() < 2;
        if spelled == name || is_short { vec![name.to_owned()] } else { vec![name.to_owned(), spelled] }
    }
}

/// Returns how many brackets are open after a line; those of templates do not count.
fn depth_after(depth: usize, line: &str) -> usize {
    line.chars().fold(depth, |depth, character| match character {
        '(' | '[' => depth + 1,
        ')' | ']' => depth.saturating_sub(1),
        _ => depth,
    })
}

fn files(tree: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(tree).sort_by_file_name().into_iter().filter_map(Result::ok);
    let is_cython = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let made = name.strip_suffix(".tp").or(name.strip_suffix(".in")).unwrap_or(&name);
        [".pyx", ".pxd", ".pxi"].iter().any(|ending| made.ends_with(ending))
    };
    entries.map(walkdir::DirEntry::into_path).filter(is_cython).collect()
}

fn main() -> ExitCode {
    let patterns = Patterns::new();
    let mut code = ExitCode::SUCCESS;
    for tree in std::env::args_os().skip(1).map(PathBuf::from) {
        let options = Options { tests: true, ..Options::default() };
        let index = CodeIndex::open(&tree, &Cache::none(), &options).expect("the tree can be indexed");
        let (mut all, mut hit) = (0, 0);
        for file in files(&tree) {
            let path = file.strip_prefix(&tree).expect("it is below the tree").to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&std::fs::read(&file).expect("it can be read")).into_owned();
            let names = patterns.names(&text);
            if index.paths().all(|other| other != path) {
                println!("not indexed: {path}, with {} names", names.len());
                continue;
            }
            for name in names {
                let missed = patterns.wanted(&name).into_iter().find(|name| {
                    let places = index.definitions(name, true).expect("the index works");
                    places.iter().all(|place| place.path != path)
                });
                (all, hit) = (all + 1, hit + usize::from(missed.is_none()));
                missed.into_iter().for_each(|missed| println!("not found: {path}: {missed}"));
            }
        }
        println!("{}: {hit} of {all} found by name ({:.2}%)", tree.display(), 100.0 * hit as f64 / all.max(1) as f64);
        if hit * 100 < all * 98 {
            code = ExitCode::FAILURE;
        }
    }
    code
}
