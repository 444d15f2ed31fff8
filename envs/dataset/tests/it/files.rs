//! Rows from files, and what is said of files that are not well.

use dataset::{DatasetError, Row, load_file, load_path};
use expect_test::{Expect, expect};

use crate::parquet_file;

const ROW: &str = r#"{"instance_id": "a__b-1", "repo": "a/b", "base_commit": "c0", "patch": "p", "test_patch": "t", "problem_statement": "s", "FAIL_TO_PASS": ["f"], "PASS_TO_PASS": "[\"p1\", \"p2\"]", "extra": {"x": [1]}}"#;

fn load(name: &str, bytes: &[u8]) -> Result<Vec<Row>, DatasetError> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    std::fs::write(&file, bytes).expect("written");
    load_file(&file)
}

/// Checks what is said of a file, its folder cut off.
fn check(name: &str, bytes: &[u8], expected: Expect) {
    let text = match load(name, bytes) {
        Ok(rows) => format!("{} rows", rows.len()),
        Err(err) => err.to_string(),
    };
    let folders = regex::Regex::new("`/[^`]*/").expect("it is sound");
    let text = folders.replace_all(&text, "`");
    expected.assert_eq(&text);
}

/// Returns the sound row with one column replaced by raw JSON, or left out.
fn with(column: &str, value: Option<&str>) -> Vec<u8> {
    let mut row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(ROW).expect("it is sound");
    match value {
        Some(value) => row.insert(column.to_owned(), serde_json::from_str(value).expect("it is JSON")),
        None => row.shift_remove(column),
    };
    serde_json::to_vec(&row).expect("it can be written")
}

#[test]
fn every_format_gives_the_same_row() {
    let list = format!("[{ROW}]");
    let pretty = format!("[\n  {}\n]\n", ROW.replace(", \"", ",\n\"").replace("[\\\"p1\\\",\n", "[\\\"p1\\\","));
    let rows = load("x.jsonl", ROW.as_bytes()).expect("JSONL");
    let row = &rows[0];
    assert_eq!((row.fail_to_pass.join(" "), row.pass_to_pass.join(" ")), ("f".to_owned(), "p1 p2".to_owned()));
    assert!(row.has_tests() && row.version.is_empty() && row.eval_script.is_none());
    assert_eq!(row.instance().base_commit, "c0");
    let zst = |bytes: &[u8]| zstd::encode_all(bytes, 0).expect("it can be compressed");
    let windows = format!("\u{feff}{ROW}\r\n\r\n");
    for (name, bytes) in [
        ("x.json", list.as_bytes()),
        ("x.json", pretty.as_bytes()),
        ("x.jsonl", windows.as_bytes()),
        ("x.json", windows.as_bytes()),
        ("x.jsonl.zst", &zst(ROW.as_bytes())),
        ("x.json.zst", &zst(list.as_bytes())),
    ] {
        assert_eq!(load(name, bytes).unwrap_or_else(|err| panic!("{name}: {err}")), rows, "{name}");
    }
}

#[test]
fn parquet_has_lists_nulls_and_columns_of_no_use() {
    let bytes = parquet_file::bytes(&["a__b-1", "a__b-2"]);
    let rows = load("x.parquet", &bytes).expect("it is sound");
    assert_eq!(rows[0].fail_to_pass, ["fails 0.0", "fails 0.1"]);
    assert_eq!(rows[0].version, "version of a__b-1");
    assert!(rows[1].version.is_empty() && !rows[1].has_tests());
    assert_eq!(load("x.parquet.zst", &zstd::encode_all(&bytes[..], 0).expect("compressed")).expect("sound"), rows);
}

