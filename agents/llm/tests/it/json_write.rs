//! Calls written as JSON, and read again.

use agent_core::{Message, Role, ToolCall, ToolSpec};
use expect_test::expect;
use llm::{parse_json_call, render_json_call, to_json_text};
use serde_json::{Map, Value, json};

use crate::json_read::{all, edit, tool, verdict};
use crate::server::{bash, prompts};

fn call(tool: &ToolSpec, arguments: &Map<String, Value>) -> ToolCall {
    let arguments = Value::Object(arguments.clone()).to_string();
    ToolCall { id: "id".to_owned(), name: tool.name.clone(), arguments }
}

/// Checks that a call is the same after rendering and reading, for each offer of tools.
fn survives(tool: &ToolSpec, arguments: &Map<String, Value>) {
    let call = call(tool, arguments);
    let others = [std::slice::from_ref(tool), &[tool.clone(), bash()], &all()];
    for tools in others.into_iter().filter(|tools| tools.contains(tool)) {
        let text = render_json_call(&call, tools);
        for text in
            [text.clone(), format!("So be it.\n\n{text}"), format!("```json\n{text}\n```"), format!("{text}\n\n")]
        {
            let read = parse_json_call(&text, tools, true).unwrap_or_else(|err| panic!("{err:?} in {text}"));
            let (name, given) = &read.calls[0];
            let given: Map<String, Value> = serde_json::from_str(given).unwrap();
            assert_eq!((name, &given), (&call.name, arguments), "{text}");
            assert!(["", "So be it."].contains(&read.words.as_str()), "{:?} in {text}", read.words);
        }
    }
}

#[test]
fn arguments_of_all_kinds_survive() {
    for value in [
        "",
        " ",
        "\n",
        "\n\n",
        "a\n",
        "\na",
        "  a\n\tb  ",
        "a\r\nb\r\n",
        "\r\n",
        "\r",
        "a\r",
        "\u{0}\u{1f}\n",
        "naïve 🦀\n",
        "\"quoted\" 'so' \\n \\ \\\\\n",
        "re.compile(r\"\\d+\\\\\")\nx = '\\''",
        "```python\ncode\n```",
        "```json\n{}\n```\n",
        "{\"replace\": 1}\n",
        "{\n",
        "}\n",
        "{\"tool\": \"finish\"}\nx",
        "[1, {\"a\": \"b\"}]\n",
        "</replace>\n",
        "a\n</replace>\nb",
        "a\n</replace>",
        "x = \"</replace>\"\ny",
        "<replace>\na\n</replace>",
        "</search>\n",
        "a\n</search>\n<replace>\nb",
        "<path>\nb",
        "<think>\na\n</think>\n",
        "</think>\n{\"tool\": \"finish\"}",
        "a\n</think>\n{\"replace\": \"b\"}\n",
        "a\n    ",
        "    \n    ",
        "\n  </replace>\n",
        "True\nNone\n",
        "<command>\nls\n</command>\n",
    ] {
        let text = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!(value))).collect::<Map<_, _>>();
        for names in [&["replace"][..], &["path"], &["search", "replace"], &["path", "search", "replace"], &["extra"]] {
            survives(&edit(), &text(names));
            survives(
                &tool("input", json!({ "tool": {}, "replace": {}, "arguments": {}, "think": {} }), &[]),
                &text(names),
            );
        }
        survives(
            &edit(),
            json!({ "line": 3, "on": [true, null, { "k": value }], "replace": value }).as_object().unwrap(),
        );
        survives(&edit(), json!({ "tool": value, "arguments": { "replace": value } }).as_object().unwrap());
        survives(&edit(), json!({ "tool": "edit", "arguments": { "replace": value } }).as_object().unwrap());
    }
    survives(&edit(), &Map::new());
    survives(&verdict(), &Map::new());
    survives(&edit(), json!({ "line": 1.5, "big": u64::MAX, "small": -1, "none": null }).as_object().unwrap());
}

#[test]
fn any_mixture_of_pieces_survives() {
    let pieces = [
        " ",
        "\n",
        "\n",
        "\n",
        "\t",
        "a",
        "é",
        "<",
        ">",
        "/",
        "\\",
        "\"",
        "'",
        "{",
        "}",
        "[",
        ":",
        ",",
        "\r\n",
        "\r",
        "```",
        "```json\n",
        "<replace>",
        "</replace>",
        "</replace",
        "<search>",
        "</search>",
        "</think>",
        "<think>",
        "{\"tool\": \"edit\"}",
        "{\"replace\": \"a\"}",
    ];
    let mut state: u64 = 42;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2_000 {
        let mut value = |longest| json!((0..random(longest)).map(|_| pieces[random(pieces.len())]).collect::<String>());
        let arguments = json!({ "replace": value(12), "search": value(8), "path": value(3) });
        survives(&edit(), arguments.as_object().unwrap());
    }
}

