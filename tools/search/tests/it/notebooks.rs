//! Notebooks, however they are written.

use search::{Cache, CodeIndex, Options, SearchRequest};

const BROKEN: &str = include_str!("../fixtures/spans/broken.ipynb");
const LINE: &str = include_str!("../fixtures/spans/line.ipynb");
const OLD: &str = include_str!("../fixtures/spans/old.ipynb");
const PLOT: &str = include_str!("../fixtures/spans/plot.ipynb");
const STRINGS: &str = include_str!("../fixtures/spans/strings.ipynb");

fn files() -> Vec<(String, Vec<u8>)> {
    let files = [("broken", BROKEN), ("line", LINE), ("old", OLD), ("plot", PLOT), ("strings", STRINGS)];
    files.map(|(name, text)| (format!("{name}.ipynb"), text.as_bytes().to_vec())).into()
}

/// Checks all that is known of the notebooks.
fn check(index: &CodeIndex) {
    for (name, path, line) in [
        ("Plot.draw", "line.ipynb", 1),
        ("Plot.draw", "plot.ipynb", 38),
        ("old", "old.ipynb", 11),
        ("first", "strings.ipynb", 8),
        ("Both.second", "strings.ipynb", 8),
        ("alone", "strings.ipynb", 22),
    ] {
        let places = index.definitions(name, false).unwrap();
        let place = places.iter().find(|place| place.path == path).unwrap_or_else(|| panic!("{path}: {name}"));
        let last = name.rsplit('.').next().unwrap();
        let (at, text) = &place.lines[0];
        assert!(*at == line && text.contains(&format!("def {last}(")), "{path}: {name}: {place:?}");
    }
    for (word, path) in [("not_python", "plot.ipynb"), ("matplotlib", "line.ipynb"), ("lost", "broken.ipynb")] {
        let found = index.search(&SearchRequest::text(word)).unwrap();
        assert!(found.files.iter().any(|file| file.path == path), "{word}");
    }
    assert!(index.definitions("not_python", false).unwrap().is_empty());
    assert!(index.search(&SearchRequest::text("iVBORw0KGgo")).unwrap().files.is_empty());
    let unparsed = index.unparsed();
    let told: Vec<&str> = unparsed.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(told, ["broken.ipynb"]);
    assert!(unparsed[0].why.contains("not JSON"), "{unparsed:?}");
}

#[test]
fn no_cell_is_lost() {
    check(&CodeIndex::from_files(files(), &Cache::none(), &Options::default()).unwrap());
}

#[test]
fn a_notebook_is_still_one_after_many_edits() {
    let mut index = CodeIndex::from_files(Vec::new(), &Cache::none(), &Options::default()).unwrap();
    for (path, text) in files() {
        index.update(vec![(path, Some(text))]).unwrap();
    }
    // The packs of edits are made into one now and then, from the code alone.
    for number in 0..40 {
        let text = format!("def f{number}():\n    pass\n").into_bytes();
        index.update(vec![(format!("m{number}.py"), Some(text))]).unwrap();
    }
    check(&index);
}

#[test]
fn what_was_not_parsed_is_known_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let cache = Cache::new(folder.path(), u64::MAX);
        check(&CodeIndex::from_files(files(), &cache, &Options::default()).unwrap());
    }
}

#[test]
fn pictures_do_not_keep_a_notebook_out() {
    let picture = "iVBORw0KGgo".repeat(200_000);
    for text in [PLOT, LINE] {
        let text = text.replace("iVBORw0KGgo", &picture[..80_000]);
        assert!(text.len() > 2 << 20);
        let files = vec![("a.ipynb".to_owned(), text.into_bytes())];
        let index = CodeIndex::from_files(files, &Cache::none(), &Options::default()).unwrap();
        assert_eq!(index.definitions("draw", false).unwrap().len(), 1, "{:?}", index.skipped());
    }
}

#[test]
fn what_is_mostly_no_code_is_told_of() {
    let filler = "x = 1\n".repeat(200);
    let texts = [
        ("open.py", "x = (1\n".to_owned() + &"+ (1\n".repeat(500) + "def last():\n    pass\n"),
        ("some.py", format!("{filler}def f(:\n    pass\n{filler}")),
        ("fine.rs", "fn a() {}\n".to_owned()),
        ("cut.rs", "fn f() {\n".repeat(400)),
    ];
    let files = texts.into_iter().map(|(path, text)| (path.to_owned(), text.into_bytes()));
    let index = CodeIndex::from_files(files, &Cache::none(), &Options::default()).unwrap();
    let told: Vec<String> = index.unparsed().into_iter().map(|file| file.path).collect();
    assert_eq!(told, ["cut.rs", "open.py"]);
}
