//! Calls read out of answers in JSON.

use std::time::{Duration, Instant};

use agent_core::ToolSpec;
use llm::{UnreadableJson, parse_json_call};
use serde_json::{Value, json};

use crate::server::bash;

pub(crate) fn tool(name: &str, properties: Value, required: &[&str]) -> ToolSpec {
    let parameters = json!({ "type": "object", "properties": properties, "required": required });
    ToolSpec { name: name.to_owned(), description: format!("Does {name}."), parameters }
}

pub(crate) fn edit() -> ToolSpec {
    let nullable = json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] });
    let text = json!({ "type": "string" });
    let properties = json!({ "path": text, "search": nullable, "replace": text, "line": { "type": "integer" } });
    tool("edit", properties, &["replace"])
}

pub(crate) fn verdict() -> ToolSpec {
    let text = json!({ "type": "string" });
    tool("verdict", json!({ "scratch_pad": text, "complete": { "type": "boolean" } }), &["scratch_pad", "complete"])
}

pub(crate) fn all() -> [ToolSpec; 4] {
    [bash(), edit(), verdict(), tool("finish", json!({}), &[])]
}

/// Returns what is read out of an answer, in one line.
fn read(text: &str, tools: &[ToolSpec], whole: bool) -> String {
    match parse_json_call(text, tools, whole) {
        Ok(read) => {
            let calls: Vec<String> = read.calls.iter().map(|(name, arguments)| format!("{name} {arguments}")).collect();
            if calls.is_empty() { "plain".to_owned() } else { format!("{:?} {}", read.words, calls.join("; ")) }
        }
        Err(UnreadableJson::Broken { problem, line, column, near }) => format!("{problem:?} {line}:{column} {near}"),
        Err(unreadable) => format!("{unreadable:?}"),
    }
}

fn reads(tools: &[ToolSpec], rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(read(text, tools, true), *expected, "in {text}");
    }
}

