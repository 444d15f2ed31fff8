//! Circles between the source files of a crate, and folders that hold too much.
//!
//! An arrow goes from a file to the one that defines a name which the first uses, however many re-exports lie between.
//! `mod x;` and a re-export are no arrows, and tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use expect_test::{Expect, expect};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::tidy::root;

/// Files that may form one circle.
const CIRCLE: usize = 3;
/// Files of Rust that a folder may hold.
const FOLDER: usize = 15;

/// Keywords that a definition's name follows.
const DEFINES: [&str; 9] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"];

/// A name that `use` brings into a module.
struct Import {
    name: String,
    path: Vec<String>,
    /// Whether others may name it from here, so that it is no use by itself.
    shared: bool,
}

#[derive(Default)]
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    defined: BTreeSet<String>,
    imports: Vec<Import>,
    /// Paths that stand in the code.
    paths: Vec<Vec<String>>,
}

/// What a path names.
#[derive(Clone, Copy)]
enum Target {
    Module(usize),
    Item(usize),
}

/// Which of two things of one name is meant.
#[derive(Clone, Copy, PartialEq)]
enum Sought {
    Module,
    Item,
}

#[derive(Default)]
struct Modules(Vec<Module>);

impl Modules {
    /// Returns the modules of the crate whose root is this file.
    fn read(root: &Path) -> Self {
        let mut modules = Self::default();
        modules.file(root, root.parent().unwrap(), None);
        modules
    }

    /// Adds the module of a file whose children stand in `folder`.
    fn file(&mut self, file: &Path, folder: &Path, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(file).unwrap();
        let tokens = TokenStream::from_str(&text).unwrap_or_else(|err| panic!("`{}`: {err}", file.display()));
        let index = self.add(file, parent);
        self.items(index, folder, tokens, true);
        index
    }

    fn add(&mut self, file: &Path, parent: Option<usize>) -> usize {
        self.0.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.0.len() - 1
    }