#[test]
fn a_call_is_shown_in_the_form_to_answer_in() {
    let arguments = json!({ "path": "a.py", "replace": "def f():\n    return \"\\n\"", "view": [1, { "a": 2 }] });
    let call = call(&edit(), arguments.as_object().unwrap());
    expect![[r#"
        {"path": "a.py", "view": [1, {"a": 2}]}
        <replace>
        def f():
            return "\n"
        </replace>"#]]
    .assert_eq(&render_json_call(&call, &[edit()]));
    expect![[r#"
        {"tool": "edit", "arguments": {"path": "a.py", "view": [1, {"a": 2}]}}
        <replace>
        def f():
            return "\n"
        </replace>"#]]
    .assert_eq(&render_json_call(&call, &all()));
    let of = |arguments: &str| ToolCall { arguments: arguments.to_owned(), ..call.clone() };
    let shown = |arguments: &str, tools: &[ToolSpec]| render_json_call(&of(arguments), tools);
    assert_eq!(shown(r#"{"replace":"a\nb"}"#, &[edit()]), "<replace>\na\nb\n</replace>");
    assert_eq!(shown(r#"{"replace":"a\n</replace>\nb"}"#, &[edit()]), "<replace>\na\n</replace>\nb\n</replace>");
    assert_eq!(shown("ls {", &all()), r#"{"tool": "edit", "arguments": ls {}"#);
    assert_eq!(shown("", &[bash()]), r#"{"tool": "edit", "arguments": {}}"#);
    assert_eq!(shown(r#"{"a":"b\nc"}"#, &[]), "{\"tool\": \"edit\", \"arguments\": {}}\n<a>\nb\nc\n</a>");
}

#[test]
fn a_conversation_becomes_json_with_the_tools_described() {
    let short = tool("execute_bash", json!({ "command": { "type": "string" } }), &["command"]);
    let calls = ["ls", "pwd"].map(|id| {
        let arguments = json!({ "command": id }).to_string();
        ToolCall { id: id.to_owned(), name: "execute_bash".to_owned(), arguments }
    });
    let results = calls.each_ref().map(|call| Message::tool(call, "a.py"));
    let start = [Message::system("Be good.\n"), Message::user("Mend it."), Message::assistant("Both.", calls.to_vec())];
    let history: Vec<Message> = start.into_iter().chain(results).collect();
    let converted = to_json_text(&history, &[short], &prompts()).unwrap();
    let shown: String = converted.iter().map(|message| format!("[{:?}] {}\n", message.role, message.content)).collect();
    expect![[r#"
        [System] Be good.

        You work with a tool. You call a tool with a JSON object in your message; its result comes back to you in the next message.

        This is the tool:

        ---- Tool 1: execute_bash ----
        Does execute_bash.

        JSON schema of its arguments:
        {
          "type": "object",
          "properties": {
            "command": {
              "type": "string"
            }
          },
          "required": [
            "command"
          ]
        }

        A call is one JSON object that holds the arguments alone:

        {"name_of_a_parameter": "value", "name_of_another_parameter": 1}

        A text of several lines, such as code, may be left out of the object. Write it below, between tags with the name of its parameter, each on a separate line; nothing in it is escaped, and whitespace counts:

        <name_of_a_parameter>
        A text of several lines
        is put between the tags as it is
        </name_of_a_parameter>

        Keep to these rules:
        - A message holds one call at most, at its end. You may explain yourself before it, never after it.
        - Give every required parameter, and none that the schema does not have.
        - Inside the object, write a quote in a string as \", a backslash as \\ and a line break as \n.
        - Do not make up results. A message without a call is taken as plain text.
        [User] Mend it.
        [Assistant] Both.

        {"command": "ls"}
        [User] EXECUTION RESULT of [execute_bash]:
        a.py
        [Assistant] {"command": "pwd"}
        [User] EXECUTION RESULT of [execute_bash]:
        a.py
    "#]].assert_eq(&shown);
    assert_eq!(to_json_text(&history[..2], &[], &prompts()).unwrap(), history[..2]);
}

#[test]
fn several_tools_are_told_apart_by_name() {
    let several = to_json_text(&[Message::user("Mend it.")], &all()[..2], &prompts()).unwrap();
    assert_eq!(several[0].role, Role::System);
    expect![[r#"
         one JSON object that names the tool and holds its arguments:

        {"tool": "name_of_the_tool", "arguments": {"name_of_a_parameter": "value", "name_of_another_parameter": 1}}

        A text of several lines, such as code, may be left out of the object. Write it below, between tags with the name of its parameter, each on a separate line; nothing in it is escaped, and whitespace counts:

        <name_of_a_parameter>
        A text of several lines
        is put between the tags as it is
        </name_of_a_parameter>

        Keep to these rules:
        - A message holds one call at most, at its end. You may explain yourself before it, never after it.
        - Give every required parameter, and none that the schema does not have.
        - Inside the object, write a quote in a string as \", a backslash as \\ and a line break as \n.
        - Do not make up results. A message without a call is taken as plain text."#]].assert_eq(several[0].content.split_once("A call is").unwrap().1);
}
