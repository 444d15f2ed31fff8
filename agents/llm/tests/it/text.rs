//! Calls in text, both ways.

use agent_core::{Message, ToolCall};
use expect_test::{Expect, expect};
use llm::{parse_calls, render_call, split_calls, to_released_form, to_text};
use serde_json::{Map, Value, json};

use crate::server::{bash, prompts};

fn call(name: &str, arguments: &Value) -> ToolCall {
    let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
    ToolCall { id: format!("id_{name}"), name: name.to_owned(), arguments }
}

/// Checks what is read out of a text that ended by itself.
fn reads(text: &str, expected: Expect) {
    let shown = match parse_calls(text, true) {
        Ok(read) => {
            let calls = read.calls.iter().map(|(name, arguments)| format!("{name} {arguments}\n"));
            format!("{:?}\n{}", read.words, calls.collect::<String>())
        }
        Err(unreadable) => format!("{unreadable:?}\n"),
    };
    expected.assert_eq(&shown);
}

/// Checks that values are the same after rendering and parsing.
fn survives(values: &[&str]) {
    let names = ["command", "path", "old_str", "new_str"];
    let arguments: Map<String, Value> =
        names.iter().zip(values).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let call = call("edit", &Value::Object(arguments));
    let text = format!("I will edit.\n\n{}", render_call(&call));
    let ways = [text.clone(), text.strip_suffix(">").unwrap().to_owned(), text.clone() + "\n"];
    for text in ways {
        let read = parse_calls(&text, true).unwrap_or_else(|err| panic!("{err:?} in {text}"));
        assert_eq!(read.words, "I will edit.", "{text}");
        assert_eq!(read.calls, [("edit".to_owned(), call.arguments.clone())], "{text}");
    }
}

#[test]
fn values_of_all_kinds_survive() {
    for value in [
        "",
        " ",
        "\n",
        "\n\n",
        " a ",
        "\ta\t",
        "a\n",
        "\na",
        "\n\na\n\n",
        "  a\n  b  ",
        "a\r\nb\r",
        "\r",
        "\r\n",
        "<b>&lt;</b>",
        "</parameter>",
        "a</parameter>",
        "</parameter>a",
        "</parameter>\nx",
        "a\n</parameter>",
        "a\n</parameter>\nb",
        "</parameter> </parameter>",
        "a\n</parameter>\n</parameter>\nb",
        "<function=edit>",
        "<function=edit>\n<parameter=command>ls</parameter>\n</function>",
        "see <function=x></function>\n",
        "</function>",
        "a\n</function>\nb",
        "</parameter>\n</function>\n",
        "a\n</parameter>\n</function>\nb",
        "<parameter=path>",
        "a\n</parameter>\n<parameter=command>\nb",
        "\"quoted\" \\n {\"json\": [1]}",
        "naïve 🦀",
        "\u{0}",
    ] {
        survives(&[value]);
        survives(&["view", value]);
        survives(&[value, "/a/b.py", value, value]);
    }
}

#[test]
fn any_mixture_of_pieces_survives() {
    let pieces = [
        " ",
        "\n",
        "\n",
        "\t",
        "a",
        "é",
        "<",
        ">",
        "/",
        "=",
        "\\",
        "\"",
        "'",
        "{",
        "\r",
        "&amp;",
        "</param",
        "<function=f>",
        "</function>",
        "</function",
        "</parameter",
        "<parameter=command>",
        "<parameter",
        "</b>",
    ];
    let mut state: u64 = 42;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..5_000 {
        let mut value = |longest| (0..random(longest)).map(|_| pieces[random(pieces.len())]).collect::<String>();
        let values = [value(12), value(3), value(12), value(12)];
        survives(&values.each_ref().map(String::as_str)[..1 + random(4)]);
    }
}