    /// Reads what is in a module, or, not at its top, in one of its blocks.
    fn items(&mut self, module: usize, folder: &Path, tokens: TokenStream, top: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let text: Vec<String> = tokens.iter().map(brief).collect();
        let word = |at: usize| text.get(at).map_or("", String::as_str);
        let colons = |at: usize| word(at) == ":" && word(at + 1) == ":";
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let next = word(at + 1);
            match (word(at), token) {
                ("#", _) if tokens.get(at + 1).is_some_and(is_for_tests) => {
                    let end = (at..tokens.len()).find(|at| matches!(word(*at), ";" | "{}"));
                    at = end.unwrap_or(tokens.len());
                }
                ("mod", _) if top && word(at + 2) == ";" => {
                    let plain = folder.join(next).with_extension("rs");
                    let file = if plain.is_file() { plain } else { folder.join(next).join("mod.rs") };
                    let child = self.file(&file, &folder.join(next), Some(module));
                    self.0[module].children.insert(next.to_owned(), child);
                    at += 2;
                }
                ("mod", _) if top && word(at + 2) == "{}" => {
                    let file = self.0[module].file.clone();
                    let child = self.add(&file, Some(module));
                    self.0[module].children.insert(next.to_owned(), child);
                    if let TokenTree::Group(group) = &tokens[at + 2] {
                        self.items(child, &folder.join(next), group.stream(), true);
                    }
                    at += 2;
                }
                ("use", _) if next != "<" => {
                    let shared = at > 0 && matches!(word(at - 1), "pub" | "()");
                    let end = (at..tokens.len()).find(|at| word(*at) == ";").unwrap_or(tokens.len());
                    tree(&tokens[at + 1..end], &[], shared, &mut self.0[module].imports);
                    at = end;
                }
                (keyword, _) if top && DEFINES.contains(&keyword) => {
                    let name = if next == "!" { word(at + 2) } else { next };
                    self.0[module].defined.insert(name.to_owned());
                }
                (_, TokenTree::Group(group)) => self.items(module, folder, group.stream(), false),
                (first, TokenTree::Ident(_)) => {
                    let mut path = vec![first.to_owned()];
                    while colons(at + 1) && matches!(tokens.get(at + 3), Some(TokenTree::Ident(_))) {
                        path.push(word(at + 3).to_owned());
                        at += 3;
                    }
                    self.0[module].paths.push(path);
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Returns what a path names that is in a module, if that is of this crate.
    fn resolve(&self, module: usize, path: &[String], sought: Sought, depth: usize) -> Option<Target> {
        let mut here = None;
        for (index, name) in path.iter().enumerate() {
            let inside = match here {
                Some(Target::Item(_)) => break,
                Some(Target::Module(inside)) => inside,
                None => module,
            };
            let sought = if index + 1 == path.len() { sought } else { Sought::Module };
            here = Some(match name.as_str() {
                "crate" => Target::Module(0),
                "self" => Target::Module(inside),
                "super" => Target::Module(self.0[inside].parent?),
                name if here.is_none() => self.named(inside, name, sought, depth)?,
                name => self.named(inside, name, sought, depth).unwrap_or(Target::Item(inside)),
            });
        }
        here
    }

    /// Returns what a name means in a module.
    fn named(&self, module: usize, name: &str, sought: Sought, depth: usize) -> Option<Target> {
        // Re-exports in a circle name nothing.
        let deeper = depth.checked_sub(1)?;
        let within = &self.0[module];
        let child = within.children.get(name).map(|child| Target::Module(*child));
        if within.defined.contains(name) && (child.is_none() || sought == Sought::Item) {
            return Some(Target::Item(module));
        }
        let import = |import: &Import| match (self.resolve(module, &import.path, sought, deeper)?, &*import.name) {
            (Target::Module(inside), "*") => self.named(inside, name, sought, deeper),
            (Target::Item(_), "*") => None,
            (target, _) => Some(target),
        };
        let imported = || {
            let (globs, plain): (Vec<_>, Vec<_>) = within.imports.iter().partition(|import| import.name == "*");
            let mut plain = plain.into_iter().filter(|import| import.name == name);
            plain.find_map(import).or_else(|| globs.into_iter().find_map(import))
        };
        match sought {
            Sought::Module => child.or_else(imported),
            Sought::Item => imported().or(child),
        }
    }

    /// Returns for each file those that it uses.
    fn arrows(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        const DEPTH: usize = 8;
        let mut arrows: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        for (index, module) in self.0.iter().enumerate() {
            let imported = module.imports.iter().filter(|import| !import.shared && import.name != "*");
            let paths = module.paths.iter().chain(imported.map(|import| &import.path));
            let targets = paths.filter_map(|path| match self.resolve(index, path, Sought::Item, DEPTH)? {
                Target::Item(target) => Some(self.0[target].file.as_path()),
                Target::Module(_) => None,
            });
            arrows.entry(&module.file).or_default().extend(targets.filter(|target| *target != module.file));
        }
        arrows
    }
}

/// Returns whether an attribute keeps what follows to tests.
pub(crate) fn is_for_tests(attribute: &TokenTree) -> bool {
    matches!(attribute, TokenTree::Group(group) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// Returns a token as text, a group as its brackets only.
fn brief(token: &TokenTree) -> String {
    match token {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Brace => "{}".to_owned(),
            Delimiter::Parenthesis => "()".to_owned(),
            Delimiter::Bracket | Delimiter::None => "[]".to_owned(),
        },
        token => token.to_string(),
    }
}

/// Adds the names that a tree of `use` brings in.
fn tree(tokens: &[TokenTree], prefix: &[String], shared: bool, imports: &mut Vec<Import>) {
    for branch in tokens.split(|token| brief(token) == ",") {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut words = branch.iter();
        while let Some(token) = words.next() {
            match (brief(token).as_str(), token) {
                (":", _) => {}
                ("as", _) => name = words.next().map(brief),
                ("*", _) => name = Some("*".to_owned()),
                ("self", _) if !path.is_empty() => {}
                (_, TokenTree::Group(group)) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    tree(&inner, &path, shared, imports);
                    path.clear();
                }
                (word, _) => path.push(word.to_owned()),
            }
        }
        if let Some(name) = name.or_else(|| path.last().cloned()) {
            imports.push(Import { name, path, shared });
        }
    }
}

/// Returns the folder that a file belongs to: `foo.rs` to `foo`, where there is one.
fn folder(file: &Path) -> PathBuf {
    let own = file.with_extension("");
    if own.is_dir() { own } else { file.parent().unwrap().to_owned() }
}

/// Returns the sets of files of which each reaches every other.
fn components<'a>(arrows: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<BTreeSet<&'a Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = arrows
        .keys()
        .map(|start| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![*start]);
            while let Some(file) = open.pop() {
                open.extend(arrows.get(file).into_iter().flatten().filter(|next| seen.insert(**next)));
            }
            (*start, seen)
        })
        .collect();
    let both = |one: &Path, other: &Path| reached[one].contains(other) && reached[other].contains(one);
    let component = |file: &&'a Path| reached[file].iter().copied().filter(|other| both(file, other)).collect();
    arrows.keys().map(component).filter(|component: &BTreeSet<&Path>| component.len() > 1).collect()
}

/// Returns the folders below `at` that pass `wanted`, those of builds and hidden ones left out.
fn folders(at: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    if wanted(at) {
        found.push(at.to_owned());
    }
    for entry in fs::read_dir(at).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() && name != "target" && !name.starts_with('.') {
            folders(&entry.path(), wanted, found);
        }
    }
}

