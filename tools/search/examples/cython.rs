//! How many of the functions and classes of Cython sources are found by name, of those that regular expressions find.
//!
//! `cargo run --release -p search --example cython -- TREE…`; exits with 1 where it is less than 98%.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a measurement may panic, and prints")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use regex::Regex;
use search::{Cache, CodeIndex, Options};
use walkdir::WalkDir;

/// What defines a function or a class, told by lines alone.
struct Patterns {
    definition: Vec<Regex>,
    quoted: Regex,
}

impl Patterns {
    fn new() -> Self {
        let patterns = [
            r"(?m)^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)[ \t]*\(",
            // A `=` before the bracket makes it a variable, and a star behind it a pointer.
            r"(?m)^[ \t]*cp?def[ \t]+[^=\n(:#]*?[ \t*&](\w+)(?:\[\w+\])?[ \t]*\((?:[^*]|$)",
            r"(?m)^[ \t]*(?:cdef[ \t]+)?(?:public[ \t]+|api[ \t]+)*class[ \t]+(\w+)",
        ];
        let compile = |pattern: &str| Regex::new(pattern).expect("it is a regular expression");
        let quoted = compile("\"\"\"(?s:.*?)\"\"\"|'''(?s:.*?)'''|#[^\\n]*");
        Self { definition: patterns.map(compile).into(), quoted }
    }

    /// Returns the names that a text defines.
    fn names(&self, text: &str) -> Vec<String> {
        let text = self.quoted.replace_all(text, |found: &regex::Captures<'_>| {
            "\n".repeat(found.get(0).map_or(0, |all| all.as_str().matches('\n').count()))
        });
        let words = ["cdef", "cpdef", "inline", "public", "api", "readonly", "extern"];
        let found = self.definition.iter().flat_map(|pattern| pattern.captures_iter(&text));
        let names = found.filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
        names.filter(|name| !words.contains(&name.as_str())).collect()
    }
}

fn files(tree: &Path) -> Vec<PathBuf> {
    let entries = WalkDir::new(tree).sort_by_file_name().into_iter().filter_map(Result::ok);
    let is_cython = |path: &PathBuf| {
        path.extension().is_some_and(|extension| ["pyx", "pxd", "pxi"].iter().any(|known| extension == *known))
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
            for name in patterns.names(&text) {
                let places = index.definitions(&name, true).expect("the index works");
                let is_found = places.iter().any(|place| place.path == path);
                (all, hit) = (all + 1, hit + usize::from(is_found));
                if !is_found {
                    println!("not found: {path}: {name}");
                }
            }
        }
        println!("{}: {hit} of {all} found by name ({:.2}%)", tree.display(), 100.0 * hit as f64 / all.max(1) as f64);
        if hit * 100 < all * 98 {
            code = ExitCode::FAILURE;
        }
    }
    code
}