#[test]
fn the_form_is_that_of_the_released_data() {
    let arguments = json!({
        "command": "create", "file_text": "a\nb", "view_range": [1, 50], "on": true, "none": null, "map": { "k": ["v", 1] },
    });
    expect![[r#"
        <function=str_replace_editor>
        <parameter=command>create</parameter>
        <parameter=file_text>
        a
        b
        </parameter>
        <parameter=view_range>[1, 50]</parameter>
        <parameter=on>true</parameter>
        <parameter=map>{"k": ["v", 1]}</parameter>
        </function>"#]]
    .assert_eq(&render_call(&call("str_replace_editor", &arguments)));
    expect![[r#"
        <function=finish>
        </function>"#]]
    .assert_eq(&render_call(&call("finish", &json!({}))));
    expect![[r#"
        <function=execute_bash>
        not { json
        </function>"#]]
    .assert_eq(&render_call(&call("execute_bash", &json!("not { json"))));
}

#[test]
fn sloppy_calls_are_read() {
    reads(
        "Just words.",
        expect![[r#"
        "Just words."
    "#]],
    );
    reads(
        "  <function=finish>\n",
        expect![[r#"
        ""
        finish {}
    "#]],
    );
    reads(
        "Look: <function=bash><parameter=command>ls</parameter>",
        expect![[r#"
        "Look:"
        bash {"command":"ls"}
    "#]],
    );
    reads(
        "<function=bash>\n<parameter=command>\nls\n</parameter>\n</function",
        expect![[r#"
        ""
        bash {"command":"ls"}
    "#]],
    );
    reads(
        "<function=bash>\n  <parameter=command> ls\n -l</parameter>  \n\n</function>\ntail",
        expect![[r#"
        ""
        bash {"command":" ls\n -l"}
    "#]],
    );
    reads(
        "I used `<function=bash>` before.",
        expect![[r#"
        "I used `<function=bash>` before."
    "#]],
    );
    reads(
        "a\n<function=f>\n<parameter=p>1</parameter>\n</function>\nb\n<function=g>\n<parameter=p>2</parameter>\n</function>",
        expect![[r#"
            "a"
            f {"p":"1"}
            g {"p":"2"}
        "#]],
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    reads(
        "<function=bash>\n<parameter=command>ls\n",
        expect![[r#"
        ParameterNotClosed { function: "bash", parameter: "command" }
    "#]],
    );
    reads(
        "<function=bash>\nls\n</function>",
        expect![[r#"
        StrayText { function: "bash", text: "ls" }
    "#]],
    );
    reads(
        "<function=>\n</function>",
        expect![[r#"
        NoName
    "#]],
    );
    reads(
        "<function=a>\n<parameter=p>1</parameter>\n</function>\n<function=b>\n<parameter=p>1</parameter>\n",
        expect![[r#"
            NotClosed { function: "b" }
        "#]],
    );
    let cut = parse_calls("<function=bash>\n<parameter=command>ls</parameter>\n", false);
    assert_eq!(cut, Err(llm::Unreadable::CutOff));
}

fn shown(messages: &[Message]) -> String {
    messages.iter().map(|message| format!("[{:?}] {}\n", message.role, message.content)).collect()
}

#[test]
fn a_conversation_becomes_text_with_the_tools_described() {
    let ls = call("execute_bash", &json!({ "command": "ls" }));
    let history = [
        Message::system("Be good.\n"),
        Message::user("Mend it."),
        Message::assistant("", vec![ls.clone()]),
        Message::tool(&ls, "a.py"),
        Message::user("Go on."),
        Message::assistant("Done.", Vec::new()),
    ];
    let finish = agent_core::ToolSpec {
        name: "finish".into(),
        description: "Ends it.\n".into(),
        parameters: json!({ "type": "object", "properties": {} }),
    };
    let text = to_text(&history, &[bash(), finish], false, &prompts()).unwrap();
    expect![[r#"
        [System] Be good.

        You work with tools. You call a tool by writing the call into your message; its result comes back to you in the next message.

        These are the tools:

        ---- Tool 1: execute_bash ----
        Runs a command.

        Parameters:
          1. command (string, required): The command.
          2. view (array of integer, optional)
          3. mode (string, optional)
             One of: fast, slow

        ---- Tool 2: finish ----
        Ends it.

        It takes no parameters.

        A call has exactly this form, with the names of the tool and of its parameters filled in:

        <function=tool_name>
        <parameter=name_of_a_parameter>a short value</parameter>
        <parameter=name_of_another_parameter>
        A value of several lines
        is put on separate lines
        </parameter>
        </function>

        Keep to these rules:
        - A call begins with <function= and ends with </function>, and is at the end of your message. You may explain yourself before it, never after it.
        - A message holds one call at most.
        - Give every required parameter. Write values as they are, without quotes or escapes around them; whitespace counts.
        - Do not make up results. A message without a call is taken as plain text.
        [User] Mend it.
        [Assistant] <function=execute_bash>
        <parameter=command>ls</parameter>
        </function>
        [User] EXECUTION RESULT of [execute_bash]:
        a.py
        [User] Go on.
        [Assistant] Done.
    "#]].assert_eq(&shown(&text));
    assert_eq!(to_text(&history[1..], &[bash()], true, &prompts()).unwrap()[0].role, agent_core::Role::System);
    assert_eq!(to_text(&history[..2], &[], true, &prompts()).unwrap(), history[..2]);
}

#[test]
fn the_released_form_has_one_call_a_message() {
    let calls = ["ls", "pwd"].map(|name| call(name, &json!({})));
    let history = [
        Message::assistant("Both.", calls.to_vec()),
        Message::tool(&calls[1], "/"),
        Message::tool(&calls[0], "a.py"),
        Message::user("Go on."),
    ];
    expect![[r#"
        [Assistant] Both.

        <function=ls>
        </function>
        [User] EXECUTION RESULT of [ls]:
        a.py
        [Assistant] <function=pwd>
        </function>
        [User] EXECUTION RESULT of [pwd]:
        /
        [User] Go on.
    "#]]
    .assert_eq(&shown(&to_released_form(&history, &[], &prompts()).unwrap()));
    let single = [Message::assistant("One.", vec![calls[0].clone()]), Message::tool(&calls[0], "a.py")];
    assert_eq!(split_calls(&single), single);
    let unanswered = split_calls(&[Message::assistant("Both.", calls.to_vec())]);
    assert_eq!(unanswered.len(), 2);
}