const VERDICT: &str = r#""" verdict {"scratch_pad":"ok","complete":true}"#;
/// Answers to a single tool, and what is read.
const SINGLE: &[(&str, &str)] = &[
    (r#"{"scratch_pad": "ok", "complete": true}"#, VERDICT),
    ("  \n{\n  \"scratch_pad\": \"ok\",\n  \"complete\": true\n}\n\n", VERDICT),
    ("```json\n{\"scratch_pad\": \"ok\", \"complete\": true}\n```", VERDICT),
    ("```\n{\"scratch_pad\": \"ok\", \"complete\": true}\n```\nThat is all.", VERDICT),
    (
        "Let me see.\n\n```json\n{\"scratch_pad\": \"ok\", \"complete\": true}\n```",
        r#""Let me see." verdict {"scratch_pad":"ok","complete":true}"#,
    ),
    (
        "I ran\n```sh\nls\n```\n{\"scratch_pad\": \"ok\", \"complete\": true}",
        "\"I ran\\n```sh\\nls\\n```\" verdict {\"scratch_pad\":\"ok\",\"complete\":true}",
    ),
    (r#"{"tool": "verdict", "arguments": {"scratch_pad": "ok", "complete": true}}"#, VERDICT),
    (r#"{"name": "verdict", "parameters": {"scratch_pad": "ok", "complete": true}}"#, VERDICT),
    (r#"{"tool": "verdict", "scratch_pad": "ok", "complete": true}"#, VERDICT),
    (r#"[{"scratch_pad": "ok", "complete": true}]"#, VERDICT),
    (r#"{'scratch_pad': 'ok', 'complete': True}"#, VERDICT),
    (r#"{scratch_pad: "ok", complete: True,}"#, VERDICT),
    (r#"{"scratch_pad": "ok", "complete": true,}"#, VERDICT),
    (r#"{{"scratch_pad": "ok", "complete": true}}"#, VERDICT),
    ("<think>\nOr {\"complete\": false}?\n</think>\n{\"scratch_pad\": \"ok\", \"complete\": true}", VERDICT),
    (
        "Hm, {\"scratch_pad\": \"\", \"complete\": false}?\n</think>\n{\"scratch_pad\": \"ok\", \"complete\": true}",
        VERDICT,
    ),
    (
        "{\"scratch_pad\": \"a\n\tb \\d \\' \\u00e9 \\ud83d\\ude00 \\ud83d\", \"complete\": None}",
        "\"\" verdict {\"scratch_pad\":\"a\\n\\tb \\\\d ' é 😀 \u{fffd}\",\"complete\":null}",
    ),
    (
        r#"The span {"complete": false} was wrong: {"scratch_pad": "ok", "complete": true}"#,
        r#""The span {\"complete\": false} was wrong:" verdict {"scratch_pad":"ok","complete":true}"#,
    ),
    (
        r#"{"scratch_pad": "1", "complete": true} {"scratch_pad": "2", "complete": true}"#,
        r#""" verdict {"scratch_pad":"1","complete":true}"#,
    ),
    (r#"{"complete": true}"#, r#""" verdict {"complete":true}"#),
    (
        "<scratch_pad>\nIt's \"so\".\n</scratch_pad>\n{\"complete\": true}",
        r#""" verdict {"complete":true,"scratch_pad":"It's \"so\"."}"#,
    ),
    ("<scratch_pad>so</scratch_pad>\n{\"complete\": true}", r#""" verdict {"complete":true,"scratch_pad":"so"}"#),
    (r#"{"tool": "other", "arguments": {}}"#, r#""" other {}"#),
    (r#"{"done": 1}"#, "NoneFits"),
    ("{}", "NoneFits"),
    ("<scratch_pad>\nok\n</scratch_pad>", r#"Missing { missing: ["complete"] }"#),
    (r#"{"scratch_pad": "he said "so"", "complete": true}"#, r#"NoComma 1:27 so"", "complete": true}"#),
    ("So:\n{\"scratch_pad\": \"ok\", \"complete\": yes}", "NoValue 2:35 yes}"),
    ("{\"scratch_pad\": \"ok", "StringNotClosed 1:17 \"ok"),
    ("{\"scratch_pad\": \"ok\", ", "NotClosed 1:1 {\"scratch_pad\": \"ok\", "),
    (r#"{"scratch_pad" "ok"}"#, r#"NoColon 1:16 "ok"}"#),
    (r#"{"scratch_pad": "ok", "complete": true, ]"#, "NoKey 1:41 ]"),
    ("It is done.", "plain"),
    ("", "plain"),
    ("true", "plain"),
    ("<think>{\"scratch_pad\": \"ok\", \"complete\": true}</think>Done.", "plain"),
    ("<think>{\"scratch_pad\": \"ok\"", "plain"),
    ("<div>\nhi\n</div>", "plain"),
    ("```python\nprint(1)\n```", "NoObject"),
    ("Use f\"{x}\".", "NoObject"),
];

#[test]
fn an_answer_to_a_single_tool_is_its_arguments() {
    reads(&[verdict()], SINGLE);
    let rows = [
        ("{}", r#""" finish {}"#),
        ("Done.\n\n```json\n{}\n```", r#""Done." finish {}"#),
        ("{\"a\": 1}", r#""" finish {"a":1}"#),
        (r#"{"tool": "finish"}"#, r#""" finish {}"#),
        ("It is `{}` now.", "NoneFits"),
    ];
    reads(&[tool("finish", json!({}), &[])], &rows);
}

/// Answers with tags, and what is read.
const TAGS: &[(&str, &str)] = &[
    ("<replace>\n  a\n    b\n</replace>", r#""" edit {"replace":"  a\n    b"}"#),
    ("I mend it.\n\n<replace>\na\n</replace>\nDone!", r#""I mend it." edit {"replace":"a"}"#),
    ("```\n<replace>\na\n</replace>\n```", r#""" edit {"replace":"a"}"#),
    ("```xml\n<replace>\n```python\na\n```\n</replace>\n```", r#""" edit {"replace":"```python\na\n```"}"#),
    ("<replace>a</replace>", r#""" edit {"replace":"a"}"#),
    ("<replace></replace>", r#""" edit {"replace":""}"#),
    ("<replace>\n</replace>", r#""" edit {"replace":""}"#),
    ("<replace>\n\n\n</replace>", r#""" edit {"replace":"\n"}"#),
    ("<replace>\n\na\n\n</replace>", r#""" edit {"replace":"\na\n"}"#),
    ("<replace>\r\na\r\nb\r\n</replace>\r\n", r#""" edit {"replace":"a\r\nb"}"#),
    ("<replace>\na\r\n</replace>", r#""" edit {"replace":"a\r"}"#),
    ("<replace>\n  a\n  </replace>", r#""" edit {"replace":"  a"}"#),
    ("<replace>\nx = \"</replace>\"\ny\n</replace>", r#""" edit {"replace":"x = \"</replace>\"\ny"}"#),
    ("<replace>\na\n</replace>\nb\n</replace>", r#""" edit {"replace":"a\n</replace>\nb"}"#),
    (
        "<replace>\nd = {\"path\": 1, \"replace\": 2}\n</replace>",
        r#""" edit {"replace":"d = {\"path\": 1, \"replace\": 2}"}"#,
    ),
    ("<replace>\n<div>\n</div>\n</replace>", r#""" edit {"replace":"<div>\n</div>"}"#),
    ("<search>\na\n</search>\n<replace>\nb\n</replace>", r#""" edit {"search":"a","replace":"b"}"#),
    (
        "{\"path\": \"a.py\", \"line\": 3}\n<replace>\nb\n</replace>",
        r#""" edit {"path":"a.py","line":3,"replace":"b"}"#,
    ),
    ("<replace>\nb\n</replace>\n{\"path\": \"a.py\"}", r#""" edit {"path":"a.py","replace":"b"}"#),
    (
        "{\"tool\": \"edit\", \"arguments\": {\"replace\": \"see below\"}}\n<replace>\nb\n</replace>",
        r#""" edit {"replace":"b"}"#,
    ),
    ("{\"replace\": \"a\n<replace>\nb\n</replace>\n\"}", r#""" edit {"replace":"a\n<replace>\nb\n</replace>\n"}"#),
    ("<replace>\na\n", r#""" edit {"replace":"a"}"#),
    ("<replace>\na\n</replace", r#""" edit {"replace":"a"}"#),
    ("<replace>a", r#""" edit {"replace":"a"}"#),
    ("<search>\na\n</search>\n<replace>\nb", r#""" edit {"search":"a","replace":"b"}"#),
    ("<search>\na\n<replace>\nb\n</replace>", r#"TagNotClosed { tag: "search" }"#),
    ("<replace> is the tag.\nI know it.", "plain"),
    ("See <replace>\na\n</replace>", "plain"),
    ("<replace>\na\n</replace> b </replace> c", r#""" edit {"replace":"a"}"#),
    ("<search>\na\n</search>", r#"Missing { missing: ["replace"] }"#),
    ("<line>3</line>", "plain"),
    ("{\"path\": \"a \"b\" c\"}\n<replace>\nb\n</replace>", "NoComma 1:14 b\" c\"}"),
    ("Not a set { but:\n<replace>\nb\n</replace>", r#""Not a set { but:" edit {"replace":"b"}"#),
    ("<think>\n<replace>\na\n</replace>\n</think>\n<replace>\nb\n</replace>", r#""" edit {"replace":"b"}"#),
    ("<replace>\na\n</think>\nb\n</replace>", r#""" edit {"replace":"a\n</think>\nb"}"#),
];

#[test]
fn text_stands_between_tags() {
    reads(&[edit()], TAGS);
}

const LS: &str = r#""" execute_bash {"command":"ls"}"#;
/// Answers to several tools, and what is read.
const SEVERAL: &[(&str, &str)] = &[
    (r#"{"tool": "execute_bash", "arguments": {"command": "ls"}}"#, LS),
    (r#"{"name": "execute_bash", "arguments": {"command": "ls"}}"#, LS),
    (r#"{"action": "execute_bash", "args": {"command": "ls"}}"#, LS),
    (r#"{"tool": "execute_bash", "parameters": {"command": "ls"}}"#, LS),
    (r#"{"action": "execute_bash", "input": {"command": "ls"}, "thoughts": "hm"}"#, LS),
    (r#"{"tool": "execute_bash", "command": "ls"}"#, LS),
    (r#"{"tool": "execute_bash", "arguments": "{\"command\": \"ls\"}"}"#, LS),
    (r#"{"tool": " execute_bash ", "arguments": {"command": "ls"}}"#, LS),
    (r#"[{"tool": "execute_bash", "arguments": {"command": "ls"}}, {"tool": "finish"}]"#, LS),
    ("{\"tool\": \"execute_bash\"}\n<command>\nls\n</command>", LS),
    ("<command>\nls\n</command>\n{\"tool\": \"execute_bash\"}", LS),
    ("{\"tool\": \"execute_bash\", \"arguments\": {}}\n<command>\nls\n</command>\n<replace>\nno\n</replace>", LS),
    (r#"{"tool": "finish"}"#, r#""" finish {}"#),
    (r#"{"tool": "finish", "arguments": null}"#, r#""" finish {}"#),
    (r#"{"tool": "finish", "arguments": ""}"#, r#""" finish {}"#),
    (r#"{"tool": "nope", "arguments": {"a": 1}}"#, r#""" nope {"a":1}"#),
    (r#"Not {"tool": "nope"} but {"tool": "finish"}"#, r#""Not {\"tool\": \"nope\"} but" finish {}"#),
    (r#"{"command": "ls"}"#, "NoTool"),
    ("<command>\nls\n</command>", "NoTool"),
    (r#"{"tool": 3, "arguments": {"command": "ls"}}"#, "NoTool"),
    ("{\"tool\": \"execute_bash\", \"arguments\": {\"command\": \"ls\"", "NotClosed 1:39 {\"command\": \"ls\""),
    (r#"{"tool": "execute_bash" "arguments": {"command": "ls"}}"#, r#"NoComma 1:25 "arguments": {"command": "ls"}}"#),
    ("{\"tool\": \"finish\" oops}\n{\"tool\": \"finish\"}", "\"{\\\"tool\\\": \\\"finish\\\" oops}\" finish {}"),
];

#[test]
fn an_answer_to_several_tools_names_one() {
    reads(&all(), SEVERAL);
    let named = tool("find", json!({ "name": { "type": "string" }, "input": { "type": "object" } }), &["name"]);
    reads(
        std::slice::from_ref(&named),
        &[
            (r#"{"name": "find"}"#, r#""" find {"name":"find"}"#),
            (r#"{"name": "find", "input": {"a": 1}}"#, r#""" find {"name":"find","input":{"a":1}}"#),
            (r#"{"name": "find", "arguments": {"name": "x"}}"#, r#""" find {"name":"x"}"#),
        ],
    );
    reads(&[named, bash()], &[(r#"{"tool": "find", "name": "x"}"#, r#""" find {"name":"x"}"#)]);
}

#[test]
fn an_answer_that_was_cut_off_says_so() {
    for text in [
        "{\"path\": \"a.py\", \"replace\": \"b",
        "{\"path\": \"a.py\", \"line\": 1",
        "{\"path\": \"a.py\", \"line\": tr",
        "{\"path\": \"a.py\"}\n<replace>\nb",
        "<replace>\nb\n",
        "<search>\nb\n<replace>\nb\n",
        "{\"path\": \"a.py\"}\n<repl",
        "{\"tool\": \"edit\"}\n<",
        "```json\n",
        "So: {",
    ] {
        assert_eq!(read(text, &[edit()], false), "CutOff", "in {text}");
    }
    assert_eq!(read("{\"replace\": \"b\"} And so", &[edit()], false), r#""" edit {"replace":"b"}"#);
    assert_eq!(read("I think that", &[edit()], false), "plain");
}

#[test]
fn any_mixture_of_pieces_is_read_or_refused() {
    let pieces = [
        " ",
        "\n",
        "\r\n",
        "\t",
        "a",
        "é",
        "🦀",
        "<",
        ">",
        "\\",
        "\\u",
        "d83d",
        "\\ude00",
        "\"",
        "'",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "-1",
        "```",
        "<replace>",
        "</replace>",
        "</replace",
        "<command>\n",
        "\n</command>",
        "<think>",
        "</think>",
        "True",
        "\u{a0}",
        "\"tool\":",
        "\"edit\"",
        "\"arguments\":",
        "{\"replace\":",
    ];
    let mut state: u64 = 7;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..20_000 {
        let text: String = (0..random(16)).map(|_| pieces[random(pieces.len())]).collect();
        for tools in [vec![edit()], all().to_vec()] {
            let calls = parse_json_call(&text, &tools, round % 2 == 0).map_or(0, |read| read.calls.len());
            assert!(calls < 2, "{text}");
        }
    }
}

#[test]
fn hostile_answers_take_no_time_and_no_stack() {
    let many = |text: &str, size: usize| text.repeat(size / text.len());
    let large = 100_000;
    let mut texts: Vec<String> = [
        "{",
        "[",
        "{\"",
        "{'",
        "{\"a\":",
        "{\"a\":[",
        "\n{\"a\":",
        "\n{\"a\":[",
        "{\"a\":1,",
        "{}",
        "{\"a\":\"",
        "{\"a\":'",
        "\\\"",
        "{\"\\",
        "<replace>",
        "\n<replace>",
        "\n<replace>\n",
        "\n</replace>",
        "</replace>",
        "\n<replace>\n<search>\n",
        "\n<search>a",
        "{ \n",
        "{\"a\":1}",
        "\n</think>",
        "```\n",
        "\n{\"replace\":\"",
        "{\"tool\":{\"x\":",
    ]
    .iter()
    .map(|text| many(text, large))
    .collect();
    texts.push(format!("{{\"replace\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000)));
    texts.push(format!("{}{}", "{\"replace\":".repeat(100_000), "}".repeat(100_000)));
    texts.push(many("{", 2_000_000));
    texts.push(format!("<replace>{}{}", many("</replace>x", large), many(" ", large)));
    texts.push(format!("{}{}", many("{", large), many(" ", large)));
    texts.push(format!("{{\"a\":{}", many("{\"a\": \"b\"},", large)));
    for text in texts {
        let start = Instant::now();
        let read = [vec![edit()], all().to_vec()].map(|tools| parse_json_call(&text, &tools, true).is_ok());
        let (took, shown) = (start.elapsed(), text.get(..20).unwrap_or(&text));
        println!("{took:?} {read:?} {shown:?}");
        assert!(took < Duration::from_secs(10), "{took:?} for {shown:?}");
    }
}