#[test]
fn folders_hold_shards_of_one_split() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    std::fs::create_dir(&data).expect("made");
    let write = |name: &str, id: &str| std::fs::write(data.join(name), parquet_file::bytes(&[id])).expect("written");
    write("train-00000-of-00002.parquet", "a__b-1");
    std::fs::write(folder.path().join("README.md"), "x").expect("written");
    let said = |result: Result<Vec<Row>, DatasetError>| {
        result.map_or_else(|err| err.to_string(), |rows| format!("{} rows", rows.len()))
    };
    assert!(said(load_file(folder.path())).ends_with("has 1 of the files that their names count"));
    write("train-00001-of-00002.parquet", "a__b-2");
    assert_eq!(said(load_file(folder.path())), "2 rows");
    write("dev-00000-of-00001.parquet", "a__b-3");
    assert!(
        said(load_file(folder.path())).ends_with("has several splits\nhint: add one of `dev`, `train` after a colon")
    );
    assert_eq!(said(load_path(folder.path(), Some("dev"))), "1 rows");
    assert!(
        said(load_path(folder.path(), Some("test"))).ends_with("has no split `test`\nhint: there are `dev`, `train`")
    );
    write("train-00001-of-00002.parquet", "A__B-1");
    assert!(said(load_file(&data.join("none.jsonl"))).starts_with("cannot read"));
    assert!(said(load_path(folder.path(), Some("train"))).contains("instance_id `A__B-1` was used by"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    check("x.jsonl", b"", expect!["`x.jsonl`: holds no rows"]);
    check("x.jsonl", b"\n \r\n", expect!["`x.jsonl`: holds no rows"]);
    check("x.json", b"[]", expect!["`x.json`: holds no rows"]);
    check(
        "x.jsonl",
        format!("{ROW}\n{}", &ROW[..80]).as_bytes(),
        expect![[r#"
        `x.jsonl`, line 2: the file ends in the middle of a row
        hint: was the copy or the download complete?"#]],
    );
    check(
        "x.jsonl",
        format!("{ROW}\n{}\n{ROW}\n", &ROW[..80]).as_bytes(),
        expect![[r#"
        `x.jsonl`, line 2: the row does not end on its line
        hint: one object a line, or a list in brackets"#]],
    );
    check(
        "x.jsonl",
        format!("{ROW}\n\n{ROW}x\n").as_bytes(),
        expect!["`x.jsonl`, line 3: is not JSON: trailing characters at column 201"],
    );
    check("x.jsonl", b"{\"a\": \"\xe9\"}\n", expect!["`x.jsonl`, line 1: is not UTF-8 from byte 8 on"]);
    check(
        "x.jsonl",
        b"\xff\xfe{\x00",
        expect![[r#"
        `x.jsonl`, line 1: is UTF-16
        hint: save the file as UTF-8"#]],
    );
    check("x.jsonl", b"17\n", expect!["`x.jsonl`, line 1: is not a JSON object"]);
    check("x.json", b"[1]", expect!["`x.json`, row 1: is not a JSON object"]);
    check(
        "x.jsonl",
        format!("{ROW}\n{ROW}\n").as_bytes(),
        expect!["`x.jsonl`, row 2: instance_id `a__b-1` was used by `x.jsonl`, row 1 already"],
    );
    check(
        "x.jsonl.zst",
        b"not zstd",
        expect!["`x.jsonl.zst`, line 1: cannot be read further: Unknown frame descriptor"],
    );
    let torn = zstd::encode_all(ROW.repeat(100).as_bytes(), 0).expect("compressed");
    check(
        "x.jsonl.zst",
        &torn[..torn.len() / 2],
        expect!["`x.jsonl.zst`, line 1: cannot be read further: incomplete frame"],
    );
    check(
        "x.parquet",
        b"PAR1",
        expect!["`x.parquet`: is not Parquet: EOF: Parquet file too small. Size is 4 but need 8"],
    );
    check(
        "x.parquet",
        ROW.as_bytes(),
        expect!["`x.parquet`: is not Parquet: Parquet error: Invalid Parquet file. Corrupt footer"],
    );
}

#[test]
fn what_is_wrong_with_a_column_is_said_by_name() {
    check(
        "x.jsonl",
        &with("base_commit", None),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `base_commit` is missing"],
    );
    let renamed = String::from_utf8(with("repo", None)).expect("text").replace("extra", "Repos");
    check(
        "x.jsonl",
        renamed.as_bytes(),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `repo` is missing
        hint: there is a column `Repos`"#]],
    );
    check(
        "x.jsonl",
        &with("FAIL_TO_PASS", Some(r#""['a'; b]""#)),
        expect![
            "`x.jsonl`, line 1, `a__b-1`: column `FAIL_TO_PASS` is not the JSON text of a list: expected value at line 1 column 2; it starts with `['a'; b]`"
        ],
    );
    check(
        "x.jsonl",
        &with("FAIL_TO_PASS", Some("\"\"")),
        expect![
            "`x.jsonl`, line 1, `a__b-1`: column `FAIL_TO_PASS` is not the JSON text of a list: EOF while parsing a value at line 1 column 0; it starts with ``"
        ],
    );
    check(
        "x.jsonl",
        &with("FAIL_TO_PASS", Some(r#""null""#)),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `FAIL_TO_PASS` holds null, not a list"],
    );
    check(
        "x.jsonl",
        &with("PASS_TO_PASS", Some(r#"["a", 1]"#)),
        expect!["`x.jsonl`, line 1, `a__b-1`: entry 2 of column `PASS_TO_PASS` is a number, not text"],
    );
    check(
        "x.jsonl",
        &with("PASS_TO_PASS", None),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `PASS_TO_PASS` is missing"],
    );
    let both = String::from_utf8(with("PASS_TO_PASS", None)).expect("text").replace("FAIL_TO_PASS", "fail_to_pas");
    check(
        "x.jsonl",
        both.as_bytes(),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `FAIL_TO_PASS` is missing
        hint: there is a column `fail_to_pas`"#]],
    );
}

#[test]
fn test_lists_are_read_as_numpy_prints_them() {
    let lists = |text: &str| with("FAIL_TO_PASS", Some(&serde_json::to_string(text).expect("it is text")));
    for text in ["['a' 'b\\n c' \"d\"]", "['a'\n 'b\\n c' \"d\"]", "array(['a', 'b\\n c',\n  'd'], dtype=object)"] {
        let rows = load("x.jsonl", &lists(text)).unwrap_or_else(|err| panic!("{text}: {err}"));
        assert_eq!(rows[0].fail_to_pass, ["a", "b\n c", "d"], "{text}");
    }
    check(
        "x.jsonl",
        &lists("['a' 'b' ... 'z']"),
        expect![
            "`x.jsonl`, line 1, `a__b-1`: column `FAIL_TO_PASS` is a list that NumPy shortened: it has `...` in place of entries; it starts with `['a' 'b' ... 'z']`"
        ],
    );
    check(
        "x.jsonl",
        &lists("['a' 'b', 'c']"),
        expect![
            "`x.jsonl`, line 1, `a__b-1`: column `FAIL_TO_PASS` is a list with commas between some entries only; it starts with `['a' 'b', 'c']`"
        ],
    );
}

#[test]
fn test_lists_under_two_names_must_agree() {
    let both = |column: &str, value: &str| with(column, Some(value));
    for (column, value) in [
        ("fail_to_pass", r#"["f"]"#),
        ("fail_to_pass", r#""['f']""#),
        ("fail_to_pass", "null"),
        ("pass_to_pass", r#"["p2", "p1"]"#),
    ] {
        let rows = load("x.jsonl", &both(column, value)).unwrap_or_else(|err| panic!("{column} {value}: {err}"));
        assert_eq!((rows[0].fail_to_pass.len(), rows[0].pass_to_pass.len()), (1, 2), "{column} {value}");
    }
    let lower = ROW.replace(r#""FAIL_TO_PASS": ["f"]"#, r#""FAIL_TO_PASS": null, "fail_to_pass": ["g"]"#);
    assert_eq!(load("x.jsonl", lower.as_bytes()).expect("one is null")[0].fail_to_pass, ["g"]);
    check(
        "x.jsonl",
        &both("fail_to_pass", r#"["g"]"#),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: columns `FAIL_TO_PASS` and `fail_to_pass` differ
        hint: leave out the one that is wrong"#]],
    );
    check(
        "x.jsonl",
        &both("pass_to_pass", "[]"),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: columns `PASS_TO_PASS` and `pass_to_pass` differ
        hint: leave out the one that is wrong"#]],
    );
    check(
        "x.jsonl",
        &both("pass_to_pass", "17"),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `pass_to_pass` holds a number, not a list"],
    );
}

#[test]
fn a_misspelt_issue_text_is_not_overlooked() {
    let renamed = |name: &str| ROW.replace("problem_statement", name);
    check(
        "x.jsonl",
        renamed("problem_statment").as_bytes(),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `problem_statement` is missing
        hint: there is a column `problem_statment`"#]],
    );
    check(
        "x.jsonl",
        renamed("Problem_Statement").as_bytes(),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `problem_statement` is missing
        hint: there is a column `Problem_Statement`"#]],
    );
    let rows = load("x.jsonl", renamed("issue").as_bytes()).expect("there is no issue text");
    assert!(rows[0].problem_statement.is_empty() && rows[0].has_tests());
    let both = renamed(r#"problem_statement": "s", "problem_statement2"#);
    assert_eq!(load("x.jsonl", both.as_bytes()).expect("it is there")[0].problem_statement, "s");
}

#[test]
fn only_near_columns_are_named() {
    let renamed = |from: &str, to: &str| ROW.replace(&format!("\"{from}\""), &format!("\"{to}\""));
    check(
        "x.jsonl",
        renamed("base_commit", "commit").as_bytes(),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `base_commit` is missing"],
    );
    check(
        "x.jsonl",
        renamed("base_commit", "baseCommit").as_bytes(),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `base_commit` is missing
        hint: there is a column `baseCommit`"#]],
    );
    check(
        "x.jsonl",
        renamed("patch", "path").as_bytes(),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `patch` is missing
        hint: there is a column `path`"#]],
    );
    check(
        "x.jsonl",
        renamed("patch", "watch_it").as_bytes(),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `patch` is missing"],
    );
    let others = renamed("FAIL_TO_PASS", "FAIL_TO_FAIL").replace("\"PASS_TO_PASS\"", "\"pass_to_fail\"");
    assert!(!load("x.jsonl", others.as_bytes()).expect("a raw row")[0].has_tests());
}

#[test]
fn what_is_wrong_with_a_value_is_said_by_name() {
    check("x.jsonl", &with("instance_id", Some("null")), expect!["`x.jsonl`, line 1: column `instance_id` is null"]);
    check(
        "x.jsonl",
        &with("instance_id", Some(r#""../up""#)),
        expect![[r#"
        `x.jsonl`, line 1: column `instance_id` holds `../up`
        hint: letters, digits, `-`, `_` and `.` only"#]],
    );
    check(
        "x.jsonl",
        &with("version", Some("3.10")),
        expect![[r#"
        `x.jsonl`, line 1, `a__b-1`: column `version` is the number `3.1`
        hint: write it as text"#]],
    );
    check(
        "x.jsonl",
        &with("patch", Some("[]")),
        expect!["`x.jsonl`, line 1, `a__b-1`: column `patch` is a list, not text"],
    );
}

#[test]
fn words_of_python_for_numbers_are_nulls() {
    let plain = load("x.jsonl", ROW.as_bytes()).expect("it is sound");
    let words = r#""extra": {"x": [NaN]}, "created_at": NaN, "score":-Infinity,"hints_text": NaN, "most": Infinity"#;
    let row = ROW.replace(r#""extra": {"x": [1]}"#, words);
    assert_eq!(load("x.jsonl", row.as_bytes()).expect("words in a line"), plain);
    assert_eq!(load("x.json", format!("[{row}]").as_bytes()).expect("words in a list"), plain);
    let text = r#"\"NaN, NaN\" is NaN"#;
    let row = row.replace(r#""problem_statement": "s""#, &format!(r#""problem_statement": "{text}""#));
    let read = load("x.jsonl", row.as_bytes()).expect("words in a text");
    assert_eq!(read[0].problem_statement, r#""NaN, NaN" is NaN"#);
    let lost = row.replace(r#""repo": "a/b""#, r#""repo": NaN"#);
    check("x.jsonl", lost.as_bytes(), expect!["`x.jsonl`, line 1, `a__b-1`: column `repo` is null"]);
}

#[test]
fn what_is_harmless_is_taken() {
    for (column, value) in [
        ("version", "null"),
        ("version", "4"),
        ("created_at", "17"),
        ("created_at", "1690000000.5"),
        ("created_at", "null"),
        ("problem_statement", "null"),
        ("problem_statement", "\" \""),
        ("FAIL_TO_PASS", "\"['a', \\\"it's\\\"]\""),
        ("image_name", "\"r/i:1\""),
        ("hints_text", "null"),
        ("FAIL_TO_PASS", "null"),
        ("patch", "null"),
    ] {
        load("x.jsonl", &with(column, Some(value))).unwrap_or_else(|err| panic!("{column} {value}: {err}"));
    }
    let bare = String::from_utf8(with("PASS_TO_PASS", None)).expect("text").replace("FAIL_TO_PASS", "other");
    assert!(!load("x.jsonl", bare.as_bytes()).expect("a raw row")[0].has_tests());
}

#[test]
fn no_bytes_make_it_panic() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random).expect("64 bits") % below
    };
    let parquet = parquet_file::bytes(&["a__b-1", "a__b-2", "a__b-3"]);
    let seeds: [(&str, Vec<u8>); 5] = [
        ("x.jsonl", ROW.as_bytes().to_vec()),
        ("x.json", format!("[{ROW}]").into_bytes()),
        ("x.jsonl.zst", zstd::encode_all(ROW.as_bytes(), 0).expect("compressed")),
        ("x.parquet", parquet.clone()),
        ("x.parquet.zst", zstd::encode_all(&parquet[..], 0).expect("compressed")),
    ];
    for round in 0..3000 {
        let (name, seed) = &seeds[round % seeds.len()];
        let mut bytes = seed.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = u8::try_from(next(256)).expect("below 256"),
                2 => bytes[at] ^= 1 << next(8),
                _ => drop(bytes.splice(at..at, (0..next(9)).map(|byte| byte as u8).collect::<Vec<_>>())),
            }
        }
        let outcome = std::panic::catch_unwind(|| load(name, &bytes).map(|rows| rows.len()));
        if outcome.is_err() {
            panic!("round {round}, {name}: {}", bytes.escape_ascii());
        }
    }
}
