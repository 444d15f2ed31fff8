//! What a model reads about the arguments.

use edit::{ApplyPatch, StrReplaceEditor};
use expect_test::{Expect, expect};
use tool_core::{Tool, Toolbox};

/// Shows a schema with one property a line.
fn check<T: Tool>(tool: T, expected: Expect) {
    let toolbox = Toolbox::default().with(tool);
    let signature = toolbox.signatures().next().unwrap();
    let properties = signature.parameters["properties"].as_object().unwrap();
    let lines: String = properties.iter().map(|(name, property)| format!("{name}: {property}\n")).collect();
    expected.assert_eq(&format!("{lines}required: {}\n", signature.parameters["required"]));
}

#[test]
fn schema_of_str_replace_editor() {
    check(
        StrReplaceEditor::default(),
        expect![[r#"
            command: {"type":"string","enum":["view","create","str_replace","insert","undo_edit"],"description":"What to do: `view`, `create`, `str_replace`, `insert` or `undo_edit`."}
            path: {"type":"string","description":"Absolute path of the file, or of the folder to view."}
            file_text: {"type":"string","description":"For `create`: the whole text of the new file. It may be empty."}
            old_str: {"type":"string","description":"For `str_replace`: the text to replace, exactly as it is in the file, blanks and all. It must be there once."}
            new_str: {"type":"string","description":"For `str_replace`: the text to put in its place; left out or empty, the old text is removed.\nFor `insert`: the lines to put in."}
            insert_line: {"type":"integer","description":"For `insert`: the number of the line after which the text goes; 0 is before the first line."}
            view_range: {"type":"array","items":{"type":"integer"},"description":"For `view` of a file: the first and the last line to show, counted from 1, such as `[11, 40]`; `[11, -1]` goes\nto the end of the file."}
            required: ["command","path"]
        "#]],
    );
}

#[test]
fn schema_of_apply_patch() {
    check(
        ApplyPatch::default(),
        expect![[r#"
        patch: {"type":"string","description":"The patch as a unified diff, as `git diff` prints it. It may change several files."}
        required: ["patch"]
    "#]],
    );
}
