//! What the model that knows the solution goes by: not the words of the templates, but all that they must show.

use std::fs;
use std::path::Path;

use crate::cases::{self, Case, root};
use crate::moatless::{Flow, Style, solve};
use crate::program::Program;

/// Templates that Moatless's model reads: folders and files.
const READ: [&str; 5] = ["moatless", "tools", "texts/moatless.md", "texts/search.md", "llm/json_tools.md"];

/// What the questions show, by the templates that show it.
const LACKING: [(&str, &str); 11] = [
    ("moatless/search_ask.md", "{{ instance.problem_statement }}"),
    ("moatless/identify_ask.md", "{{ extra.found }}"),
    ("moatless/decide_ask.md", "{{ extra.context }}"),
    ("moatless/plan_ask.md", "{{ extra.context }}"),
    ("moatless/plan_ask.md", "{{ edit }}"),
    ("moatless/select_lines.md", "{{ extra.most }} tokens at most, about {{ extra.most // 10 }} lines"),
    ("moatless/select_lines_ask.md", "{{ extra.instructions }}"),
    ("moatless/select_lines_ask.md", "{{ extra.code }}"),
    ("moatless/replace_code_ask.md", "{{ extra.instructions }}"),
    ("moatless/replace_code_ask.md", "{{ extra.place }}"),
    ("moatless/replace_code_ask.md", "{{ extra.code }}"),
];

/// Returns the templates of Moatless, by their files.
fn templates() -> Vec<(String, String)> {
    let prompts = root().join("prompts");
    let mut found = Vec::new();
    for name in READ {
        let path = prompts.join(name);
        let files = if path.is_dir() {
            fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect()
        } else {
            vec![path]
        };
        for file in files {
            let name = file.strip_prefix(&prompts).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(&file).unwrap()));
        }
    }
    found
}

fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// Returns a template in which every word outside of its expressions is another one.
fn reworded(template: &str) -> String {
    let reword = |text: &str| text.chars().map(|c| if c.is_lowercase() { 'x' } else { c }).collect::<String>();
    let mut said = String::new();
    for line in template.split_inclusive('\n') {
        // The name of a text, by which the program finds it.
        if line.starts_with("## ") {
            said.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some((words, behind)) = rest.split_once('{') {
            let end = behind.find('}').map_or(behind.len(), |at| at + 1);
            said.push_str(&format!("{}{{{}", reword(words), &behind[..end]));
            rest = &behind[end..];
        }
        said.push_str(&reword(rest));
    }
    said
}

fn lru() -> Case {
    cases::demo().into_iter().find(|case| case.id == "demo__lru-1").unwrap()
}

#[test]
fn another_wording_changes_nothing() {
    let program = Program::new();
    let folder = program.path("prompts");
    for (name, text) in templates() {
        write(&folder, &name, &reworded(&text));
    }
    let said = fs::read_to_string(folder.join("moatless/plan_ask.md")).unwrap();
    assert!(said.contains("{{ extra.context }}") && !said.contains("changes so far"), "{said}");
    let settings = [format!("prompts={}", folder.display()), "moatless.edit_tokens=60".to_owned()];
    let kinds = [(Flow::States, Style::Native), (Flow::States, Style::Json), (Flow::Actions, Style::Json)];
    for kind in kinds {
        solve(&lru(), &program, kind, &settings).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn what_a_question_lacks_fails_the_run() {
    let program = Program::new();
    for (number, (name, part)) in LACKING.into_iter().enumerate() {
        let template = fs::read_to_string(root().join("prompts").join(name)).unwrap();
        assert!(template.contains(part), "`{name}` has no `{part}`");
        let folder = program.path(&format!("prompts-{number}"));
        write(&folder, name, &template.replace(part, ""));
        let settings = [format!("prompts={}", folder.display()), "moatless.edit_tokens=60".to_owned()];
        let solved = solve(&lru(), &program, (Flow::States, Style::Native), &settings);
        assert!(solved.is_err(), "solved without `{part}` of `{name}`");
    }
}