/// Returns what breaks the rules below a root.
fn complaints(root: &Path) -> Vec<String> {
    let relative = |path: &Path| path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
    let mut complaints = Vec::new();
    let mut crates = Vec::new();
    folders(root, &|at| at.join("Cargo.toml").is_file() && at.join("src").is_dir(), &mut crates);
    for at in &crates {
        let mut complain = |text: String| complaints.push(text);
        let (mut sources, mut unnamed) = (Vec::new(), BTreeSet::new());
        folders(&at.join("src"), &|_| true, &mut sources);
        for source in sources {
            let entries = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path());
            let files: Vec<PathBuf> =
                entries.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect();
            if files.len() > FOLDER {
                complain(format!("`{}` holds {} files, the cap is {FOLDER}", relative(&source), files.len()));
            }
            unnamed.extend(files);
        }
        for top in ["lib.rs", "main.rs"].map(|name| at.join("src").join(name)).iter().filter(|top| top.is_file()) {
            let modules = Modules::read(top);
            for module in &modules.0 {
                unnamed.remove(&module.file);
            }
            let arrows = modules.arrows();
            for component in components(&arrows) {
                let places: BTreeSet<PathBuf> = component.iter().map(|file| folder(file)).collect();
                if places.len() == 1 && component.len() <= CIRCLE {
                    continue;
                }
                let arrow = |from: &&Path| {
                    let inside = arrows[from].intersection(&component).map(|to| relative(to));
                    format!("\n  {} -> {}", relative(from), inside.collect::<Vec<_>>().join(", "))
                };
                let lines: String = component.iter().map(arrow).collect();
                complain(format!("{} files form a circle:{lines}", component.len()));
            }
        }
        for file in unnamed.iter().filter(|file| !named_for_tests(file)) {
            complain(format!("`{}` is no module of its crate", relative(file)));
        }
    }
    complaints
}

/// Returns whether a file is the module of another file's tests, which are not read.
fn named_for_tests(file: &Path) -> bool {
    file.file_stem().is_some_and(|stem| stem == "tests")
}

#[test]
fn no_files_form_a_circle_and_folders_are_small() {
    let found = complaints(&root());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Checks what is said of a crate with these files.
fn check(files: &[(&str, &str)], expected: &Expect) {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("planted/src");
    for (name, text) in files {
        let path = source.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(root.path().join("planted/Cargo.toml"), "").unwrap();
    let said: String = complaints(root.path()).into_iter().map(|complaint| complaint + "\n").collect();
    expected.assert_eq(&said);
}

#[test]
fn a_circle_of_two_folders_is_found_behind_re_exports() {
    let files = [
        ("lib.rs", "mod one; mod two; pub use one::inner::One; pub use two::*;"),
        ("one/mod.rs", "pub(crate) mod inner;"),
        ("one/inner.rs", "use crate::Two as Other; pub struct One(Option<Box<Other>>);"),
        ("two.rs", "pub(crate) mod deep; pub use self::deep::{Two, self as deeper};"),
        ("two/deep.rs", "pub struct Two; fn two() { println!(\"{:?}\", super::super::One(None)); }"),
    ];
    check(
        &files,
        &expect![[r"
            2 files form a circle:
              planted/src/one/inner.rs -> planted/src/two/deep.rs
              planted/src/two/deep.rs -> planted/src/one/inner.rs
        "]],
    );
}

#[test]
fn a_circle_of_four_files_is_found_in_one_folder() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::{B, self}; pub struct A(B);"),
        ("b.rs", "use super::*; pub struct B; fn b() -> c::C { c::C }"),
        ("c.rs", "use crate::d; pub struct C; fn c() { if true { d::d() } }"),
        ("d.rs", "pub fn d() { use crate::a::A; }"),
    ];
    check(
        &files,
        &expect![[r"
            4 files form a circle:
              planted/src/a.rs -> planted/src/b.rs
              planted/src/b.rs -> planted/src/c.rs
              planted/src/c.rs -> planted/src/d.rs
              planted/src/d.rs -> planted/src/a.rs
        "]],
    );
}

#[test]
fn what_is_allowed_is_not_complained_of() {
    let files = [
        // `one` declares and publishes, which is no use of what is below it.
        ("lib.rs", "mod one; mod two; pub use one::{One, Low};"),
        ("one.rs", "mod low; pub use low::Low; pub struct One;"),
        ("one/low.rs", "use crate::two::Two; pub struct Low(super::One);"),
        // A circle of a test is none, nor are three files of one folder.
        ("two.rs", "mod a; mod b; pub struct Two; use a::A; #[cfg(test)] mod tests { use crate::one::One; }"),
        ("two/a.rs", "pub struct A; fn a(b: super::b::B) {}"),
        ("two/b.rs", "pub struct B; fn b(two: crate::two::Two) {}"),
    ];
    check(&files, &expect![[""]]);
}

#[test]
fn a_folder_of_sixteen_files_is_found() {
    let names: Vec<String> = (1..=FOLDER).map(|index| format!("f{index}.rs")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let modules: String = (1..=FOLDER).map(|index| format!("mod f{index};")).collect();
    files.push(("lib.rs", &modules));
    check(
        &files,
        &expect![[r"
            `planted/src` holds 16 files, the cap is 15
        "]],
    );
}

#[test]
fn a_file_that_no_module_names_is_found() {
    let files = [("lib.rs", "mod a;"), ("a.rs", "#[cfg(test)] mod tests;"), ("a/tests.rs", ""), ("a/left.rs", "")];
    check(
        &files,
        &expect![[r"
            `planted/src/a/left.rs` is no module of its crate
        "]],
    );
}
