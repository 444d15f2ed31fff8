//! What a model reads stands in `prompts`, and not in the source of tools and agents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::circles::is_for_tests;
use crate::tidy::root;

/// Sources in which all prose is for a model.
const TOLD: [&str; 10] = [
    "tools/tool-core/src/toolbox.rs",
    "tools/tool-core/src/builtin.rs",
    "tools/shell/src/bash.rs",
    "tools/edit/src",
    "tools/search/src/tools",
    "tools/search/src/rank/unparsed.rs",
    "agents/bashonly/src",
    "agents/codeact/src",
    "agents/llm/src/calls",
    "agents/moatless/src",
];

/// Sources in which no refusal and no observation may have words of its own.
const SOURCES: [&str; 10] = [
    "tools/tool-core/src",
    "tools/shell/src",
    "tools/edit/src",
    "tools/search/src",
    "agents/agent-core/src",
    "agents/bashonly/src",
    "agents/codeact/src",
    "agents/llm/src/calls",
    "agents/llm/src/layers",
    "agents/moatless/src",
];

/// Calls whose words reach a model.
const TELLS: [&str; 5] = ["Rejected", "Observation", "reject", "rejected", "refuse"];

/// Macros whose words are for a log, or for nobody.
const LOGS: [&str; 7] = ["trace", "debug", "info", "warn", "error", "panic", "assert"];

/// Words that are for no model in spite of where they stand, by file and beginning.
const OTHERS: &[(&str, &str, &str)] = &[
    ("agents/llm/src/calls/text_tools.rs", "EXECUTION RESULT of", "a form of conversations that models are trained on"),
    ("agents/moatless/src/machine.rs", "{} edits were rejected", "the end of an episode, as its record has it"),
    ("tools/edit/src/patch/parse.rs", "GIT binary patch", "words of a patch"),
    ("tools/edit/src/patch/parse.rs", "deleted file mode", "words of a patch"),
    ("tools/edit/src/patch/parse.rs", "new file mode", "words of a patch"),
    ("tools/tool-core/src/toolbox.rs", "`{name}` is not a valid tool name", "for whoever configures an agent"),
    ("tools/tool-core/src/toolbox.rs", "two tools are named", "for whoever configures an agent"),
];

/// Returns the files of Rust below a path.
fn sources(path: &str) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![root().join(path)]);
    while let Some(next) = left.pop() {
        if next.is_dir() {
            left.extend(fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()));
        } else if next.extension().is_some_and(|extension| extension == "rs") {
            found.push(next);
        }
    }
    assert!(!found.is_empty(), "`{path}` holds no source");
    found
}

/// A literal, and whether it stands in what reaches a model.
struct Literal {
    text: String,
    tells: bool,
}

/// Adds the string literals of some tokens, those of attributes, tests and logs left out.
fn literals(tokens: TokenStream, tells: bool, found: &mut Vec<Literal>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is = |at: usize, text: &str| tokens.get(at).is_some_and(|token| token.to_string() == text);
    let body = |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            // An attribute, and all of an item that is for tests.
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let inner = usize::from(is(at + 1, "!"));
                if tokens.get(at + 1).is_some_and(is_for_tests) {
                    let end = (at..tokens.len()).find(|at| is(*at, ";") || body(&tokens[*at]));
                    at = end.unwrap_or(tokens.len());
                } else {
                    at += 1 + inner;
                }
            }
            TokenTree::Ident(name) if is(at + 1, "!") && LOGS.contains(&name.to_string().as_str()) => at += 2,
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if text.starts_with(['"', 'r']) {
                    found.push(Literal { text, tells });
                }
            }
            TokenTree::Group(group) => literals(group.stream(), tells || told_by(&tokens, at, group), found),
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
        at += 1;
    }
}

/// Returns whether a group holds the arguments of a call that tells a model, such as `Observation::text(…)`.
fn told_by(tokens: &[TokenTree], at: usize, group: &Group) -> bool {
    let ident = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at)).map(TokenTree::to_string);
    let names = |back: usize| ident(back).is_some_and(|name| TELLS.contains(&name.as_str()));
    match group.delimiter() {
        Delimiter::Parenthesis => names(1) || (ident(2).as_deref() == Some(":") && names(4)),
        Delimiter::Brace => ident(1).as_deref() == Some("Observation"),
        Delimiter::Bracket | Delimiter::None => false,
    }
}

