//! Whether an edit breaks the syntax of Python.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tool_core::Texts;
use tree_sitter::{Node, Parser};

use crate::edits::change::changed_lines;

/// What to do about an edit that breaks the syntax of a Python file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyntaxCheck {
    /// Do not look.
    Off,
    /// Make the edit and say where the syntax is broken.
    #[default]
    Report,
    /// Refuse the edit.
    Refuse,
}

/// A place where Python cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: SyntaxReason,
    /// The line itself, cut when long.
    pub source: String,
}

/// What is wrong with a text that is to be Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyntaxReason {
    /// This token is missing.
    Expected(String),
    /// A block has no statement.
    NoBlock,
    /// A statement is not where its block begins.
    Uneven,
    /// Something else.
    Invalid,
}

impl SyntaxReason {
    fn message(&self, texts: &dyn Texts) -> String {
        match self {
            Self::Expected(token) => texts.render("edit/syntax_expected", json!({ "token": token })),
            Self::NoBlock => texts.plain("edit/syntax_no_block"),
            Self::Uneven => texts.plain("edit/syntax_uneven"),
            Self::Invalid => texts.plain("edit/syntax_invalid"),
        }
    }

    /// Returns what comes first where a line has several problems. A quote ends the token, as where it is told.
    fn order(&self) -> (u8, String) {
        match self {
            Self::Expected(token) => (0, format!("{token}`")),
            Self::NoBlock => (1, String::new()),
            Self::Uneven => (2, String::new()),
            Self::Invalid => (3, String::new()),
        }
    }
}

impl SyntaxProblem {
    /// Returns the message for the model.
    pub fn message(&self, texts: &dyn Texts) -> String {
        let values = json!({ "line": self.line, "reason": self.reason.message(texts), "source": self.source });
        texts.render("edit/syntax_problem", values)
    }

    fn new(row: usize, reason: SyntaxReason, lines: &[&str]) -> Self {
        let source = lines.get(row).map_or("", |line| line.trim());
        Self { line: row + 1, reason, source: source.chars().take(100).collect() }
    }
}

/// Returns whether the name of a file is that of Python source.
pub fn is_python(path: &str) -> bool {
    path.ends_with(".py") || path.ends_with(".pyi")
}

/// Returns the problems that `source` has and `before` had not; none while a broken file gets no worse.
pub fn new_problems(before: &str, source: &str) -> Vec<SyntaxProblem> {
    let mut after = problems(source);
    if after.is_empty() {
        return after;
    }
    let known = problems(before);
    if known.is_empty() {
        return at_change(before, source, after);
    }
    if after.len() <= known.len() {
        return Vec::new();
    }
    after.retain(|problem| !known.iter().any(|old| old.source == problem.source && old.reason == problem.reason));
    after
}

/// Moves problems that seem to be above the change to its first line: the parser may give up on a text as a whole and
/// then names the line where it began.
fn at_change(before: &str, source: &str, mut problems: Vec<SyntaxProblem>) -> Vec<SyntaxProblem> {
    let lines: Vec<&str> = source.lines().collect();
    let first = changed_lines(before, source).start.min(lines.len().saturating_sub(1));
    for problem in problems.iter_mut().filter(|problem| problem.line <= first) {
        *problem = SyntaxProblem::new(first, problem.reason.clone(), &lines);
    }
    problems.dedup_by_key(|problem| problem.line);
    problems
}

/// Returns where `source` is not Python, in the order of lines.
pub fn problems(source: &str) -> Vec<SyntaxProblem> {
    let mut parser = Parser::new();
    if parser.set_language(&tree_sitter_python::LANGUAGE.into()).is_err() {
        return Vec::new();
    }
    let Some(tree) = parser.parse(source, None) else { return Vec::new() };
    let mut found: Vec<(usize, SyntaxReason)> = Vec::new();
    let mut cursor = tree.walk();
    'walk: loop {
        let node = cursor.node();
        let problem = problem_at(node);
        // What is inside an error is noise, and a whole expression has nothing to look at.
        let inside = !node.is_error() && (node.has_error() || holds_blocks(node.kind())) && cursor.goto_first_child();
        found.extend(problem);
        if inside {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                break 'walk;
            }
        }
    }
    found.sort_by_cached_key(|(row, reason)| (*row, reason.order()));
    found.dedup_by_key(|(row, _)| *row);
    let lines: Vec<&str> = source.lines().collect();
    found.into_iter().map(|(row, reason)| SyntaxProblem::new(row, reason, &lines)).collect()
}

fn holds_blocks(kind: &str) -> bool {
    const STATEMENTS: [&str; 8] = [
        "module",
        "block",
        "if_statement",
        "for_statement",
        "while_statement",
        "try_statement",
        "with_statement",
        "match_statement",
    ];
    STATEMENTS.contains(&kind) || kind.ends_with("_clause") || kind.ends_with("_definition")
}

fn problem_at(node: Node<'_>) -> Option<(usize, SyntaxReason)> {
    let row = node.start_position().row;
    if node.is_missing() {
        return Some((row, SyntaxReason::Expected(node.kind().to_owned())));
    }
    if node.is_error() {
        return Some((row, SyntaxReason::Invalid));
    }
    match node.kind() {
        "block" => block_problem(node),
        "module" => uneven(node),
        _ => None,
    }
}

/// The grammar takes a block without statements for granted; Python does not.
fn block_problem(block: Node<'_>) -> Option<(usize, SyntaxReason)> {
    let mut cursor = block.walk();
    let empty = block.named_children(&mut cursor).all(|child| child.kind() == "comment");
    if empty {
        let row = block.prev_sibling().map_or(block.start_position().row, |sibling| sibling.end_position().row);
        return Some((row, SyntaxReason::NoBlock));
    }
    uneven(block)
}

/// Returns the first statement that does not begin at the column of its block.
fn uneven(block: Node<'_>) -> Option<(usize, SyntaxReason)> {
    let mut previous: Option<Node<'_>> = None;
    let mut column = None;
    for statement in statements(block) {
        let start = statement.start_position();
        let own_line = previous.is_none_or(|previous| previous.end_position().row < start.row);
        previous = Some(statement);
        if own_line && *column.get_or_insert(start.column) != start.column {
            return Some((start.row, SyntaxReason::Uneven));
        }
    }
    None
}

fn statements(block: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let mut cursor = block.walk();
    let children: Vec<Node<'_>> = block.named_children(&mut cursor).collect();
    children.into_iter().filter(|child| child.kind() != "comment" && !child.is_error())
}
