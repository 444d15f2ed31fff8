//! Templates of Cython and Python files.

use search::{Cache, CodeIndex, Options};

fn index(path: &str, text: &str) -> CodeIndex {
    let files = vec![(path.to_owned(), text.as_bytes().to_vec())];
    CodeIndex::from_files(files, &Cache::none(), &Options::default()).unwrap()
}

/// Returns the lines of the spans in which a name is defined.
fn lines(index: &CodeIndex, name: &str) -> Vec<u32> {
    let places = index.definitions(name, true).unwrap();
    places.iter().flat_map(|place| &place.lines).map(|(line, _)| *line).collect()
}

#[test]
fn names_are_found_as_written_and_by_what_is_spelled_out() {
    let index = index("vector.pyx.tp", include_str!("../fixtures/spans/vector.pyx.tp"));
    for (name, expected) in [
        ("{{name}}Vector", vec![26]),
        ("Vector", vec![26]),
        ("Vector.at", vec![35]),
        ("{{name}}Vector.at", vec![35]),
        ("size_v", vec![18, 20]),
        ("grow_{{name}}", vec![20]),
        ("grow", vec![20]),
        ("sum_", vec![41, 43]),
        ("sum_{{dtype}}_{{name}}", vec![41, 43]),
        ("swap", vec![50]),
        ("no_code", vec![]),
    ] {
        assert_eq!(lines(&index, name).first(), expected.first(), "{name}");
        assert_eq!(index.definitions(name, true).unwrap().len(), if name == "size_v" { 1 } else { expected.len() });
    }
    for (name, line) in [("Base", 26), ("make_", 33)] {
        assert_eq!(index.references(name, true).unwrap().first().map(|place| place.lines[0].0), Some(line), "{name}");
    }
}

#[test]
fn a_template_that_warns_of_editing_what_is_made_of_it_is_indexed() {
    let text =
        "\"\"\"\nDO NOT edit .pxi FILE directly, .pxi is generated from .pxi.in\n\"\"\"\ncdef int f():\n    pass\n";
    for (path, count) in [("a.pxi.in", 1), ("a.pxd.tp", 1), ("a.pxi", 0), ("a.h.in", 0)] {
        assert_eq!(lines(&index(path, text), "f").len(), count, "{path}");
    }
}

#[test]
fn braces_that_are_not_closed_cost_no_other_name() {
    let odd = [
        "{{",
        "}}",
        "{{py:\nx = {",
        "{{for a in",
        "{{{{{{",
        "{{a}} {{ {{b}}",
        "def {{(x):",
        "cdef class {{:",
        "cdef {{a}}{{b(",
        "ctypedef {{",
        "ctypedef int {{x}}[",
        "'''{{",
        "{{é",
    ];
    for odd in odd {
        for path in ["a.pyx.tp", "a.pxd.in"] {
            let found = index(path, &format!("def first():\n    pass\n\n{odd}\n"));
            assert_eq!(lines(&found, "first"), [1], "{path}: {odd}");
        }
        if !odd.contains("'''") {
            let found = index("a.pyx.in", &format!("{odd}\ncdef int last(int x):\n    pass\n"));
            assert_eq!(lines(&found, "last"), [odd.lines().count() as u32 + 1], "{odd}");
        }
        index("a.py.in", odd);
    }
    let many = "{{".repeat(100_000) + "\ndef last():\n    pass\n";
    assert_eq!(lines(&index("a.pyx.in", &many), "last"), [2]);
}