/// Returns whether a literal is a sentence, or a part of one: three words or more, and no script.
fn is_prose(text: &str) -> bool {
    let script = ["&&", "||", " -- ", "$", "-name", "printf"];
    if script.iter().any(|mark| text.contains(mark)) {
        return false;
    }
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\\' | ',' | ':' | ';' | '.' | '`'));
    let words = words.filter(|word| word.len() > 1 || matches!(*word, "a" | "A"));
    words.filter(|word| word.chars().all(|c| c.is_ascii_alphabetic() || c == '\'')).count() >= 3
}

/// Returns what of a source is for a model and stands in it; `told` is whether all of its prose is.
fn wrong(source: &str, told: bool) -> Vec<String> {
    let mut found = Vec::new();
    literals(TokenStream::from_str(source).unwrap(), false, &mut found);
    let wrong = found.into_iter().filter(|literal| (told || literal.tells) && is_prose(&literal.text));
    wrong.map(|literal| literal.text).collect()
}

#[test]
fn what_a_model_is_told_stands_in_prompts() {
    let told: BTreeSet<PathBuf> = TOLD.iter().flat_map(|path| sources(path)).collect();
    let mut errors = Vec::new();
    let mut unused: BTreeSet<_> = OTHERS.iter().collect();
    for path in SOURCES.iter().flat_map(|path| sources(path)) {
        let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        for text in wrong(&fs::read_to_string(&path).unwrap(), told.contains(&path)) {
            let begins = |text: &str, begin: &str| text.trim_start_matches(['r', '#', '"']).starts_with(begin);
            match OTHERS.iter().find(|(file, begin, _)| *file == name && begins(&text, begin)) {
                Some(other) => drop(unused.remove(other)),
                None => errors.push(format!("`{name}`: {text}")),
            }
        }
    }
    assert!(errors.is_empty(), "these belong into `prompts/texts`:\n{}", errors.join("\n"));
    assert!(unused.is_empty(), "these are no longer there: {unused:?}");
}

#[test]
fn planted_words_for_a_model_are_found() {
    let found = |source: &str, told: bool| wrong(source, told).len();
    for planted in [
        r#"fn f() { ToolError::Rejected("there is no such file".to_owned()); }"#,
        r#"fn f() { ToolError::Rejected(format!("`{path}` is not here")); }"#,
        r##"fn f() { Observation::text(r#"Done with all of it"#); }"##,
        r#"fn f() { if x { Observation { text: "Done with all of it".into(), ..y } } }"#,
        r#"fn f() { return rejected("give the right path"); }"#,
    ] {
        assert_eq!(found(planted, false), 1, "{planted}");
    }
    let aside = r#"const HINT: &str = "hint: look at the file first";"#;
    assert_eq!((found(aside, false), found(aside, true)), (0, 1));
    for fine in [
        r#"fn f() { Rejected(texts.plain("edit/empty_file")); }"#,
        r#"#[doc = "Returns what is there."] fn f() { tracing::debug!("the next command tries again"); }"#,
        r#"#[cfg(test)] mod tests { const HINT: &str = "hint: look at the file first"; }"#,
        r#"const SCRIPT: &str = "cd -- here && rm -rf all that";"#,
    ] {
        assert_eq!(found(fine, true), 0, "{fine}");
    }
}

#[test]
fn every_text_is_told_and_every_text_that_is_told_is_there() {
    let prompts = prompts::Prompts::new(BTreeMap::new()).unwrap();
    let names = prompts.names();
    let texts: BTreeSet<&str> = names.iter().filter(|name| !name.ends_with(".md")).map(String::as_str).collect();
    let groups: BTreeSet<&str> = texts.iter().filter_map(|name| Some(name.split_once('/')?.0)).collect();
    let mut told = BTreeSet::new();
    for path in SOURCES.iter().flat_map(|path| sources(path)) {
        let mut found = Vec::new();
        literals(TokenStream::from_str(&fs::read_to_string(path).unwrap()).unwrap(), false, &mut found);
        let is_name = |text: &String| {
            let part = |part: &str| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            };
            text.split_once('/').is_some_and(|(group, name)| groups.contains(group) && part(name))
        };
        told.extend(found.into_iter().map(|literal| literal.text.trim_matches('"').to_owned()).filter(is_name));
    }
    let told: BTreeSet<&str> = told.iter().map(String::as_str).collect();
    let missing: Vec<_> = told.difference(&texts).collect();
    assert!(missing.is_empty(), "`prompts/texts` lacks {missing:?}");
    let idle: Vec<_> = texts.difference(&told).collect();
    assert!(idle.is_empty(), "nobody tells {idle:?}");
}
