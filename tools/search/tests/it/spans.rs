//! How files are cut, language by language: `fixtures/spans/<file>` and `<file>.spans`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use search::{Cache, CodeIndex, Options};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/spans")
}

fn shown(path: &str, text: &str) -> String {
    let files = vec![(path.to_owned(), text.as_bytes().to_vec())];
    let index = CodeIndex::from_files(files, &Cache::none(), &Options::default()).unwrap();
    let (outline, _) = index.file(path).unwrap().unwrap();
    let mut shown =
        format!("{} {} lines{}\n", outline.language, outline.lines, if outline.has_errors { " errors" } else { "" });
    for span in outline.spans {
        let kind = format!("{:?}", span.kind).to_lowercase();
        writeln!(shown, "{}-{} {kind} {} ({}-{})", span.start, span.end, span.id, span.signature, span.signature_end)
            .unwrap();
    }
    shown
}

#[test]
fn every_language_is_cut_as_the_fixtures_say() {
    let mut names: Vec<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".spans"))
        .collect();
    names.sort();
    assert!(names.len() >= 9);
    for name in names {
        let text = std::fs::read_to_string(fixtures().join(&name)).unwrap();
        expect_file![fixtures().join(format!("{name}.spans"))].assert_eq(&shown(&name, &text));
    }
}

/// In the project's own tools, and in Django where there are trees.
#[test]
fn spans_are_in_order_and_never_overlap() {
    check_spans(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap());
    if let Some(trees) = std::env::var_os("SPOTTER_TREES") {
        check_spans(&crate::tree::newest(Path::new(&trees), "django"));
    }
}

fn check_spans(root: &Path) {
    let index = crate::tree::index(root);
    let paths: Vec<String> = index.paths().map(str::to_owned).collect();
    assert!(paths.len() > 50, "{paths:?}");
    for path in paths {
        let (outline, text) = index.file(&path).unwrap().unwrap();
        assert_eq!(outline, search::outline(&path, &text), "{path}");
        let mut last = 0;
        let mut ids = std::collections::HashSet::new();
        for span in &outline.spans {
            assert!(span.start > last && span.end >= span.start, "{path}: {span:?}");
            assert!(
                span.start <= span.signature && span.signature <= span.signature_end && span.signature_end <= span.end
            );
            assert!(ids.insert(span.id.clone()), "{path}: twice {}", span.id);
            let between = text.lines().take(span.start as usize - 1).skip(last as usize);
            assert!(between.into_iter().all(|line| line.trim().is_empty()), "{path}: lines lost before {span:?}");
            last = span.end;
        }
        let after = text.lines().skip(last as usize);
        assert!(after.into_iter().all(|line| line.trim().is_empty()), "{path}: lines lost at the end");
    }
}

#[test]
fn a_text_alone_has_the_spans_that_it_has_in_an_index() {
    let class = |number: usize| {
        let method =
            "    @property\n    def size(self):\n        return 1\n\n    # about f\n    @wraps(g)\n    def f(self):\n";
        format!(
            "@final\nclass C{number}(Base):\n    x = 1\n\n{method}        pass\n\n    y = 2\n\n\nX{number} = 1\n\n\n"
        )
    };
    let text: String = (0..40).map(class).collect();
    let files = vec![("a.py".to_owned(), text.clone().into_bytes())];
    let index = search::CodeIndex::from_files(files, &search::Cache::none(), &search::Options::default()).unwrap();
    let (indexed, _) = index.file("a.py").unwrap().unwrap();
    assert_eq!(indexed, search::outline("a.py", &text));
    assert_eq!(indexed.spans.len(), 200);
}
