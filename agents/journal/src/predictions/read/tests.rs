//! Predictions in all the forms in which other programs write them.

use expect_test::{Expect, expect};

use super::*;

/// Reads a file of this name and text and shows the predictions, or the error without the file's place.
fn check(name: &str, text: &str, expected: &Expect) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    let shown = match read_predictions(&path) {
        Ok(found) => found.predictions.iter().map(show).chain(found.remarks).collect::<Vec<_>>().join("\n"),
        Err(err) => format!("{err:#}").replace(&format!("{}/", folder.path().display()), ""),
    };
    expected.assert_eq(&shown);
}

fn show(prediction: &Prediction) -> String {
    let Prediction { instance_id, model_name_or_path, model_patch, spoiled } = prediction;
    let spoiled = if *spoiled { " (spoiled)" } else { "" };
    format!("{instance_id} by {model_name_or_path}: {model_patch:?}{spoiled}")
}

const A: &str = r#"{"instance_id": "a__a-1", "model_name_or_path": "m", "model_patch": "x\n"}"#;
const B: &str = r#"{"instance_id": "b__b-2", "model_name_or_path": "m", "model_patch": null, "more": [1]}"#;

#[test]
fn lines_lists_and_objects_keyed_by_id_hold_the_same() {
    let expected = expect![[r#"
        a__a-1 by m: Some("x\n")
        b__b-2 by m: None"#]];
    check("preds.jsonl", &format!("{A}\n\n{B}\n"), &expected);
    check("preds.jsonl", &format!("{A}\r\n{B}"), &expected);
    check("preds.json", &format!("\n [{A},\n{B}]\n"), &expected);
    check("preds.jsonl", &format!("[{A},{B}]"), &expected);
    check("preds.json", &format!("{{\"a__a-1\": {A},\n \"b__b-2\": {B}}}"), &expected);
    // Some write lines into a file whose name promises one value.
    check("preds.json", &format!("{A}\n{B}"), &expected);
    let without_ids = r#"{"a__a-1": {"model_name_or_path": "m", "model_patch": "x"}}"#;
    check("preds.json", without_ids, &expect![[r#"a__a-1 by m: Some("x")"#]]);
    check("all.json", A, &expect![[r#"a__a-1 by m: Some("x\n")"#]]);
}

#[test]
fn outputs_of_openhands_name_their_model_in_the_metadata() {
    let line = |id: &str, result: &str| {
        let metadata = r#"{"agent_class": "CodeActAgent", "llm_config": {"model": "gpt-4o", "api_key": "***"}}"#;
        let history = r#"[{"id": 0, "args": {"content": "long"}}]"#;
        format!(r#"{{"instance_id": "{id}", "test_result": {result}, "metadata": {metadata}, "history": {history}}}"#)
            + "\n"
    };
    let text = [
        line("a__a-1", r#"{"git_patch": "diff --git a/x b/x\n"}"#),
        line("a__a-2", "{}"),
        line("a__a-3", r#"{"git_patch": null}"#),
        r#"{"instance_id": "a__a-4", "model_patch": "x", "test_result": {"git_patch": "y"}}"#.to_owned(),
        // Earlier versions have it at the top, or one level further down.
        "\n".to_owned() + r#"{"instance_id": "a__a-5", "git_patch": "x", "test_result": {"git_patch": "y"}}"#,
        "\n".to_owned() + r#"{"instance_id": "a__a-6", "git_patch": null, "test_result": {"git_patch": "y"}}"#,
        "\n".to_owned() + r#"{"instance_id": "a__a-7", "git_patch": "", "test_result": {}}"#,
        "\n".to_owned() + r#"{"instance_id": "a__a-8", "test_result": {"result": {"git_patch": "z"}}}"#,
        "\n".to_owned() + r#"{"instance_id": "a__a-9", "model_patch": null, "git_patch": "x"}"#,
    ];
    check(
        "output.jsonl",
        &text.concat(),
        &expect![[r#"
            a__a-1 by gpt-4o: Some("diff --git a/x b/x\n")
            a__a-2 by gpt-4o: None
            a__a-3 by gpt-4o: None
            a__a-4 by openhands: Some("x")
            a__a-5 by openhands: Some("x")
            a__a-6 by openhands: Some("y")
            a__a-7 by openhands: Some("")
            a__a-8 by openhands: Some("z")
            a__a-9 by openhands: Some("x")"#]],
    );
}

#[test]
fn errors_name_the_line_and_the_field() {
    check(
        "p.jsonl",
        &format!("{A}\n\n{{\"instance_id\": \"b\", \"model_name_or_path\": \"m\", \"model_patch\": 5}}\n"),
        &expect![
            "predictions `p.jsonl`: line 3: model_patch: invalid type: integer `5`, expected a string at column 64"
        ],
    );
    check(
        "p.jsonl",
        r#"{"instance_id": "b", "model_name_or_path": "m", "patch": "x"}"#,
        &expect!["predictions `p.jsonl`: line 1: `b`: missing field `model_patch`"],
    );
    check("p.jsonl", "{}", &expect!["predictions `p.jsonl`: line 1: missing field `instance_id`"]);
    check(
        "p.json",
        &format!("[{A}, {{\"instance_id\": 7}}]"),
        &expect![
            "predictions `p.json`: line 1: instance_id: invalid type: integer `7`, expected a string at column 17"
        ],
    );
    check(
        "p.json",
        &format!("{{\"b__b-1\": {A}}}"),
        &expect!["predictions `p.json`: line 1: `b__b-1`: its field `instance_id` says `a__a-1`"],
    );
    check("p.json", &format!("[{A}"), &expect!["predictions `p.json`: line 1: the file ends where `,` is expected"]);
    check(
        "p.json",
        &format!("{{\"x\":\n{A}"),
        &expect!["predictions `p.json`: line 2: the file ends where `,` is expected"],
    );
    check("p.jsonl", &format!("{A} {B}"), &expect!["predictions `p.jsonl`: line 1: trailing characters at column 76"]);
    check(
        "p.json",
        &format!("[{A},\n{{\n\"instance_id\":\n7}}]"),
        &expect![
            "predictions `p.json`: line 2: instance_id: invalid type: integer `7`, expected a string at line 4 column 1"
        ],
    );
    check(
        "p.json",
        &format!("[{A},\n{{\"x\": 1]"),
        &expect!["predictions `p.json`: line 2: expected `,` or `}` at column 8"],
    );
    check("p.json", &format!("[{A}] {A}"), &expect!["predictions `p.json`: line 1: there is more after the end"]);
    check(
        "p.json",
        &format!("[{A}\n{A}]"),
        &expect!["predictions `p.json`: line 2: there is `{` where `,` is expected"],
    );
    check("p.jsonl", "\n", &expect!["predictions `p.jsonl`: it holds none"]);
    check("p.jsonl", "diff --git", &expect!["predictions `p.jsonl`: line 1: expected value at column 1"]);
}

#[test]
fn predictions_that_differ_for_one_id_are_refused_in_every_form_and_equal_ones_are_one() {
    // The same patch after what is done to it before it is judged, and the id in another case.
    let same = A.replace("a__a", "A__a").replace(r"x\n", r"x\n\n");
    let one = expect![[r#"
        a__a-1 by m: Some("x\n")
        line 3: the same prediction for `a__a-1` by `m` as in line 1"#]];
    let other = A.replace(r"x\n", "y");
    let refused = expect![[r#"
        predictions `p.json`: two predictions that differ for one instance
          `a__a-1` by `m`: lines 1 and 3
        hint: keep one of each in the file"#]];
    for (second, expected) in [(&same, one), (&other, refused)] {
        let key = if second.contains("A__a") { "A__a-1" } else { "a__a-1" };
        check("p.json", &format!("{A}\n\n{second}"), &expected);
        check("p.json", &format!("[{A},\n\n{second}]"), &expected);
        check("p.json", &format!("{{\"a__a-1\": {A},\n\n\"{key}\": {second}}}"), &expected);
    }
    let by_another = A.replace("\"m\"", "\"n\"");
    check(
        "p.jsonl",
        &format!("{A}\n{by_another}"),
        &expect![[r#"
        a__a-1 by m: Some("x\n")
        a__a-1 by n: Some("x\n")"#]],
    );
}

#[test]
fn half_characters_spoil_the_patch_that_holds_them_and_no_other() {
    let spoiled = B.replace("null", r#""+ \ud800\n""#);
    let beside = A.replace("}", r#", "history": ["\udc00"], "test_result": {"x": "\ud800"}}"#);
    let expected = expect![[r#"
        a__a-1 by m: Some("x\n")
        b__b-2 by m: Some("+ �\n") (spoiled)
        line 2: the patch for `b__b-2` contains a lone surrogate or bytes that are not text, and counts as a patch that does not apply"#]];
    check("p.json", &format!("{beside}\n{spoiled}\n"), &expected);
    check("p.json", &format!("[{beside},\n{spoiled}]"), &expected);
    check("p.json", &format!("{{\"a__a-1\": {beside},\n\"b__b-2\": {spoiled}}}"), &expected);
    let bytes = A.replace(r"x\n", "caf?").into_bytes();
    let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect();
    let read = crate::predictions::row::prediction(&bytes, None, 1).unwrap();
    assert_eq!((read.patch_text(), read.spoiled), ("caf\u{fffd}", true));
}

#[test]
fn a_byte_order_mark_is_skipped_and_utf_16_is_told() {
    let expected = expect![[r#"a__a-1 by m: Some("x\n")"#]];
    check("p.jsonl", &format!("\u{feff}{A}\n"), &expected);
    check("p.json", &format!("\u{feff}[{A}]"), &expected);
    check("p.json", &format!("\u{feff}{{\"a__a-1\": {A}}}"), &expected);
    let folder = tempfile::tempdir().unwrap();
    let wide: Vec<u8> = format!("\u{feff}{A}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("p.jsonl"), wide).unwrap();
    let err = read_predictions(&folder.path().join("p.jsonl")).unwrap_err();
    assert!(
        format!("{err:#}").ends_with("it is UTF-16\nhint: save the file as UTF-8, as with `iconv -f UTF-16 -t UTF-8`")
    );
}

#[test]
fn of_a_file_in_the_making_the_torn_line_is_left_out() {
    let read = |text: &str| {
        let lines = Lines::new(text.as_bytes()).torn();
        lines.collect::<anyhow::Result<Vec<_>>>().map(|found| found.len()).map_err(|err| format!("{err:#}"))
    };
    assert_eq!(read(&format!("{A}\n{{\"instance_id\": \"b")), Ok(1));
    assert_eq!(read(&format!("{A}\n{B}")), Ok(2));
    assert!(read(&format!("{A}\n{{\"instance_id\": \"b\n")).is_err());
}
