//! Trees that nobody should have, and everybody meets.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use search::{Cache, CodeIndex, Options, SearchError, SearchRequest, Skip};

use crate::tree::{index, shop, write};

fn count(index: &CodeIndex, skip: Skip) -> usize {
    index.skipped().counts.get(&skip).copied().unwrap_or_default()
}

fn finds(index: &CodeIndex, word: &str) -> bool {
    !index.search(&SearchRequest::text(word)).unwrap().files.is_empty()
}

#[test]
fn a_huge_file_is_left_out_and_counted() {
    let shop = shop();
    let line = "value = compute(1, 2, 3)\n";
    std::fs::write(shop.path().join("huge.py"), line.repeat((50 << 20) / line.len())).unwrap();
    let small = index(shop.path());
    assert_eq!((small.size().0, count(&small, Skip::TooLarge)), (2, 1));
}

#[test]
fn a_huge_file_is_indexed_when_the_limit_allows() {
    let line = "value = compute(1, 2, 3)\n";
    let size = if std::env::var_os("SPOTTER_LONG").is_some() { 50 << 20 } else { 2 << 20 };
    let text = line.repeat(size / line.len()) + "def at_the_end():\n    pass\n";
    let options = Options { max_file: 64 << 20, ..Options::default() };
    let index = CodeIndex::from_files(vec![("a.py".to_owned(), text.into_bytes())], &Cache::none(), &options).unwrap();
    assert!(finds(&index, "at_the_end"));
}

#[test]
fn many_files_are_no_trouble() {
    let count = if std::env::var_os("SPOTTER_LONG").is_some() { 100_000 } else { 5_000 };
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let path = folder.path().join(format!("p{}/m{number}.py", number / 500));
        if number % 500 == 0 {
            std::fs::create_dir(path.parent().unwrap()).unwrap();
        }
        std::fs::write(path, format!("def f{number}():\n    return g{number}()\n")).unwrap();
    }
    let index = index(folder.path());
    assert_eq!(index.size().0, count);
    let found = index.search(&SearchRequest::text("f4999")).unwrap();
    assert_eq!(found.files.first().map(|file| file.path.as_str()), Some("p9/m4999.py"));
}

#[test]
fn deep_nesting_costs_no_stack() {
    const DEPTH: usize = 10_000;
    let nested = |open: &str, close: &str| {
        format!("{}{}", format!("{open}\n").repeat(DEPTH), format!("{close}\n").repeat(DEPTH))
    };
    let indented = |line: &str| (0..500).map(|depth| format!("{}{line}\n", " ".repeat(depth))).collect::<String>();
    let texts = [
        ("parens.py", format!("x = (1\n{}", nested("+ (1", ")"))),
        ("calls.py", nested("f(", ")")),
        ("lists.js", nested("[", "]")),
        ("braces.c", format!("int main() {{\n{}}}\n", nested("{", "}"))),
        ("open.rs", nested("mod a {", "")),
        ("Classes.java", nested("class A {", "}")),
        ("functions.js", nested("function f() {", "}")),
        ("blocks.py", indented("if x:")),
        ("classes.py", indented("class C:")),
        ("quotes.py", ("'".repeat(389) + "\n").repeat(1000)),
        ("attributes.py", format!("x = (a\n{})\n", ".b\n".repeat(DEPTH))),
    ];
    let files = texts.iter().map(|(name, text)| ((*name).to_owned(), text.clone().into_bytes()));
    let index = CodeIndex::from_files(files, &Cache::none(), &Options::default()).unwrap();
    assert_eq!(index.size().0, texts.len());
}

#[test]
fn templates_and_notebooks_that_were_damaged_are_indexed_all_the_same() {
    let names = ["vector.pyx.tp", "config.py.in", "plot.ipynb", "strings.ipynb", "line.ipynb", "old.ipynb"];
    let pieces = "{{ }} \" \\ [ ] { } \r \n \u{c} ''' def ctypedef ( é \u{feff} %%";
    let pieces: Vec<&str> = pieces.split(' ').collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spans");
    let mut random = fastrand::Rng::with_seed(7);
    for name in names {
        let whole = std::fs::read_to_string(folder.join(name)).unwrap();
        for _ in 0..60 {
            let mut text: Vec<char> = whole.chars().collect();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(0..text.len());
                match random.usize(0..4) {
                    0 => drop(text.drain(at..text.len().min(at + 9))),
                    1 if text.len() > 200 => text.truncate(at.max(100)),
                    _ => drop(text.splice(at..at, random.choice(&pieces).unwrap().chars())),
                }
            }
            let text: String = text.into_iter().collect();
            let outline = search::outline(name, &text);
            let code = search::code(name, &text);
            assert_eq!(code.lines().count(), text.lines().count(), "{name}: {text}");
            assert_eq!(search::outline(name, &code), outline, "{name}: {text}");
            assert!(outline.spans.iter().all(|span| span.start <= span.end && span.end <= outline.lines), "{text}");
        }
    }
}

#[test]
fn text_that_is_not_utf_8_is_indexed_all_the_same() {
    let shop = shop();
    std::fs::write(shop.path().join("latin.py"), b"# caf\xe9\ndef serve_coffee():\n    return '\xff\xfe'\n").unwrap();
    let index = index(shop.path());
    assert!(finds(&index, "serve_coffee"));
}

#[test]
fn loops_of_links_end() {
    let shop = shop();
    symlink(shop.path(), shop.path().join("shop/loop")).unwrap();
    symlink("self.py", shop.path().join("self.py")).unwrap();
    symlink("nowhere.py", shop.path().join("broken.py")).unwrap();
    assert_eq!(index(shop.path()).size().0, 2);
}

#[test]
fn files_that_vanish_or_cannot_be_read_are_told_of() {
    let shop = shop();
    let root = shop.path().to_owned();
    let (stop, mut vanished) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let names = (0..50).map(|number| format!("shop/v{number}.py"));
                names.clone().for_each(|name| write(&root, &[(&name, "def vanishing():\n    pass\n")]));
                names.for_each(|name| std::fs::remove_file(root.join(name)).unwrap());
            }
        });
        for _ in 0..20 {
            let index = index(&root);
            let stay: Vec<&str> = index.paths().filter(|path| !path.starts_with("shop/v")).collect();
            assert_eq!(stay, ["shop/cart.py", "shop/prices.py"]);
            for told in &index.skipped().unreadable {
                let path = told.split(": ").next().unwrap();
                assert!(told.contains("shop/v") && index.paths().all(|other| other != path), "{told}");
            }
            vanished += count(&index, Skip::Unreadable);
        }
        stop.store(true, Ordering::Relaxed);
    });
    println!("{vanished} files vanished");
    let name = std::ffi::OsStr::from_bytes(b"n\xe4me.py");
    std::fs::write(shop.path().join(name), "def in_a_strange_name():\n    pass\n").unwrap();
    let told = index(&root).skipped().clone();
    assert_eq!(told.counts.get(&Skip::Unreadable), Some(&1));
    assert!(told.unreadable[0].starts_with("n\u{fffd}me.py: No such file"), "{told:?}");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let err = CodeIndex::open(Path::new("/no/such/folder"), &Cache::none(), &Options::default()).err().unwrap();
    assert!(matches!(&err, SearchError::Tree(message) if message.contains("/no/such/folder")), "{err}");
}

#[test]
fn an_empty_tree_has_no_answers() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    assert_eq!(index.size(), (0, 0));
    assert!(!finds(&index, "anything"));
}
